"""Detectors outside this project: programs, collections, and folders of finished heatmaps."""
