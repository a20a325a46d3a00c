import dataclasses

from kerastune_lite._src.core.scored_trials import at_the_end, scored
from kerastune_lite._src.core.trial import TrialStatus
from tests.analysis.trials import completed, cube, failed


def with_goals(*goals):
    return [completed(n, {"x0": n / 9}, cube(1), 0.5, goal=goal) for n, goal in enumerate(goals)]


def stopped(trial):
    """Its executions ended because a callback of the user's said so."""
    executions = tuple(dataclasses.replace(each, stopped=True) for each in trial.executions)
    return dataclasses.replace(trial, executions=executions)


def test_who_had_all_of_its_training():
    trials = with_goals(9, 1, 3, 9)
    assert at_the_end(trials) == {0, 3}
    assert at_the_end(with_goals(2, None, 5)) == {1}
    assert at_the_end(with_goals(None, None)) == {0, 1}
    assert at_the_end([trials[0], stopped(trials[1])]) == {0, 1}
    assert at_the_end([*trials[1:3], failed(4, {}, cube(1))]) == {2}
    assert at_the_end([]) == set()


def test_only_trials_with_a_finite_score_count():
    trials = with_goals(None, None, None, None)
    trials[0] = dataclasses.replace(trials[0], loss=float("nan"))
    trials[1] = dataclasses.replace(trials[1], loss=float("inf"))
    trials[2] = dataclasses.replace(trials[2], status=TrialStatus.RUNNING)
    trials[3] = dataclasses.replace(trials[3], status=TrialStatus.PAUSED)
    assert [trial.number for trial in scored([*trials[::-1], failed(4, {}, cube(1))])] == [3]
