"""Holes: their buckets, the generator of irregular masks, and folders of mask files."""
