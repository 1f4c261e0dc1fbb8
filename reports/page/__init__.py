"""HTML report of a run: one self-contained file that needs no network."""
