"""The ground floor: types, cards, checks, weights, images, errors. Imports nothing of ours."""
