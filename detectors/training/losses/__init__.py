"""Training losses, one file a detector."""
