"""A small regression, for scripts that train Keras models."""

import numpy as np

from tests.keras.models import keras

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
FIT = {"validation_data": (X[16:], Y[16:]), "verbose": 0}


def build(hp):
    units = hp.Int("units", 2, 8, step=2)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [1e-2, 1e-3])), "mse", metrics=["mae"])
    return model
