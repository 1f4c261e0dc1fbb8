"""How the detectors of this project are trained: losses, steps and recipes."""
