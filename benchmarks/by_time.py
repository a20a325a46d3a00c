"""What a search has found after so many seconds: ours by trials and by epochs, and KerasTuner's.

    python benchmarks/by_time.py [--networks dense conv] [--contenders kt.Tuner kt.BOHB ...]
        [--seconds 15 30 60] [--seeds 5]

Two searches of networks for scikit-learn's digits, of at most 27 epochs: dense ones, of which an
epoch takes some milliseconds, and small convolutional ones, of which it takes some tenths of a
second. Each contender searches for as long as the last of the times says, in a process of its own;
the contenders take turns with each seed. Loading the libraries and the data is not timed, tracing
is. What counts is the least validation loss of an epoch so far, in the geometric mean over seeds,
with the standard error of its logarithm in brackets.

A search ends between two pieces of training, so it may take a little longer than it is told, which
the next time is shortened by. What it has found then counts. KerasTuner's Hyperband ends between
two trials; its first trial that ends after a time counts for it.
"""

import argparse
import contextlib
import math
import multiprocessing
import os
import platform
import statistics
import tempfile
import time

import numpy as np
import zoo_models
from quiet_keras import load_keras

EPOCHS = 27
LEARNED_NOTHING = math.log(10)
"""The loss of a network that says the same of all images; nothing found counts as this."""
NO_END = 10_000
"""So often Hyperband runs all its brackets: time ends the search."""


def digits(network):
    """Images and digits to train on, and to validate."""
    x, y = zoo_models.digits()
    if network == "conv":
        x = x.reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    return x[:1197], y[:1197], (x[1197:], y[1197:])


def dense(hp):
    keras = load_keras()
    layers = [keras.Input((64,))]
    activation = hp.Choice("activation", ["relu", "tanh", "elu"])
    for _ in range(hp.Int("layers", 1, 3)):
        layers.append(keras.layers.Dense(hp.Int("units", 16, 256, sampling="log"), activation))
        layers.append(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)))
    rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    optimizer = keras.optimizers.SGD(rate, hp.Float("momentum", 0.0, 0.98))
    return compiled(keras, layers, optimizer)


def conv(hp):
    keras = load_keras()
    layers = [keras.Input((8, 8, 1))]
    for number in range(hp.Int("layers", 1, 2)):
        filters = hp.Int(f"filters_{number}", 8, 32, step=8)
        layers.append(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D())
    layers.append(keras.layers.Flatten())
    layers.append(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)))
    layers.append(keras.layers.Dense(hp.Int("units", 16, 128, step=16), "relu"))
    rate = hp.Float("learning_rate", 1e-5, 1e-1, sampling="log")
    return compiled(keras, layers, keras.optimizers.Adam(rate))


def compiled(keras, layers, optimizer):
    model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


NETWORKS = {"dense": dense, "conv": conv}


# ---------------------------------------------------------------------- the contenders


def ours(make):
    """Search until each of the times: `[time, best loss]`."""

    def run(build, data, seed, times):
        import kerastune_lite as kt

        x, y, validation = data
        found, started = [], time.perf_counter()
        with tempfile.TemporaryDirectory() as directory:
            for end in times:
                # Each call goes on with what the one before has left, as a user's next session.
                left = max(0.1, end - (time.perf_counter() - started))
                tuner = make(kt, build, max_time=left, directory=directory, seed=seed)
                tuner.search(x, y, validation_data=validation, epochs=EPOCHS, verbose=0)
                scores = [trial.score for trial in tuner.trials if trial.score is not None]
                found.append([end, min(scores, default=math.inf)])
        return found

    return run


def keras_tuner_hyperband(build, data, seed, times):
    import keras_tuner

    x, y, validation = data
    best, pending, found, started = math.inf, list(times), [], time.perf_counter()

    class Timed(keras_tuner.Hyperband):
        def on_trial_end(self, trial):
            nonlocal best
            super().on_trial_end(trial)
            best = min(best, math.inf if trial.score is None else trial.score)
            while pending and time.perf_counter() - started >= pending[0]:
                found.append([pending.pop(0), best])
            if not pending:
                raise TimeoutError

    with tempfile.TemporaryDirectory() as directory:
        tuner = Timed(
            build,
            "val_loss",
            max_epochs=EPOCHS,
            factor=3,
            hyperband_iterations=NO_END,
            seed=seed,
            directory=directory,
            max_consecutive_failed_trials=NO_END,
        )
        with contextlib.suppress(TimeoutError):
            tuner.search(x, y, validation_data=validation, verbose=0)
    return found


CONTENDERS = {
    "kt.Tuner": ours(
        lambda kt, build, **others: kt.Tuner(build, "val_loss", max_trials=None, **others)
    ),
    "kt.BOHB": ours(
        lambda kt, build, **others: kt.BOHB(
            build, "val_loss", max_epochs=EPOCHS, hyperband_iterations=NO_END, **others
        )
    ),
    "kt.ASHA": ours(
        lambda kt, build, **others: kt.ASHA(
            build, "val_loss", max_trials=None, max_epochs=EPOCHS, **others
        )
    ),
    "kt.FreezeThaw": ours(
        lambda kt, build, **others: kt.FreezeThaw(build, "val_loss", max_epochs=EPOCHS, **others)
    ),
    "KerasTuner Hyperband": keras_tuner_hyperband,
}


def search(answers, network, contender, seed, times):
    """One search, in a process of its own."""
    keras, data = load_keras(), digits(network)
    if contender == "KerasTuner Hyperband":
        import keras_tuner  # noqa: F401
    keras.utils.set_random_seed(seed)
    answers.put(CONTENDERS[contender](NETWORKS[network], data, seed, times))


def searched(*search_of):
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    process = context.Process(target=search, args=(answers, *search_of))
    process.start()
    while answers.empty():
        if process.exitcode not in (None, 0):
            raise RuntimeError(f"{search_of} ended with {process.exitcode}")
        time.sleep(0.1)
    found = answers.get()
    process.join()
    return found


# ---------------------------------------------------------------------- the table


def cell(losses):
    logs = [math.log(min(loss, LEARNED_NOTHING)) for loss in losses]
    error = statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else math.nan
    return f"{math.exp(statistics.mean(logs)):.4f} ({error:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--seconds", nargs="+", type=float, default=[15, 30, 60])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    times, names = sorted(arguments.seconds), arguments.contenders or list(CONTENDERS)
    print(f"{platform.machine()}, {os.cpu_count()} cores; {arguments.seeds} seeds; least losses")
    for network in arguments.networks:
        found = {name: [] for name in names}
        for seed in range(arguments.seeds):
            for name in names[:: 1 if seed % 2 else -1]:
                found[name].append(searched(network, name, seed, times))
        print(f"\n{network + ', after seconds:':28}" + "".join(f"{end:>16g}" for end in times))
        for name in names:
            cells = [cell([dict(each)[end] for each in found[name]]) for end in times]
            print(f"{name:28}" + "".join(f"{text:>16}" for text in cells), flush=True)


if __name__ == "__main__":
    main()
