"""Masks: mask-ratio bins, the generator of irregular masks, and folders of mask files."""
