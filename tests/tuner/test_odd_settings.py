"""A search and its resumption with any objects among its arguments and settings."""

import datetime
import math

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.oracles import RandomOracle
from tests.util.test_describing import ODD


class Sums(kt.Tuner):
    """Trains nothing."""

    def run_trial(self, trial, x, *rest, **options):
        return 1.0 / trial.hyperparameters.Choice("c", [0.5, 2.0, math.inf, -math.inf])


class OddOracle(RandomOracle):
    def settings(self):
        return {**super().settings(), "kinds": (np.float32, np.nan), "rate": np.float32(0.5)}


def search(tmp_path, *args, oracle=None, max_trials=4, **kwargs):
    tuner = Sums(oracle=oracle, max_trials=max_trials, directory=tmp_path, seed=0)
    tuner.search(*args, verbose=0, **kwargs)
    return tuner


@pytest.mark.parametrize("place", range(len(ODD)))
def test_any_argument_of_search(place, tmp_path, caplog):
    for _ in range(2):
        search(tmp_path, [1], ODD[place], max_trials=1, odd=ODD[place], within={"a": [ODD[place]]})
    assert caplog.text == ""


def test_settings_of_an_oracle_of_ones_own(tmp_path, caplog):
    first = search(tmp_path, [1], oracle=OddOracle(), max_trials=1)
    again = search(tmp_path, [1], oracle=OddOracle(), max_trials=2)
    assert len(first.get_best_trials(9)) == 1
    assert len(again.get_best_trials(9)) == 2
    assert caplog.text == ""


def test_another_argument_is_told(tmp_path, caplog):
    search(tmp_path, [1], max_trials=1, since=datetime.date(2020, 1, 1), missing=np.nan)
    search(tmp_path, [1], max_trials=1, since=datetime.date(2021, 1, 1), missing=np.nan)
    assert "since: datetime.date(2020, 1, 1) before, datetime.date(2021, 1, 1) now" in caplog.text
    assert "missing" not in caplog.text


def test_infinite_hyperparameters_are_read_as_they_were(tmp_path):
    search(tmp_path, [1])
    reopened = kt.open_project(tmp_path / "untitled_project")
    found = {trial.values["c"] for trial in reopened.get_best_trials(9)}
    assert found == {0.5, 2.0, math.inf, -math.inf}
    assert len(search(tmp_path, [1], max_trials=9).get_best_trials(9)) == 4
