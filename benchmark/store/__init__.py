"""The store: outputs of models, under keys that hash everything that determines them."""
