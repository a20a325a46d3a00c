"""Makes the tables that `search_quality.py` searches: trainings on a grid, epoch by epoch.

    python benchmarks/make_tables.py breast_cancer [wine ...] [--points 2] [--to FOLDER]

Dense networks on data sets that come with, or are drawn by, scikit-learn; plain SGD with momentum.
A table takes some ten minutes: for each structure and batch size there is a grid search over
learning rate and momentum, and such trials are trained side by side. What a table says of a point
is the validation loss after each epoch.
"""

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from quiet_keras import load_keras

import kerastune_lite as kt

EPOCHS = 27
AXES: dict[str, list] = {
    "layers": [1, 2, 3],
    "units": [4, 8, 16, 32, 64],
    "activation": ["relu", "tanh"],
    "batch_size": [16, 32, 128],
    "learning_rate": [10.0 ** (k / 2) for k in range(-7, 1)],
    "momentum": [1.0 - 10.0 ** (-k / 2) for k in range(4)],
}
RATES = ("learning_rate", "momentum")
"""The axes on which structures and batches are the same."""
COARSE = {**AXES, "units": [4, 16, 64], "batch_size": [16, 64]}
"""Of the tables that are there to check on the others."""


def axes_of(name):
    return AXES if name == "breast_cancer" else COARSE


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True), "classification"


def wine():
    from sklearn.datasets import load_wine

    return load_wine(return_X_y=True), "classification"


def diabetes():
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True), "regression"


def friedman():
    from sklearn.datasets import make_friedman1

    return make_friedman1(600, noise=0.5, random_state=0), "regression"


DATA = {f.__name__: f for f in (breast_cancer, wine, diabetes, friedman)}


def split(name):
    """Standardised x, y, and the same for validation: a third of the samples."""
    (x, y), task = DATA[name]()
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    cut = 2 * len(x) // 3
    x = (x - x[:cut].mean(0)) / (x[:cut].std(0) + 1e-9)
    y = y.astype("int32") if task == "classification" else (y - y[:cut].mean()) / y[:cut].std()
    x = x.astype("float32")
    return (x[:cut], y[:cut]), (x[cut:], y[cut:]), task


def model(keras, values, features, outputs):
    """A compiled network; one output is a regression."""
    made = keras.Sequential([keras.Input((features,))])
    for _ in range(values["layers"]):
        made.add(keras.layers.Dense(values["units"], activation=values["activation"]))
    made.add(keras.layers.Dense(outputs, "softmax" if outputs > 1 else None))
    loss = "sparse_categorical_crossentropy" if outputs > 1 else "mse"
    optimizer = keras.optimizers.SGD(values["learning_rate"], momentum=values["momentum"])
    made.compile(optimizer, loss)
    return made


def table(name, points):
    """The curves, `(layers, units, activation, batch_size, learning_rate, momentum, epochs)`."""
    keras, axes = load_keras(), axes_of(name)
    training, validation, task = split(name)
    outputs = int(training[1].max()) + 1 if task == "classification" else 1
    shape = [len(values) for values in axes.values()]
    curves = np.full((*shape, EPOCHS), np.nan, "float32")
    structures = list(itertools.product(*map(range, shape[:4])))
    for seed, place in enumerate(structures if points is None else structures[:points]):
        values = {axis: axes[axis][i] for axis, i in zip(axes, place)}

        def build(hp, values=values):
            rates = {axis: hp.Choice(axis, axes[axis]) for axis in RATES}
            return model(keras, values | rates, training[0].shape[1], outputs)

        with tempfile.TemporaryDirectory() as directory:
            tuner = kt.GridSearch(
                build,
                "val_loss",
                max_trials=None,
                max_consecutive_failed_trials=100,  # trainings may diverge
                seed=seed,
                directory=directory,
            )
            tuner.search(
                *training,
                validation_data=validation,
                epochs=EPOCHS,
                batch_size=values["batch_size"],
                verbose=0,
            )
            for number, (history,) in tuner.histories().items():
                rates = (axes[axis].index(tuner.trials[number].values[axis]) for axis in RATES)
                losses = history["val_loss"]
                curves[(*place, *rates, slice(len(losses)))] = losses
    return curves


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=list(DATA))
    parser.add_argument("--points", type=int, help="only the first so many structures")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    for name in arguments.names:
        started = time.perf_counter()
        curves = table(name, arguments.points)
        curves[~np.isfinite(curves)] = np.nan
        arguments.to.mkdir(parents=True, exist_ok=True)
        path = arguments.to / f"{name}_curves.npz"
        axes = {axis: np.array(values) for axis, values in axes_of(name).items()}
        # Three digits are far more than trainings repeat; half precision halves the file.
        np.savez_compressed(path, curve=np.clip(curves, None, 6e4).astype("float16"), **axes)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
