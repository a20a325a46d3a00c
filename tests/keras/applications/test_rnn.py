"""HyperRNN: cells, convolutions that see all steps, and forecasts."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.applications.rnn import dilations
from kerastune_lite.applications import HyperRNN
from tests.keras.applications.ready_made import made
from tests.keras.models import keras


@pytest.mark.parametrize(
    ("steps", "depth", "expected"),
    [
        (1, 2, [1, 1]),
        (5, 2, [1, 1]),
        (7, 2, [1, 2]),
        (27, 3, [1, 3, 9]),
        (1000, 3, [1, 4, 16]),
    ],
)
def test_distances_between_steps(steps, depth, expected):
    assert dilations(steps, depth) == expected


def inputs_that_count(model, steps):
    """The steps of a series on which its features depend."""
    features = keras.Model(model.input, model.layers[-2].output)
    x = np.zeros((steps + 1, steps, 1))
    x[np.arange(steps), np.arange(steps)] = 100
    outputs = features.predict(x, verbose=0)
    return [int(np.abs(each - outputs[-1]).max() > 0) for each in outputs[:-1]]


@pytest.mark.parametrize("cell", ["conv", "gru", "lstm"])
@pytest.mark.parametrize("pooling", ["average", "last"])
def test_all_steps_count(cell, pooling):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(8, 20))
    values = {"cell": cell, "pooling": pooling, "units": 64}
    model = HyperRNN(x, x[:, 0]).build(kt.HyperParameters(values=values))
    assert inputs_that_count(model, 20) == [1] * 20


@pytest.mark.parametrize(
    ("target", "cell", "pooling"), [("classes", "conv", "average"), ("numbers", "lstm", "last")]
)
def test_the_defaults_follow_from_the_targets(target, cell, pooling):
    hp = kt.HyperParameters()
    made(HyperRNN, target).build(hp)
    assert (hp.get("cell"), hp.get("pooling")) == (cell, pooling)
    assert ("layers" in hp, "convolutions" in hp) == (cell == "lstm", cell == "conv")


def test_a_forecast_learns(tmp_path):
    """Better than the mean, for series far from 0."""
    times = np.random.default_rng(0).uniform(0, 6, (200, 1)) + 0.5 * np.arange(9)
    series = 100 + 5 * np.sin(times)
    past, following = series[:, :8], series[:, 8]
    tuner = kt.Tuner(HyperRNN(past, following, epochs=10), "val_loss", 1, directory=tmp_path)
    tuner.search(past, following, validation_split=0.2, verbose=0)
    assert tuner.trials[0].score < 0.2 * np.var(following)
