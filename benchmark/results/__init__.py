"""Results of a run: aggregation of stored outputs, the run's files, their reader, statistics."""
