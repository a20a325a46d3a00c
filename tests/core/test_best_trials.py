"""What users are told who ask for the best of nothing."""

import dataclasses

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.best_trials import BestTrials, why_none
from kerastune_lite._src.core.trial import Trial, TrialStatus
from tests.projects import recorded
from tests.views import streams

SCORED = Trial(0, {}, status=TrialStatus.COMPLETED, score=1.0, loss=1.0)


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([], "has not been called yet. Call it first"),
        ([Trial(0, {})], "1 of 1 were cut off"),
        ([streams.failed(0), streams.failed(1)], "2 of 2 failed(?s:.*)trial 1: ValueError: units"),
        ([streams.failed(0), Trial(1, {})], "1 of 2 failed"),
        ([streams.failed(0, "")], "no reason was recorded"),
        ([streams.rejected(0)], "FailedTrialError: too large"),
    ],
)
def test_an_empty_list_says_why(trials, words):
    best = BestTrials([], trials)
    assert not best
    assert best == best[:3] == []
    for place in (0, -1, 4):
        with pytest.raises(IndexError, match=words):
            best[place]
    assert words.split("(?s")[0] in why_none(trials)


def test_one_that_holds_some_is_a_list():
    best = BestTrials([SCORED], [SCORED, streams.failed(1)])
    assert (best[0], best[-1], best[:1], len(best), [*best]) == (SCORED, SCORED, [SCORED], 1, best)
    with pytest.raises(IndexError, match=r"has length 1\. Received: index 1"):
        best[1]


@pytest.fixture
def opened(tmp_path):
    return kt.open_project(recorded(tmp_path, streams.all_failed()))


class Useless(kt.RandomSearch):
    def run_trial(self, trial):
        raise ArithmeticError(f"for {trial.hyperparameters.Int('n', 1, 90)}")


@pytest.fixture
def tuner(tmp_path):
    tuner = Useless(max_trials=2, directory=tmp_path)
    with pytest.raises(RuntimeError, match=r"All 2 trials failed(?s:.*)ArithmeticError: for"):
        tuner.search(verbose=0)
    return tuner


def test_an_opened_project(opened):
    with pytest.raises(ValueError, match="2 of 2 failed"):
        opened.get_best_hyperparameters()
    with pytest.raises(IndexError, match="2 of 2 failed"):
        opened.get_best_trials()[0]
    assert opened.get_best_hyperparameters(0) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda tuner: tuner.get_best_models()[0],
        lambda tuner: tuner.get_best_models(3),
        lambda tuner: tuner.get_best_hyperparameters()[0],
        lambda tuner: tuner.evaluate_best([1.0]),
        lambda tuner: tuner.retrain(None, [1.0]),
        lambda tuner: tuner.to_sklearn(),
    ],
)
def test_a_tuner(tuner, ask):
    with pytest.raises(ValueError, match=r"2 of 2 failed(?s:.*)trial 1: ArithmeticError: for"):
        ask(tuner)


@pytest.mark.parametrize("of", [lambda tuner: tuner, lambda tuner: tuner.oracle])
def test_its_best_trials_are_an_empty_list(tuner, of):
    assert of(tuner).get_best_trials(5) == []
    with pytest.raises(IndexError, match="ArithmeticError"):
        of(tuner).get_best_trials()[0]


def test_views_have_no_need_of_a_best_one(tuner, capsys):
    tuner.results_summary()
    assert "2 trials, none of them completed" in capsys.readouterr().out
    assert "2 trials>" in repr(tuner)
    assert "2 trials failed" in tuner._repr_html_()
    assert tuner.rows()[0]["score"] is None


def test_the_same_search_again_says_the_same(tuner, tmp_path):
    again = Useless(max_trials=2, directory=tmp_path)
    with pytest.raises(RuntimeError, match="All 2 trials failed"):
        again.search(verbose=0)
    assert again.trials == tuner.trials


def test_a_function():
    with pytest.raises(RuntimeError, match=r"All 3 trials failed(?s:.*)ZeroDivisionError"):
        kt.tune_function(
            lambda x: 1 / 0,
            {"x": [1, 2, 3, 4]},
            max_trials=3,
            verbose=0,
            max_consecutive_failed_trials=9,
        )


def test_a_function_may_reject_values(caplog):
    def evaluate(x):
        if x > 0.3:
            raise kt.errors.FailedTrialError(f"{x} is too much")
        return x

    space = {"x": kt.hyperparameters.Float(0.0, 1.0)}
    oracle = kt.oracles.RandomOracle()
    tuner = kt.tune_function(evaluate, space, max_trials=20, oracle=oracle, seed=0, verbose=0)
    rejected = [trial for trial in tuner.trials if trial.rejected]
    assert len(tuner.trials) == 20
    assert 10 < len(rejected) < 20
    assert f"{len(rejected)} of 20 trials were rejected" in caplog.text
    assert [row["rejected"] for row in tuner.rows()] == [t.rejected for t in tuner.trials]


def test_a_trial_that_has_completed_was_not_rejected():
    rejected = streams.rejected(0)
    assert rejected.rejected
    assert (
        "rejected (max_model_size, constraints, FailedTrialError): kt.errors"
        in rejected._repr_html_()
    )
    assert not dataclasses.replace(rejected, status=TrialStatus.COMPLETED).rejected
    assert not streams.failed(0).rejected
