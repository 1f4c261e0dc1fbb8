"""How the inpainters of this project are trained: losses, discriminators, features, recipes."""
