"""Training of the inpainters: training modules, losses, discriminators and recipes."""
