"""Tuners under known names: their arguments are KerasTuner's, and what they stand for is right."""

import inspect

import pytest

import kerastune_lite as kt
from kerastune_lite import oracles, schedulers

NAMES = ("BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch")


@pytest.mark.parametrize("name", NAMES)
def test_arguments_come_in_keras_tuners_order(name):
    keras_tuner = pytest.importorskip("keras_tuner")

    def names(kind):
        parameters = inspect.signature(kind.__init__).parameters.values()
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    theirs = names(getattr(keras_tuner, name))
    assert names(getattr(kt, name))[: len(theirs)] == theirs


def made(kind, tmp_path, *args, **kwargs):
    class Own(kind):
        def run_trial(self, trial, epochs=1):
            return trial.hyperparameters.Float("x", 0, 1) + 1 / epochs

    return Own(None, None, *args, directory=tmp_path, seed=0, **kwargs)


@pytest.mark.parametrize(
    ("kind", "oracle", "scheduler"),
    [
        (kt.Tuner, oracles.BayesianOracle, schedulers.FullTraining),
        (kt.BayesianOptimization, oracles.BayesianOracle, schedulers.FullTraining),
        (kt.RandomSearch, oracles.RandomOracle, schedulers.FullTraining),
        (kt.GridSearch, oracles.GridOracle, schedulers.FullTraining),
        (kt.Hyperband, oracles.RandomOracle, schedulers.Hyperband),
        (kt.ASHA, oracles.BayesianOracle, schedulers.ASHA),
    ],
)
def test_what_they_stand_for(tmp_path, kind, oracle, scheduler):
    tuner = made(kind, tmp_path)
    assert type(tuner.scheduler) is scheduler
    assert type(tuner._oracle_in_use) is oracle


def test_hyperband_trains_what_it_says(tmp_path):
    tuner = made(kt.Hyperband, tmp_path, max_epochs=9)
    tuner.search(verbose=0)
    assert len(tuner.trials) == sum(rungs[0][0] for rungs in tuner.scheduler.brackets)
    assert max(trial.epochs for trial in tuner.trials) == 9
    again = made(kt.Hyperband, tmp_path, max_epochs=9, oracle=oracles.RandomOracle())
    again.search(verbose=0)
    assert len(again.trials) == len(tuner.trials)


def test_hyperband_with_a_model(tmp_path):
    tuner = made(kt.Hyperband, tmp_path, max_epochs=9, oracle=oracles.BayesianOracle())
    tuner.search(verbose=0)
    assert tuner.get_best_trials()[0].values["x"] < 0.1


@pytest.mark.parametrize("stop", [True, False])
def test_asha_ends_after_its_trials(tmp_path, stop):
    tuner = made(kt.ASHA, tmp_path, max_trials=12, max_epochs=9, stop=stop)
    tuner.search(verbose=0)
    assert len(tuner.trials) == 12
    assert max(trial.epochs for trial in tuner.trials) == 9
