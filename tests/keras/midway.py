"""Searches whose process dies in the middle of a training, for the tests of what goes on then."""

import os
import signal
import sys

import numpy as np

import kerastune_lite as kt
from kerastune_lite._src.keras import midway
from kerastune_lite._src.keras.fast import dispatcher
from kerastune_lite._src.keras.loading import load_keras
from tests.processes import Forked

keras = load_keras()

EPOCHS = 6
rng = np.random.default_rng(0)
X = rng.normal(size=(70, 6)).astype("float32")
Y = (X[:, 0] + 0.3 * rng.normal(size=70) > 0).astype("int64")


def build(hp, units=8):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(units, activation="relu", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(hp.Float("dropout", 0.1, 0.4)),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


class OwnTrials(kt.RandomSearch):
    """Trains in two ways, and trusts the result."""

    def run_trial(self, trial, *args, **kwargs):
        trial.hyperparameters.Choice("way", ["one", "other"])
        return super().run_trial(trial, *args, **kwargs)


def callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
    ]


def tuner_of(folder, kind=kt.RandomSearch, hypermodel=build, **arguments):
    if kind is not kt.Hyperband:
        arguments = {"max_trials": 1, **arguments}
    return kind(hypermodel, "val_loss", seed=3, directory=folder, project_name="p", **arguments)


def search(tuner, interval=0.0, **fit):
    """Search, and store states after every epoch."""
    given = {"epochs": EPOCHS, "callbacks": callbacks(), "validation_split": 0.3, **fit}
    tuner.search(X, Y, batch_size=16, verbose=0, checkpoint_interval=interval, **given)
    return tuner


def restrict(path):
    """Let no training take a faster path."""
    dispatcher.Dispatcher.__init__.__defaults__ = (True, path)


def die_after(writes):
    """Let this process be killed when it has written so many states."""
    left = [writes]
    write = midway.write_state

    def write_and_die(state, path):
        write(state, path)
        left[0] -= 1
        if left[0] == 0:
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    midway.write_state = write_and_die


def killed(code):
    """Run code of this module in a process that kills itself."""
    process = Forked(f"from tests.keras.midway import *\n{code}")
    process.read()
    assert process.returncode == -signal.SIGKILL


def files(folder):
    """The names of the states that are on disk."""
    return sorted(path.name for path in folder.glob("p/checkpoints/*.state.zip*"))
