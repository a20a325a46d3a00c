"""The ends of searches besides `max_trials` and `max_time`."""

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.events import StopReason
from kerastune_lite.stopping import NoImprovement, RegretBelowNoise, StoppingRule

SPACE = {"n": range(100)}


class After(StoppingRule):
    """Ends a search after a number of trials."""

    def __init__(self, trials):
        self.trials = trials

    def reason(self, history):
        return f"{self.trials} are enough" if history.ended >= self.trials else None


@pytest.fixture
def where(tmp_path):
    return {"directory": tmp_path, "project_name": "p", "verbose": 0, "seed": 0}


def test_a_rule_ends_a_search_and_its_reason_is_stored(where, tmp_path, capsys):
    where["verbose"] = 2
    tuner = kt.tune_function(lambda n: float(n), SPACE, stopping=[After(7), After(9)], **where)
    assert len(tuner.trials) == 7
    session = kt.open_project(tmp_path / "p").session
    assert session.reason is StopReason.STOPPED
    assert session.message == "7 are enough"
    assert "7 are enough" in capsys.readouterr().out
    assert tuner.remaining_trials == 93


def test_a_rule_is_asked_again_when_the_search_continues(where):
    kt.tune_function(lambda n: float(n), SPACE, stopping=After(5), **where)
    again = kt.tune_function(lambda n: float(n), SPACE, stopping=After(5), **where)
    assert len(again.trials) == 5
    more = kt.tune_function(lambda n: float(n), SPACE, max_trials=8, **where)
    assert len(more.trials) == 8


def test_rules_are_not_settings_that_a_project_must_keep(where, tmp_path):
    kt.tune_function(lambda n: float(n), SPACE, max_trials=2, **where)
    kt.tune_function(lambda n: float(n), SPACE, stopping=NoImprovement(3), **where)
    told = kt.open_project(tmp_path / "p").settings["stopping"]
    assert told == [{"type": "NoImprovement", "trials": 3, "min_delta": 0.0}]


@pytest.mark.parametrize("workers", [None, 2])
def test_running_trials_are_finished(where, workers):
    rule = After(3)
    tuner = kt.tune_function(lambda n: float(n), SPACE, stopping=rule, workers=workers, **where)
    assert 3 <= len(tuner.trials) <= 5
    assert {str(trial.status) for trial in tuner.trials} == {"COMPLETED"}


def epochs_of(n, epochs=4):
    for epoch in range(epochs):
        yield float(n) / (epoch + 1)


def test_epochs_are_a_budget_of_the_project(where, tmp_path):
    search = {"max_trials": None, **where}
    tuner = kt.tune_function(epochs_of, SPACE, max_total_epochs=10, **search)
    assert [trial.epochs for trial in tuner.trials] == [4, 4, 4]
    session = kt.open_project(tmp_path / "p").session
    assert session.reason is StopReason.EPOCHS
    assert session.message == "max_total_epochs=10 reached"
    assert len(kt.tune_function(epochs_of, SPACE, max_total_epochs=12, **search).trials) == 3
    assert len(kt.tune_function(epochs_of, SPACE, max_total_epochs=13, **search).trials) == 4


def resumable(n, epochs, initial_epoch=0):
    for epoch in range(initial_epoch, epochs):
        yield float(n) / (epoch + 1)


def test_paused_trials_continue_with_more_epochs(where):
    """As if the budget had been larger from the beginning."""
    search = {"scheduler": kt.schedulers.ASHA(max_epochs=9), "max_trials": 12, **where}
    search["oracle"] = kt.oracles.RandomOracle()
    some = kt.tune_function(resumable, SPACE, max_total_epochs=12, **search)
    assert "PAUSED" in {str(trial.status) for trial in some.trials}
    rest = kt.tune_function(resumable, SPACE, **search)
    whole = kt.tune_function(resumable, SPACE, **{**search, "project_name": "whole"})
    assert [t.epochs for t in rest.trials] == [t.epochs for t in whole.trials]
    assert [t.loss for t in rest.trials] == [t.loss for t in whole.trials]


def test_trainings_without_epochs_count_as_one(where):
    search = {"max_trials": None, "max_total_epochs": 5, **where}
    assert len(kt.tune_function(lambda n: float(n), SPACE, **search).trials) == 5


class Careless(StoppingRule):
    """Knows only histories with trials, and fails or answers as it is told."""

    def __init__(self, said):
        self.said = said

    def reason(self, history):
        assert history[-1].loss is not None
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def test_rules_are_not_asked_before_a_trial_has_ended(where):
    tuner = kt.tune_function(lambda n: float(n), SPACE, stopping=Careless("enough"), **where)
    assert len(tuner.trials) == 1


def test_what_a_rule_must_not_say_is_an_error_that_names_it(where, tmp_path):
    with pytest.raises(TypeError, match=r"Careless.reason\(\) must return .* Received: True"):
        kt.tune_function(lambda n: float(n), SPACE, stopping=Careless(True), **where)
    with pytest.raises(RuntimeError, match="rule Careless failed after 1 trials with KeyError"):
        kt.tune_function(lambda n: float(n), SPACE, stopping=Careless(KeyError("a")), **where)
    assert len(kt.open_project(tmp_path / "p").trials) == 1


def test_what_is_no_rule_is_refused(where):
    said = r"must be one of kerastune_lite.stopping, such as .*NoImprovement\(20\). Received: 20 "
    with pytest.raises(TypeError, match=said):
        kt.tune_function(lambda n: n, SPACE, stopping=20, **where)
    with pytest.raises(TypeError, match=r"must be an instance. .*: write NoImprovement\(...\)"):
        kt.tune_function(lambda n: n, SPACE, stopping=[NoImprovement], **where)
    both = [kt.Objective("a", "min"), kt.Objective("b", "min")]
    with pytest.raises(ValueError, match="RegretBelowNoise is only for searches with one obj"):
        kt.tune_function(lambda n: n, SPACE, both, stopping=RegretBelowNoise(), **where)
    with pytest.raises(ValueError, match=r"`max_total_epochs` must be at least 1. Received"):
        kt.tune_function(lambda n: n, SPACE, max_total_epochs=0, **where)
