"""Discriminators, for training: one file a kind."""
