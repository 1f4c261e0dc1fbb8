"""Reports of a run: the paper's tables, statistics, comparison of runs, figures, HTML page."""
