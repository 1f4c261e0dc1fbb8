"""The store: outputs of models under the key of all that decides them."""
