"""Executors: where batches of jobs run. Each is a file; a plan never names one."""
