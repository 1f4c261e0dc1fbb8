"""Training losses that several models share."""
