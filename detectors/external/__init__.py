"""External detectors: programs, model collections, and folders of heatmaps."""
