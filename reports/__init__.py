"""What is read and looked at: the paper's numbers, results as rows, tables."""
