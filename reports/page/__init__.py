"""The HTML report: one file that opens anywhere, without a network."""
