"""Find, read and strictly load checkpoints; nothing in one is executed."""
