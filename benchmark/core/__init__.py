"""Foundation of all packages: types, cards, registries, checkpoints, images, errors, seeds."""
