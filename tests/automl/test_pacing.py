import numpy as np
import pytest

from kerastune_lite._src.automl import pacing
from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.keras import fitting


class Sixty:
    epochs = 60

    def build(self, hp):
        hp.Choice("batch_size", [32, 64])
        return "model"


LARGE = Rows(np.zeros((80_000, 10), "float32"), np.zeros(80_000))


@pytest.fixture
def measured(monkeypatch):
    """An epoch of 20,000 rows takes a quarter of a second."""
    calls = []

    def seconds_per_epoch(model, **arguments):
        calls.append({"rows": len(arguments["y"]), "batch_size": arguments["batch_size"]})
        return 0.25

    monkeypatch.setattr(fitting, "seconds_per_epoch", seconds_per_epoch)
    return calls


@pytest.mark.parametrize(("seconds", "epochs"), [(1e4, 60), (80.0, 20), (1.0, 5)])
def test_four_trials_fit_in_the_time(measured, seconds, epochs):
    assert pacing.epochs_in_time(Sixty(), LARGE, seconds) == epochs
    assert measured == [{"rows": 20_000, "batch_size": 32}]


def test_of_images_fewer_rows_are_measured(measured):
    images = Rows(np.zeros((4000, 50, 40, 1), "float32"), np.zeros(4000))
    # A quarter of a second for a quarter of the rows, four trials in 80 seconds.
    assert pacing.epochs_in_time(Sixty(), images, 80.0) == 20
    assert measured == [{"rows": 1000, "batch_size": 32}]


def test_nothing_is_measured_without_need(measured):
    assert pacing.epochs_in_time(Sixty(), LARGE, None) == 60
    assert pacing.epochs_in_time(Sixty(), LARGE.first(100), 1.0) == 60
    assert measured == []


def test_fewer_epochs_than_the_least_stay(measured):
    few = Sixty()
    few.epochs = 2
    assert pacing.epochs_in_time(few, LARGE, 1.0) == 2
