"""Executors: where chunks of jobs run. One file each; a plan never names one."""
