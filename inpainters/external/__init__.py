"""Inpainters outside this project: programs, collections, and folders of finished images."""
