"""The ground floor: types, cards, checks, weights, pictures, errors. Imports nothing of ours."""
