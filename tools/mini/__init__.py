"""Tables of docs/mini.md and cards of the mini weights: `python -m tools.mini PHOTOS`."""
