"""The grids of `make_tables.py`: for each table its axes, its data and its network.

`digits` was made with an earlier program, on more points than the others. The file of a table holds
the values of each axis under its name, in the order of the axes of its arrays.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

EPOCHS = 27
EIGHT_RATES = [10.0 ** (k / 2) for k in range(-7, 1)]
RATES_OF_ADAM = [10.0 ** (k / 2) for k in range(-8, -1)]
DENSE: dict[str, list] = {
    "layers": [1, 2, 3],
    "units": [4, 8, 16, 32, 64],
    "activation": ["relu", "tanh"],
    "batch_size": [16, 32, 128],
    "learning_rate": EIGHT_RATES,
    "momentum": [1.0 - 10.0 ** (-k / 2) for k in range(4)],
}
COARSE = {**DENSE, "units": [4, 16, 64], "batch_size": [16, 64]}
"""Of the dense tables that are there to check on the others."""
CONVOLUTIONAL: dict[str, list] = {
    "layers": [1, 2],
    "filters": [4, 8, 16],
    "kernel": [3, 5],
    "batch_size": [32, 128],
    "learning_rate": RATES_OF_ADAM,
    "dropout": [0.0, 0.25, 0.5],
}
RECURRENT: dict[str, list] = {
    "cell": ["simple", "gru"],
    "units": [4, 8, 16],
    "batch_size": [32, 128],
    "learning_rate": RATES_OF_ADAM,
    "dropout": [0.0, 0.25, 0.5],
}


@dataclasses.dataclass(frozen=True)
class Grid:
    """One table.

    Attributes:
        axes: the values of each; the last two are rates, on which trainings of one structure and
            batch size differ alone.
        data: makes x and y for training, and for validation.
        model: makes a network that is not compiled, from values, the shape of a sample and the
            number of classes, or 1 for a regression.
        optimizer: makes one from values.
    """

    axes: dict[str, list]
    data: Callable
    model: Callable
    optimizer: Callable


# ---------------------------------------------------------------------- data


def flat(load, classes=True):
    """Standardised samples without a shape; a third of them is for validation."""

    def data():
        x, y = load()
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order], y[order]
        cut = 2 * len(x) // 3
        x = (x - x[:cut].mean(0)) / (x[:cut].std(0) + 1e-9)
        y = y.astype("int32") if classes else (y - y[:cut].mean()) / y[:cut].std()
        x = x.astype("float32")
        return (x[:cut], y[:cut]), (x[cut:], y[cut:])

    return data


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


def wine():
    from sklearn.datasets import load_wine

    return load_wine(return_X_y=True)


def diabetes():
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True)


def friedman():
    from sklearn.datasets import make_friedman1

    return make_friedman1(600, noise=0.5, random_state=0)


def images():
    """600 digits of 8 x 8 pixels to train on, and 600 others for validation."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))[:1200]
    x, y = (x[order] / 16.0).reshape(-1, 8, 8, 1).astype("float32"), y[order].astype("int32")
    return (x[:600], y[:600]), (x[600:], y[600:])


def waves():
    """Twelve steps of noisy sines, whose four frequencies are the classes; 600 for each purpose."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 1200).astype("int32")
    angle = rng.uniform(0.0, 2.0 * np.pi, (1200, 1)) + np.arange(12) * (0.4 + 0.35 * y[:, None])
    x = (np.sin(angle) + 0.5 * rng.standard_normal((1200, 12))).astype("float32")[..., None]
    return (x[:600], y[:600]), (x[600:], y[600:])


# ---------------------------------------------------------------------- networks


def dense(keras, values, shape, outputs):
    made = keras.Sequential([keras.Input(shape)])
    for _ in range(values["layers"]):
        made.add(keras.layers.Dense(values["units"], activation=values["activation"]))
    made.add(keras.layers.Dense(outputs, "softmax" if outputs > 1 else None))
    return made


def convolutional(keras, values, shape, outputs):
    layers = keras.layers
    made = keras.Sequential([keras.Input(shape)])
    for _ in range(values["layers"]):
        made.add(layers.Conv2D(values["filters"], values["kernel"], padding="same"))
        made.add(layers.ReLU())
        made.add(layers.MaxPooling2D(2))
    made.add(layers.Flatten())
    made.add(layers.Dropout(values["dropout"]))
    made.add(layers.Dense(outputs, "softmax"))
    return made


def recurrent(keras, values, shape, outputs):
    layers = keras.layers
    cell = {"simple": layers.SimpleRNN, "gru": layers.GRU}[values["cell"]]
    made = keras.Sequential([keras.Input(shape), cell(values["units"])])
    made.add(layers.Dropout(values["dropout"]))
    made.add(layers.Dense(outputs, "softmax"))
    return made


def sgd(keras, values):
    return keras.optimizers.SGD(values["learning_rate"], momentum=values["momentum"])


def adam(keras, values):
    return keras.optimizers.Adam(values["learning_rate"])


GRIDS = {
    "breast_cancer": Grid(DENSE, flat(breast_cancer), dense, sgd),
    "wine": Grid(COARSE, flat(wine), dense, sgd),
    "diabetes": Grid(COARSE, flat(diabetes, classes=False), dense, sgd),
    "friedman": Grid(COARSE, flat(friedman, classes=False), dense, sgd),
    "convolutional": Grid(CONVOLUTIONAL, images, convolutional, adam),
    "recurrent": Grid(RECURRENT, waves, recurrent, adam),
}
