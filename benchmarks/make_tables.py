"""Makes the tables that `search_quality.py` searches: trainings on a grid, epoch by epoch.

    python benchmarks/make_tables.py breast_cancer [wine ...] [--points 2] [--to FOLDER]

Dense networks with SGD and momentum on data sets that come with, or are drawn by, scikit-learn;
convolutions on small images and recurrent networks on short series, both with Adam. A table takes
some ten minutes: for each structure and batch size there is a grid search over two rates, and such
trials are trained side by side where the networks are dense. What a table says of a point is the
validation loss after each epoch, and for classes how many validation samples were right. The table
`optimizers` is a surrogate that was fitted to a random sample (`make_tables_sample.py`).
"""

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import make_tables_sample
import numpy as np
from make_tables_grids import EPOCHS, GRIDS
from quiet_keras import load_keras

import kerastune_lite as kt

UNKNOWN = np.iinfo("uint16").max
"""Instead of a count of right samples, once a training has diverged."""


def table(grid, points):
    """The losses and the counts of right samples, `(*axes, epochs)`; and the samples there are."""
    keras = load_keras()
    training, validation = grid.data()
    classes = np.issubdtype(training[1].dtype, np.integer)
    outputs = int(training[1].max()) + 1 if classes else 1
    fixed, rates = list(grid.axes)[:-2], list(grid.axes)[-2:]
    losses = np.full((*map(len, grid.axes.values()), EPOCHS), np.nan, "float32")
    right = np.full(losses.shape, UNKNOWN, "uint16")
    places = list(itertools.product(*(range(len(grid.axes[axis])) for axis in fixed)))
    for seed, place in enumerate(places[:points]):
        values = {axis: grid.axes[axis][i] for axis, i in zip(fixed, place)}

        def build(hp, values=values):
            chosen = values | {axis: hp.Choice(axis, grid.axes[axis]) for axis in rates}
            model = grid.model(keras, chosen, training[0].shape[1:], outputs)
            loss = "sparse_categorical_crossentropy" if classes else "mse"
            metrics = ["accuracy"] if classes else None
            model.compile(grid.optimizer(keras, chosen), loss, metrics=metrics)
            return model

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
                chosen = tuner.trials[number].values
                at = (*place, *(grid.axes[axis].index(chosen[axis]) for axis in rates))
                losses[at], right[at] = curves(history, len(validation[0]))
    return losses, right if classes else None, len(validation[0])


def curves(history, samples):
    """The loss of each epoch, and how many samples were right; until the training diverges."""
    losses, right = np.full(EPOCHS, np.nan), np.full(EPOCHS, UNKNOWN)
    trained = len(history["val_loss"])
    losses[:trained] = history["val_loss"]
    losses[~np.isfinite(losses)] = np.nan
    if "val_accuracy" in history:
        right[:trained] = np.round(np.array(history["val_accuracy"]) * samples)
        right[np.isnan(losses)] = UNKNOWN
    return losses, right


def arrays(name, points):
    """What the file of a table holds, and how it ends."""
    if name == "optimizers":
        return make_tables_sample.surrogate(points or make_tables_sample.STRUCTURES), "surrogate"
    losses, right, samples = table(GRIDS[name], points)
    # Three digits are far more than trainings repeat; half precision halves the file.
    held = {"curve": np.clip(losses, None, 6e4).astype("float16")}
    held |= {axis: np.array(values) for axis, values in GRIDS[name].axes.items()}
    if right is not None:
        held |= {"right": right, "samples": np.array(samples)}
    return held, "curves"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=[*GRIDS, "optimizers"])
    parser.add_argument("--points", type=int, help="only the first so many structures")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    for name in arguments.names:
        started = time.perf_counter()
        held, ending = arrays(name, arguments.points)
        arguments.to.mkdir(parents=True, exist_ok=True)
        path = arguments.to / f"{name}_{ending}.npz"
        np.savez_compressed(path, **held)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
