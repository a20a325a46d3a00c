"""How a model is trained: by a shared program or by one of its own, with all that `fit` does."""
