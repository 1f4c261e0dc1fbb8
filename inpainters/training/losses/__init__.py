"""Training losses: what models share, then one file a model."""
