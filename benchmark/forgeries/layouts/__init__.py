"""One file a layout; `benchmark.forgeries.LAYOUTS` is the list."""
