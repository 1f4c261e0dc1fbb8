"""Developer tools; not installed."""
