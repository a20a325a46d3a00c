"""A population, random and Bayesian search and ASHA, with the same number of epochs.

    python benchmarks/population.py [--epochs 48] [--members 10] [--interval 4] [--seeds 6]

Networks with a hidden layer for scikit-learn's digits: 898 images to train on, 450 to validate, 449
to test, in batches of 32. Four rates are tuned (learning rate, momentum, dropout, L2), and the
number of units. The objective is the cross-entropy of the validation data, without the penalty.
Random and Bayesian search train as many trials as the population has members, each for `--epochs`;
ASHA trains the best for as long, and ends when as many epochs were trained. The test loss is of the
best model, on images that no search has seen.
"""

import argparse
import logging
import os
import tempfile
import time

import numpy as np
from sklearn.datasets import load_digits

import kerastune_lite as kt
from kerastune_lite.oracles import BayesianOracle, RandomOracle
from kerastune_lite.schedulers import ASHA, PopulationBasedTraining

OBJECTIVE = kt.Objective("val_sparse_categorical_crossentropy", "min")
CONTENDERS = ("population", "random", "Bayesian", "ASHA")


def build(hp):
    import keras

    penalty = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-2, sampling="log"))
    units = hp.Int("units", 32, 128, step=32)
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty),
        keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)),
        keras.layers.Dense(10, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    optimizer = keras.optimizers.SGD(rate, hp.Float("momentum", 0.0, 0.98))
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=[loss])
    return model


def digits(seed):
    """Images and digits to train on, to validate and to test."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order].astype("int32")
    places = np.split(np.arange(len(x)), [898, 1348])
    return [(x[place], y[place]) for place in places]


def parts_of(name, options):
    """What a contender's tuner is made of, and the epochs of its trials."""
    epochs, members = options.epochs, options.members
    if name == "population":
        scheduler = PopulationBasedTraining(epochs, members, options.interval)
        return {"oracle": RandomOracle(), "scheduler": scheduler}
    if name == "ASHA":
        limits = {"max_trials": None, "max_total_epochs": epochs * members}
        return {"oracle": RandomOracle(), "scheduler": ASHA(epochs), **limits}
    oracle = RandomOracle() if name == "random" else BayesianOracle()
    return {"oracle": oracle, "max_trials": members}


def searched(name, options, seed):
    """Validation loss and test loss of the best, the trained epochs, the pieces, the seconds."""
    train, validate, test = digits(seed)
    parts = parts_of(name, options)
    with tempfile.TemporaryDirectory() as folder:
        tuner = kt.Tuner(build, OBJECTIVE, directory=folder, seed=seed, **parts)
        started = time.perf_counter()
        tuner.search(*train, validation_data=validate, epochs=options.epochs, verbose=0)
        seconds = time.perf_counter() - started
        best = tuner.get_best_trials()[0]
        model = tuner.get_best_models()[0]
        losses = model.evaluate(*test, verbose=0, return_dict=True)
        epochs = sum(
            t.epochs - (t.parent.epoch if t.parent is not None else 0) for t in tuner.trials
        )
        pieces = len(tuner.schedule(best))
    return best.score, losses["sparse_categorical_crossentropy"], epochs, pieces, seconds


def cell(values):
    """A mean over seeds, and its standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):.4f} ({error:.4f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=48)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--interval", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=6)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("kerastune_lite").setLevel(logging.ERROR)
    print(
        f"{options.members} x {options.epochs} epochs, {options.seeds} seeds, "
        f"{os.cpu_count()} cores"
    )
    heads = ("validation loss", "test loss", "epochs", "pieces", "seconds")
    print(f"{'':12}" + "".join(f"{head:>18}" for head in heads))
    for name in CONTENDERS:
        rows = [searched(name, options, seed) for seed in range(options.seeds)]
        scores, tests, *others = zip(*rows)
        cells = [cell(scores), cell(tests), *(f"{np.mean(each):.1f}" for each in others)]
        print(f"{name:12}" + "".join(f"{text:>18}" for text in cells), flush=True)


if __name__ == "__main__":
    main()
