"""Training data: images, masks, forgeries, and batches of them in the order of steps."""
