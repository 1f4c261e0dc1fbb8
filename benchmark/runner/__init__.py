"""Runs: the plan, its jobs and their keys, the scheduler and the worker."""
