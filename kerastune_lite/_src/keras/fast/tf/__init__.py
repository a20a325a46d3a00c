"""Epochs as a function of the training's state, traced once for all models of a structure."""
