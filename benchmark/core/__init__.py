"""The ground floor: types, cards, registries, checks, weights and errors. Imports nothing of ours."""
