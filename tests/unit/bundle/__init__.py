"""Bundles: written, read, proved."""
