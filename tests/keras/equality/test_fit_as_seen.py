"""What a user sees of a training, and what the seed decides."""

import re

import numpy as np
import pytest

from tests.keras.equality.cases import (
    PATHS,
    Dispatcher,
    adam,
    arguments,
    by_fit,
    check_same_history,
    classes,
    dispatched,
    keras,
    made,
    mlp,
    no_programs,
    rare_is_slow,
)


def last_values(text):
    """The last line of each epoch, without times."""
    last = {}
    epoch = 0
    for line in re.split(r"[\n\r]", text):
        if line.startswith("Epoch"):
            epoch += 1
        elif "loss" in line:
            last[epoch] = re.findall(r"(\w+): ([-\d.e]+)", line.replace("\b", ""))
    return last


@pytest.mark.parametrize("verbose", rare_is_slow([1, 2, "auto"], ["auto", 2]))
def test_what_is_printed(verbose, capsys):
    fit = arguments(verbose=verbose, epochs=2)
    by_fit(mlp(), fit)
    right = last_values(capsys.readouterr().out)
    assert list(right) == [1, 2]
    for path in PATHS:
        with no_programs():
            dispatched(mlp(), fit, fastest=path)
        mine = last_values(capsys.readouterr().out)
        assert list(mine) == [1, 2]
        for epoch, values in right.items():
            assert [name for name, _ in mine[epoch]] == [name for name, _ in values]
            for (_, one), (_, other) in zip(mine[epoch], values):
                assert abs(float(one) - float(other)) < 2e-4


@pytest.mark.parametrize("path", PATHS)
def test_silence(path, capfd):
    with no_programs():
        for variant in range(3):
            dispatched(mlp(), arguments(), variant, path)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------ the seed


class Seen(keras.layers.Layer):
    """Notes the first number of each sample, in the order of training."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def call(self, inputs, training=None):
        import tensorflow as tf

        if training:
            tf.py_function(lambda x: self.noted.append(x.numpy()), [inputs[:, 0]], [])
        return inputs


def order(seed, epochs=2, **others):
    """(epochs, rows): the samples by their numbers."""
    x, y = classes(50)
    x[:, 0] = np.arange(50)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), Seen(), keras.layers.Dense(3)])
    model.compile("sgd", loss="mse")
    given = {"batch_size": 16, "epochs": epochs, "verbose": 0, **others}
    _, taken = Dispatcher().fit(model, (x, np.eye(3)[y]), given, seed)
    assert taken.path == "own trace", taken
    return np.concatenate(model.layers[0].noted).reshape(epochs, 50).astype(int)


def test_the_order_of_samples_follows_from_the_seed():
    one, other, third = order([3, 0]), order([3, 0]), order([4, 0])
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)
    # Another epoch, another order; each sample once per epoch.
    assert not np.array_equal(one[0], one[1])
    for epoch in (*one, *third):
        assert sorted(epoch) == list(range(50))
    assert not np.array_equal(one[0], np.arange(50))


def test_no_order_without_shuffling():
    assert np.array_equal(order([3], shuffle=False), np.tile(np.arange(50), (2, 1)))


def test_shuffling_within_batches():
    for epoch in order([3], shuffle="batch"):
        for begin in range(0, 50, 16):
            part = epoch[begin : begin + 16]
            assert sorted(part) == list(range(begin, min(begin + 16, 50)))
        assert not np.array_equal(epoch, np.arange(50))


def test_the_later_epochs_of_a_segment_have_the_order_they_would_have_in_one_go():
    one_go = order([3], epochs=3)
    rest = order([3], epochs=3, initial_epoch=0)
    assert np.array_equal(one_go, rest)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shuffle", rare_is_slow([True, "batch"], [True]))
def test_the_same_seed_gives_the_same_training(path, shuffle):
    build, fit = mlp(optimizer=adam), arguments(shuffle=shuffle)
    with no_programs():
        one, other = dispatched(build, fit, fastest=path), dispatched(build, fit, fastest=path)
        model = made(build)
        history, _ = Dispatcher(fastest=path).fit(model, (), fit(0), [1])
    check_same_history(one.history, other.history, 1e-6)
    assert history.history["loss"] != one.history.history["loss"]


def test_both_paths_go_through_the_samples_in_the_same_order():
    build, fit = mlp(optimizer=adam), arguments(shuffle=True)
    with no_programs():
        outcomes = [dispatched(build, fit, fastest=path) for path in PATHS]
    check_same_history(*(outcome.history for outcome in outcomes))
