"""Training of the detectors: training modules, losses, recipes."""
