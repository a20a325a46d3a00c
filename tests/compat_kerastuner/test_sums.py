"""A script whose list of objectives KerasTuner added up is told so."""

import logging

import pytest

import kerastune_lite as kt
from kerastune_lite._src.compat_kerastuner import sums


@pytest.fixture(autouse=True)
def nothing_told():
    sums._tell.cache_clear()


def tuner(where, objective, **kwargs):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            return {"a": 1.0, "b": 2.0}

    return Own(objective=objective, max_trials=1, directory=where, overwrite=True, **kwargs)


A, B = kt.Objective("a", "min"), kt.Objective("b", "max")
SIZE = kt.Objective("model_size", "min")


def test_it_is_told_once_in_a_process(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            tuner(tmp_path, [A, B])
    (message,) = caplog.messages
    assert "compared without weights, and tuner.pareto_front() has the results" in message
    assert "KerasTuner adds them up" in message
    assert "objective=kerastune_lite.objectives.Sum([...])" in message


@pytest.mark.parametrize(
    ("objective", "constraints"),
    [
        (A, None),
        ([A], None),
        (kt.objectives.Sum([A, B]), None),
        ([A, SIZE], None),
        ([A, B], ["a <= 5"]),
    ],
)
def test_what_keras_tuner_has_not_needs_no_warning(tmp_path, caplog, objective, constraints):
    with caplog.at_level(logging.WARNING):
        tuner(tmp_path, objective, constraints=constraints)
    assert caplog.messages == []


def test_of_an_oracle_too(tmp_path, caplog):
    class Own(kt.Tuner):
        def run_trial(self, trial):
            return {"a": 1.0, "b": 2.0}

    oracle = kt.oracles.RandomSearchOracle(objective=[A, B], max_trials=1)
    with caplog.at_level(logging.WARNING):
        found = Own(oracle=oracle, directory=tmp_path)
    assert found.objective.parts == (A, B)
    assert len(caplog.messages) == 1


def test_the_sum_is_what_keras_tuner_minimises(tmp_path):
    found = tuner(tmp_path, kt.objectives.Sum([A, B]))
    found.search(verbose=0)
    assert found.get_best_trials()[0].score == -1.0
