"""What runs: the plan, its jobs and their keys, the store, the worker, the waves, the record."""
