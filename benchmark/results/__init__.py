"""What a run came to: its numbers, from stored answers to files, and the one reader of both."""
