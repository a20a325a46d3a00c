"""A search ends when its last trials have not improved it."""

import math

import pytest

from kerastune_lite.oracles import Trial, TrialHistory, TrialStatus
from kerastune_lite.stopping import NoImprovement


def trial(number, loss=None, status=TrialStatus.COMPLETED, **more):
    return Trial(number, {"n": number}, status=status, score=loss, loss=loss, **more)


def history(*losses):
    return TrialHistory(trial(number, loss) for number, loss in enumerate(losses))


def test_it_counts_the_trials_since_the_best():
    rule = NoImprovement(3)
    assert rule.reason(history(5, 4, 4, 4)) is None
    assert rule.reason(history(5, 4, 4, 4, 6)) == "no improvement in the last 3 trials"
    assert rule.reason(history(5, 4, 4, 4, 3)) is None


def test_small_changes_are_no_improvement_unless_they_add_up():
    rule = NoImprovement(3, min_delta=1.0)
    assert rule.reason(history(9, 5, 4.9, 4.8, 4.7)) is not None
    assert rule.reason(history(9, 5, 4.5, 4.2, 4.0)) is not None
    assert rule.reason(history(9, 5, 4.5, 4.2, 3.9)) is None
    assert NoImprovement(3).reason(history(9, 5, 4.9, 4.8, 4.7)) is None


def test_failures_count_but_not_before_anything_worked():
    failed = [trial(number, status=TrialStatus.FAILED) for number in range(5)]
    assert NoImprovement(3).reason(TrialHistory(failed)) is None
    good = trial(0, 1.0)
    assert NoImprovement(3).reason(TrialHistory([good, *failed[1:]])) is not None


def test_running_and_paused_trials_do_not_count():
    open_trials = [trial(1, status=TrialStatus.RUNNING), trial(2, 7.0, TrialStatus.PAUSED)]
    trials = [trial(0, 1.0), *open_trials, trial(3, 2.0)]
    assert NoImprovement(1).reason(TrialHistory(trials)) is not None
    assert NoImprovement(2).reason(TrialHistory(trials)) is None


def test_a_trial_that_ends_late_improves_the_search_when_it_ends():
    ended = [trial(number, 5.0, finished=float(number)) for number in range(5)]
    ended[1] = trial(1, 1.0, finished=10.0)  # slow, or resumed by its scheduler
    assert NoImprovement(3).reason(TrialHistory(ended)) is None
    more = [trial(number, 5.0, finished=20.0 + number) for number in range(5, 8)]
    assert NoImprovement(3).reason(TrialHistory([*ended, *more])) is not None


def test_with_constraints_a_smaller_violation_is_an_improvement():
    bad, better, good = (trial(n, 1.0, excesses=(e,)) for n, e in enumerate((2.0, 1.0, -1.0)))
    assert NoImprovement(1).reason(TrialHistory([bad, better])) is None
    assert NoImprovement(1).reason(TrialHistory([bad, better, good])) is None
    worse = trial(3, 0.0, excesses=(0.5,))
    assert NoImprovement(1).reason(TrialHistory([bad, better, good, worse])) is not None


def test_with_several_objectives_a_new_point_of_the_front_is_an_improvement():
    points = [(3.0, 3.0), (4.0, 2.0), (2.0, 4.0), (4.0, 4.0), (3.0, 3.0)]
    trials = [trial(n, point[0], losses=point) for n, point in enumerate(points)]
    assert NoImprovement(2).reason(TrialHistory(trials[:3])) is None
    assert NoImprovement(2).reason(TrialHistory(trials[:4])) is None
    assert NoImprovement(2).reason(TrialHistory(trials)) is not None
    dominates = trial(5, 1.0, losses=(1.0, 1.0))
    assert NoImprovement(2).reason(TrialHistory([*trials, dominates])) is None


@pytest.mark.parametrize("trials", [0, -1, 2.5, True, None, "3"])
def test_the_number_of_trials_is_checked(trials):
    with pytest.raises(ValueError, match=r"`trials` must be a whole number, 1 or more. Received"):
        NoImprovement(trials)


@pytest.mark.parametrize("delta", [-1, math.nan, math.inf, None, "a"])
def test_the_smallest_change_is_checked(delta):
    with pytest.raises(ValueError, match=r"`min_delta` must be a number, 0 or more"):
        NoImprovement(3, delta)


def test_settings_tell_its_arguments():
    told = {"type": "NoImprovement", "trials": 4, "min_delta": 0.5}
    assert NoImprovement(4, 0.5).settings() == told
