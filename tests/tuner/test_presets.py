"""Tuners under known names: their arguments are KerasTuner's, and what they stand for is right."""

import inspect

import numpy as np
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
        (kt.EvolutionarySearch, oracles.EvolutionaryOracle, schedulers.FullTraining),
        (kt.Hyperband, oracles.RandomOracle, schedulers.Hyperband),
        (kt.BOHB, oracles.BayesianOracle, schedulers.Hyperband),
        (kt.ASHA, oracles.BayesianOracle, schedulers.ASHA),
        (kt.FreezeThaw, oracles.FreezeThawOracle, schedulers.FreezeThaw),
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


def test_hyperband_with_a_model_is_bohb(tmp_path):
    tuner = made(kt.BOHB, tmp_path / "bohb", max_epochs=9)
    tuner.search(verbose=0)
    assert tuner.get_best_trials()[0].values["x"] < 0.1
    same = made(kt.Hyperband, tmp_path / "same", max_epochs=9, oracle=oracles.BayesianOracle())
    same.search(verbose=0)
    assert [t.values for t in same.trials] == [t.values for t in tuner.trials]


def seeded(kind, tmp_path, seed, **kwargs):
    class Own(kind):
        def run_trial(self, trial, epochs=1):
            return trial.hyperparameters.Float("x", 0, 1)

    tuner = Own(None, None, max_trials=8, seed=seed, directory=tmp_path, **kwargs)
    tuner.search(verbose=0)
    return [trial.values["x"] for trial in tuner.trials]


@pytest.mark.parametrize(
    ("kind", "oracle"),
    [
        (kt.Tuner, None),
        (kt.Tuner, oracles.SobolOracle()),
        (kt.BayesianOptimization, None),
        (kt.EvolutionarySearch, None),
        (kt.ASHA, None),
        (kt.FreezeThaw, None),
        (kt.RandomSearch, None),
    ],
)
def test_each_seed_has_trials_of_its_own(tmp_path, kind, oracle):
    arguments = {} if oracle is None else {"oracle": oracle}
    found = [seeded(kind, tmp_path / str(seed), seed, **arguments) for seed in (0, 1, 2)]
    # The start, with which some begin, is the same for all, and so is 0, the best value there is.
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert not set(found[first][1:5]) & set(found[second][1:5])
    assert found[1] == seeded(kind, tmp_path / "again", 1, **arguments)


def test_a_seed_need_not_be_given_again(tmp_path):
    before = seeded(kt.BayesianOptimization, tmp_path, 3)
    assert seeded(kt.BayesianOptimization, tmp_path, None) == before


def test_numpys_integers_are_integers(tmp_path):
    kwargs = {"max_trials": np.int64(3), "executions_per_trial": np.int32(1)}
    tuner = kt.tune_function(
        lambda x: x, {"x": [1, 2, 3, 4]}, seed=np.int64(3), directory=tmp_path, verbose=0, **kwargs
    )
    assert len(tuner.trials) == 3
    assert type(tuner.seed) is int


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (kt.RandomSearch, "oracle"),
        (kt.GridSearch, "oracle"),
        (kt.BayesianOptimization, "oracle"),
        (kt.EvolutionarySearch, "oracle"),
        (kt.Hyperband, "scheduler"),
        (kt.ASHA, "scheduler"),
        (kt.BOHB, "oracle"),
        (kt.BOHB, "scheduler"),
        (kt.FreezeThaw, "oracle"),
        (kt.FreezeThaw, "scheduler"),
    ],
)
def test_what_a_search_is_known_for_cannot_be_exchanged(tmp_path, kind, part):
    with pytest.raises(TypeError, match=f"{kind.__name__} has its own {part}.*Tuner"):
        made(kind, tmp_path, **{part: None})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"oracle": "bayesian"}, "one of kerastune_lite.oracles, such as .*'bayesian' of type str"),
        ({"oracle": oracles.BayesianOracle}, r"Received the class BayesianOracle: write Bay"),
        ({"oracle": schedulers.ASHA(9)}, "`oracle` must be one of .* of type ASHA"),
        ({"scheduler": "asha"}, "`scheduler` must be one of kerastune_lite.schedulers, such as"),
        ({"scheduler": schedulers.Hyperband}, r"write Hyperband\(\.\.\.\)"),
        (
            {"scheduler": kt.Hyperband},
            "Received: the class kerastune_lite.Hyperband",
        ),
        ({"hyperparameters": {"x": [1]}}, "must be a kerastune_lite.HyperParameters .* type dict"),
    ],
)
def test_parts_of_the_wrong_kind_are_refused(tmp_path, arguments, message):
    with pytest.raises(TypeError, match=message):
        made(kt.Tuner, tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("returns", ["a number", "a history"])
@pytest.mark.parametrize("kind", [kt.Hyperband, kt.ASHA, kt.BOHB])
def test_a_run_trial_that_cannot_be_told_trains_whole_trials(tmp_path, caplog, kind, returns):
    class Own(kind):
        calls = 0

        def run_trial(self, trial, x):
            Own.calls += 1
            loss = trial.hyperparameters.Float("a", 0, 1) + x
            return loss if returns == "a number" else {"default_objective": [loss + 1, loss]}

    limit = {"max_trials": 9} if kind is kt.ASHA else {}
    tuner = Own(None, None, directory=tmp_path, max_epochs=9, seed=2, **limit)
    tuner.search(1.0, verbose=0)
    goals = {trial.epochs for trial in tuner.trials}
    assert max(goals) == 9
    assert len(goals) > 1  # some were trained no further
    assert Own.calls > len(tuner.trials)
    assert all(trial.score == trial.values["a"] + 1 for trial in tuner.trials)
    (message,) = [record.getMessage() for record in caplog.records]
    assert "Own.run_trial() does not take `epochs`, so it trains the whole trial" in message


@pytest.mark.parametrize("stop", [True, False])
def test_asha_ends_after_its_trials(tmp_path, stop):
    tuner = made(kt.ASHA, tmp_path, max_trials=12, max_epochs=9, stop=stop)
    tuner.search(verbose=0)
    assert len(tuner.trials) == 12
    assert max(trial.epochs for trial in tuner.trials) == 9


def test_freeze_thaw_ends_after_its_epochs_or_its_trials(tmp_path):
    by_epochs = made(kt.FreezeThaw, tmp_path / "epochs", max_epochs=9, max_total_epochs=40)
    assert (by_epochs.max_trials, made(kt.FreezeThaw, tmp_path / "none").max_trials) == (None, 50)
    by_epochs.search(verbose=0)
    assert sum(trial.epochs for trial in by_epochs.trials) >= 40
    by_trials = made(kt.FreezeThaw, tmp_path / "trials", max_trials=12, max_epochs=9)
    by_trials.search(verbose=0)
    assert len(by_trials.trials) == 12
    assert max(trial.epochs for trial in by_trials.trials) == 9


@pytest.mark.parametrize(
    "goals", [(["val_loss", "val_accuracy"], None), ("val_loss", ["model_size <= 1e6"])]
)
def test_freeze_thaw_takes_one_goal(tmp_path, goals):
    objective, constraints = goals
    with pytest.raises(ValueError, match="FreezeThaw has a model of one loss"):
        kt.FreezeThaw(lambda hp: None, objective, constraints=constraints, directory=tmp_path)
    assert not list(tmp_path.iterdir())
