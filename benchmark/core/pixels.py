"""Earlier name of `benchmark.core.tensors`, kept for plugins."""

from benchmark.core.tensors import hole_blind, known_mean, to_images, to_masks, to_pixels

__all__ = ["hole_blind", "known_mean", "to_images", "to_masks", "to_pixels"]
