"""What earlier commits wrote, and what has to hold of it ever after."""
