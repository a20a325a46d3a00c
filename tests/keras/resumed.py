"""Trainings that are broken off and go on, for the tests of states."""

import shutil

import numpy as np

from kerastune_lite._src.keras.resuming import StateKeeper, StateRestorer
from kerastune_lite._src.keras.state_files import read_state, write_state
from tests.keras.models import FEATURES, data, keras

EPOCHS = 5
BOUNDARIES = range(1, EPOCHS)

X, Y = data(24)
VALIDATION = data(8, seed=1)


def build(optimizer, seed=0, run_eagerly=True, metrics=None):
    """Dropout and batch normalisation; initial weights and random states come from `seed`."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(6, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.4, seed=seed),
            keras.layers.Dense(1),
        ]
    )
    # On so few batches tracing a function takes longer than all of the training.
    model.compile(optimizer(), "mse", metrics=metrics, run_eagerly=run_eagerly)
    return model


def fit(model, callbacks, epochs=EPOCHS, initial_epoch=0, x=X, **arguments):
    arguments.setdefault("validation_data", VALIDATION)
    return model.fit(
        x,
        Y,
        batch_size=8,
        shuffle=False,
        verbose=0,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=callbacks,
        **arguments,
    ).history


def nothing():
    return []


def begin(make_model, make_callbacks, path, end, **arguments):
    """The segment [0, end) and its state in a file; also whatever the callbacks are then."""
    callbacks = make_callbacks()
    keeper = StateKeeper(callbacks, end)
    fit(make_model(0), [*callbacks, keeper], epochs=end, **arguments)
    write_state(keeper.state, path)
    return callbacks


def go_on(make_model, make_callbacks, path, end, **arguments):
    """A segment that begins with the state in the file; leaves its own there."""
    state = read_state(path)
    callbacks = make_callbacks()
    model = make_model(state.epoch)  # other initial weights
    keeper = StateKeeper(callbacks, end)
    last = [StateRestorer(state, callbacks), keeper]
    history = fit(model, [*callbacks, *last], end, state.epoch, **arguments)
    write_state(keeper.state, path)
    return model, callbacks, history


def assert_same(one, other):
    """Two pairs of a model and a history."""
    assert one[1].keys() == other[1].keys()
    for name in one[1]:
        np.testing.assert_allclose(one[1][name], other[1][name], rtol=1e-6, err_msg=name)
    for ours, theirs in zip(one[0].variables, other[0].variables):
        np.testing.assert_allclose(
            ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-7, err_msg=ours.path
        )


def assert_resumes(make_model, make_callbacks, tmp_path, **arguments):
    """A training broken at every boundary has the states from which each rest is the unbroken one.

    Returns:
        The callbacks at the end of the unbroken training, and a list of those that went on.
    """
    model, callbacks = make_model(0), make_callbacks()
    unbroken = model, fit(model, callbacks, **arguments)
    ran = len(unbroken[1]["loss"])
    path = tmp_path / "state"
    begin(make_model, make_callbacks, path, 1, **arguments)
    later = []
    for boundary in range(1, ran):
        assert (read_state(path).epoch, read_state(path).stopped) == (boundary, False)
        rest = tmp_path / f"{boundary}.state"
        shutil.copy(path, rest)
        resumed, theirs, history = go_on(make_model, make_callbacks, rest, EPOCHS, **arguments)
        assert_same(unbroken, (resumed, history))
        later.append(theirs)
        if boundary + 1 < ran:
            go_on(make_model, make_callbacks, path, boundary + 1, **arguments)
    return callbacks, later


def momentum():
    return keras.optimizers.SGD(0.05, momentum=0.9)


def restless():
    """With which the validation loss goes up and down."""
    return keras.optimizers.SGD(0.05, momentum=0.9)


def assert_alike(one, other):
    """Equal in type and structure, floats nearly so in value."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_alike(one[name], other[name])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other):
            assert_alike(ours, theirs)
    elif isinstance(one, (float, np.generic, np.ndarray)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    else:
        assert one == other


def remembered(callback):
    of_others = ("params", "_model", "schedule")
    return {name: value for name, value in vars(callback).items() if name not in of_others}
