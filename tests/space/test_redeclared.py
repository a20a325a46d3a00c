"""One name, declared with other domains in other places of a builder."""

import logging

import pytest

import kerastune_lite as kt
from kerastune_lite.hyperparameters import HyperParameters


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


def runs(build, tmp_path, **arguments):
    """A search for the smallest number that `build(hp)` returns."""

    class Own(kt.Tuner):
        def run_trial(self, trial, **fit):
            return self.hypermodel.build(trial.hyperparameters)

    arguments.setdefault("oracle", kt.oracles.GridOracle())
    arguments.setdefault("max_trials", 20)
    objective = kt.Objective("score", "min")
    tuner = Own(build, objective=objective, directory=tmp_path, seed=1, **arguments)
    tuner.search(verbose=0)
    return tuner


ORACLES = [
    kt.oracles.BayesianOracle,
    kt.oracles.EvolutionaryOracle,
    kt.oracles.GridOracle,
    kt.oracles.RandomOracle,
    kt.oracles.SobolOracle,
]


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_value_that_follows_from_others_tells_no_points_apart(oracle, tmp_path):
    def score(hp):
        n = hp.Int("n", 1, 4)
        return n + hp.Fixed("twice", 2 * n) + hp.Int("m", 0, 2)

    tuner = runs(score, tmp_path, oracle=oracle())
    points = {(t.values["n"], t.values["m"]) for t in tuner.trials}
    assert len(points) == len(tuner.trials) == 12


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_name_that_is_fixed_in_one_branch_and_tuned_in_another(oracle, tmp_path):
    def score(hp):
        hp.Choice("optimizer", ["sgd", "adam"])
        with hp.conditional_scope("optimizer", ["sgd"]):
            hp.Choice("momentum", [0.0, 0.5, 0.9])
        with hp.conditional_scope("optimizer", ["adam"]):
            hp.Fixed("momentum", 0.0)
        return hp.get("momentum")

    tuner = runs(score, tmp_path, oracle=oracle())
    found = sorted(tuple(trial.values.values()) for trial in tuner.trials)
    assert found == [("adam", 0.0), ("sgd", 0.0), ("sgd", 0.5), ("sgd", 0.9)]


def test_another_value_of_a_fixed_is_another_point_after_failures(tmp_path):
    """With scores among the trials, the project does not take it."""

    def build(rate):
        def build(hp):
            n, first = hp.Int("n", 1, 3), not probed
            probed.append(n)
            if hp.Fixed("rate", rate) == 0.5 and not first:
                raise ValueError("too large")
            return n

        return build

    probed = []
    with pytest.raises(RuntimeError, match="failed"):
        runs(build(0.5), tmp_path)
    tuner = runs(build(0.1), tmp_path)
    assert [trial.values["n"] for trial in tuner.trials if trial.values["rate"] == 0.1] == [1, 2, 3]


def test_one_build_has_one_value_of_a_fixed(tmp_path, caplog):
    def score(hp):
        n = hp.Int("n", 1, 4)
        assert [hp.Fixed("units", 16 * n), hp.Fixed("units", 1)] == [16 * n] * 2
        return hp.Fixed("units", 16 * n)

    tuner = runs(score, tmp_path)
    assert [trial.values["units"] for trial in tuner.trials] == [16, 32, 48, 64]
    assert [record.message.split(".")[0] for record in caplog.records] == [
        "The hyperparameter 'units' is declared with several ranges: Fixed 16, and Fixed 1"
    ]


def test_a_later_declaration_without_a_value_is_no_failure(tmp_path):
    """The first declaration holds, whatever follows from this trial's values."""

    def score(hp):
        n = hp.Int("n", 1, 4, default=4)
        return n + hp.Int("k", 2, n)

    tuner = runs(score, tmp_path, oracle=kt.oracles.BayesianOracle())
    assert {(t.values["n"], t.values["k"]) for t in tuner.trials} >= {(1, 2), (4, 4)}
    assert all(trial.status.name == "COMPLETED" for trial in tuner.trials)


def test_values_of_a_finished_trial_can_be_enqueued(tmp_path):
    def score(hp):
        n = hp.Int("n", 1, 6)
        return (n - 3) ** 2 + 0 * hp.Fixed("twice", 2 * n)

    tuner = runs(score, tmp_path, max_trials=4)
    values = tuner.get_best_hyperparameters()[0].values
    assert values == {"n": 3, "twice": 6}
    tuner.enqueue(values)  # tried already
    tuner.enqueue({"n": 5, "twice": 10})
    tuner.max_trials = 5
    tuner.search(verbose=0)
    assert [trial.values for trial in tuner.trials[4:]] == [{"n": 5, "twice": 10}]


def test_a_fixed_that_was_given_takes_no_other_value(tmp_path):
    given = HyperParameters()
    given.Fixed("rate", 0.5)
    tuner = runs(
        lambda hp: hp.Fixed("rate", 0.1) + hp.Int("n", 1, 3),
        tmp_path,
        hyperparameters=given,
        max_trials=1,
    )
    with pytest.raises(ValueError, match=r"'rate': 0\.1 is not in Fixed 0\.5"):
        tuner.enqueue({"n": 3, "rate": 0.1})
