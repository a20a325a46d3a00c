"""Tiny models and data for the tests that train."""

import numpy as np

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Segment, Trial
from kerastune_lite._src.keras.loading import load_keras

load_keras()
import keras  # noqa: E402

VAL_LOSS = Objective("val_loss", "min")
FEATURES = 4


def data(rows=32, seed=0):
    """A linear problem: x (rows, 4), y (rows, 1)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype("float32")
    y = (x.sum(axis=1, keepdims=True) + 0.1 * rng.normal(size=(rows, 1))).astype("float32")
    return x, y


def linear(learning_rate=0.05, metrics=(), **compile_arguments):
    """A compiled model of one layer."""
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])
    compile_arguments.setdefault("loss", "mse")
    # On so few batches tracing a function takes longer than all of the training.
    compile_arguments.setdefault("run_eagerly", True)
    model.compile(
        keras.optimizers.SGD(learning_rate), metrics=list(metrics) or None, **compile_arguments
    )
    return model


class Subclassed(keras.Model):
    """Has no variables before it is called, and no build() of its own."""

    def __init__(self, units=3):
        super().__init__()
        self.hidden = keras.layers.Dense(units, activation="tanh")
        self.last = keras.layers.Dense(1)

    def call(self, inputs):
        return self.last(self.hidden(inputs))


def segment(number=0, **fields):
    """The segment of a trial that has no hyperparameters yet."""
    return Segment(Trial(number, {}), **fields)


def same_weights(one, other):
    """Whether two lists of arrays are equal, element by element."""
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other))
