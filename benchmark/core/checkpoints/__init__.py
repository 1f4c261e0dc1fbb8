"""Find, read and strictly load checkpoints without executing anything in them."""
