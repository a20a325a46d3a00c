"""One name, declared with other domains in other places of a builder."""

import logging

import pytest

import kerastune_lite as kt
from kerastune_lite.hyperparameters import Fixed, HyperParameters, Int, Parameter, Space
from kerastune_lite.visited import Visited


def searched(run_trial, tmp_path, base=kt.GridSearch, **arguments):
    kind = type("Own", (base,), {"run_trial": lambda self, trial: run_trial(trial.hyperparameters)})
    tuner = kind(directory=tmp_path, **arguments)
    tuner.search(verbose=0)
    return tuner


SEARCHES = [kt.GridSearch, kt.RandomSearch, kt.BayesianOptimization, kt.EvolutionarySearch]


@pytest.mark.parametrize("base", SEARCHES)
def test_a_fixed_value_that_follows_from_others_is_recorded_as_it_was(tmp_path, base):
    def run_trial(hp):
        n = hp.Int("n", 1, 3)
        label = hp.Fixed("label", f"of {n}")
        assert label == f"of {n}"
        if hp.Boolean("squared"):
            assert hp.Fixed("square", n * n) == n * n
        return float(n)

    tuner = searched(run_trial, tmp_path, base, seed=2, max_trials=20)
    points = [tuple(trial.values.values()) for trial in tuner.trials]
    assert len(points) == len(set(points)) == 6  # all that there are, each once
    for trial in tuner.trials:
        assert trial.values["label"] == f"of {trial.values['n']}"
        assert trial.values.get("square", trial.values["n"] ** 2) == trial.values["n"] ** 2
    again = kt.open_project(tuner.project_dir).trials
    assert [trial.values for trial in again] == [trial.values for trial in tuner.trials]


def test_the_recorded_value_is_given_back_to_a_builder_that_is_called_again(tmp_path):
    tuner = searched(lambda hp: hp.Fixed("twice", 2 * hp.Int("n", 1, 3)), tmp_path)
    hp = tuner.get_best_hyperparameters()[0]
    assert (hp.Int("n", 1, 3), hp.Fixed("twice", 2 * hp.get("n"))) == (1, 2)
    hp = tuner.trials[2].hyperparameters
    assert (hp.get("n"), hp.Fixed("twice", 2 * hp.get("n"))) == (3, 6)


def test_what_the_tuner_was_given_holds(tmp_path):
    given = HyperParameters()
    given.Fixed("rate", 0.5)
    given.Int("units", 3, 4)
    seen = []

    def run_trial(hp):
        seen.append((hp.Fixed("rate", 0.1), hp.Int("units", 100, 200)))
        return 0.0

    for _ in range(2):  # and in a project that is reopened
        searched(run_trial, tmp_path, kt.RandomSearch, hyperparameters=given, max_trials=2, seed=1)
    assert sorted(seen) == [(0.5, 3), (0.5, 4)]


def test_other_ranges_are_warned_of_once_for_each_name(tmp_path, caplog):
    def run_trial(hp):
        for i in range(3):
            assert 8 <= hp.Int("units", 8, 8 * 2**i) <= 8
        hp.Float("rate", 0.1, 1.0) + hp.Float("rate", 0.1, 1.0, default=0.5)
        return 0.0 if hp.Boolean("small") else hp.Choice("kind", [1, 2])

    with caplog.at_level(logging.WARNING):
        searched(run_trial, tmp_path, kt.RandomSearch, max_trials=3, seed=1)
    (message,) = [record.getMessage() for record in caplog.records]
    assert "'units' is declared with several ranges" in message
    assert "8..8" in message
    assert "8..16" in message
    assert 'f"units_{i}"' in message


def test_ranges_that_were_given_to_the_tuner_are_not_warned_of(tmp_path, caplog):
    given = HyperParameters()
    given.Int("units", 3, 4)
    with caplog.at_level(logging.WARNING):
        searched(
            lambda hp: float(hp.Int("units", 8, 16)),
            tmp_path,
            kt.RandomSearch,
            hyperparameters=given,
            max_trials=2,
        )
    assert not caplog.records


def test_points_are_known_again_whatever_was_proposed_for_a_fixed_value():
    visited = Visited()
    visited.add({"n": 2, "twice": 4, "last": 1})
    proposed = {"n": 2, "twice": 2, "last": 1}
    assert proposed not in visited
    visited.know(Space([Parameter("n", Int(1, 3)), Parameter("twice", Fixed(2))]))
    assert proposed in visited
    assert {"n": 2, "twice": 2, "last": 0} not in visited
    assert {"n": 1, "twice": 2, "last": 1} not in visited
