"""The history ranks, counts, and keeps its indexes in step with the trials."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Int, Parameter, Space

RUNNING, COMPLETED, FAILED = TrialStatus.RUNNING, TrialStatus.COMPLETED, TrialStatus.FAILED


def trial(number, status=RUNNING, loss=None, **values):
    return Trial(number, values or {"x": number}, status=status, loss=loss)


def numbers(trials):
    return [each.number for each in trials]


def test_it_is_a_sequence_in_the_order_of_the_numbers():
    trials = [trial(0, COMPLETED, 2.0), trial(1), trial(2, FAILED)]
    history = TrialHistory(trials)
    assert list(history) == trials
    assert len(history) == 3
    assert history[1] is trials[1]
    assert history[-1] is trials[2]
    assert history[:2] == trials[:2]
    assert len(TrialHistory()) == 0


def test_counts():
    history = TrialHistory([trial(0, COMPLETED, 2.0), trial(1), trial(2, FAILED), trial(3)])
    assert numbers(history.running) == [1, 3]
    assert history.ended == 2
    assert history.failed == 1


def test_the_best_come_first_and_of_equal_ones_the_earlier():
    losses = [3.0, 1.0, 2.0, 1.0, -math.inf, math.inf]
    history = TrialHistory([trial(i, COMPLETED, loss) for i, loss in enumerate(losses)])
    assert numbers(history.best()) == [4, 1, 3, 2, 0, 5]
    assert numbers(history.best(2)) == [4, 1]
    assert history.best(0) == []
    assert [history.rank(each) for each in history] == [4, 1, 3, 2, 0, 5]


def test_only_completed_trials_with_a_loss_are_ranked():
    history = TrialHistory(
        [
            trial(0, FAILED, -9.0),
            trial(1, RUNNING, -9.0),
            trial(2, COMPLETED),
            trial(3, COMPLETED, math.nan),
            trial(4, COMPLETED, 1.0),
            trial(5, COMPLETED, 0.0),
        ]
    )
    assert numbers(history.best()) == [5, 4]
    assert [history.rank(each) for each in history] == [None, None, None, None, 1, 0]


def test_an_update_moves_a_trial_from_running_to_where_it_belongs():
    history = TrialHistory([trial(0), trial(1), trial(2)])
    history.update(trial(1, COMPLETED, 5.0))
    history.update(trial(0, COMPLETED, 3.0))
    assert numbers(history.running) == [2]
    assert numbers(history.best()) == [0, 1]
    history.update(trial(2, FAILED))
    assert (history.failed, history.ended, history.running) == (1, 3, [])
    assert numbers(history.best()) == [0, 1]


def test_a_running_trial_may_be_updated_and_keeps_its_place():
    history = TrialHistory([trial(0), trial(1)])
    history.update(dataclasses.replace(history[0], started=7.0))
    assert history[0].started == 7.0
    assert numbers(history.running) == [0, 1]


def test_visited_follows_the_values():
    history = TrialHistory([trial(0, a=1, b=2), trial(1, FAILED, a=1, b=3)])
    assert {"a": 1, "b": 2} in history.visited
    assert {"a": 1, "b": 3} in history.visited
    # Only `a` was asked for.
    history.update(trial(0, COMPLETED, 1.0, a=1))
    assert {"a": 1, "b": 7} in history.visited
    assert {"a": 2, "b": 2} not in history.visited


def test_trials_are_added_in_order():
    with pytest.raises(ValueError, match="Expected number 1, received 2"):
        TrialHistory([trial(0), trial(2)])
    with pytest.raises(ValueError, match="Expected number 0, received 1"):
        TrialHistory([trial(1)])


@pytest.mark.parametrize("number", [-1, 1])
def test_only_trials_that_were_added_can_be_updated(number):
    history = TrialHistory([trial(0)])
    with pytest.raises(ValueError, match=f"Received: number {number}"):
        history.update(trial(number))


@pytest.mark.parametrize("status", [COMPLETED, FAILED])
def test_what_has_ended_does_not_change(status):
    history = TrialHistory([trial(0, status, 1.0)])
    with pytest.raises(ValueError, match="Trial 0 has ended"):
        history.update(trial(0, COMPLETED, 0.5))
    assert history[0].loss == 1.0


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 5)), max_size=25))
def test_updated_and_read_back_are_the_same(moves):
    """Each move starts a trial, or ends one that is running."""
    history = TrialHistory()
    for start, which, loss in moves:
        running = history.running
        if start or not running:
            history.add(trial(len(history), x=which))
        else:
            ended = running[which % len(running)]
            status = FAILED if loss == 0 else COMPLETED
            # What was used may be less than what was proposed.
            values = ended.values if which % 2 else {}
            history.update(
                dataclasses.replace(ended, status=status, loss=float(loss), values=values)
            )
    again = TrialHistory(history)
    assert numbers(again.running) == numbers(history.running)
    assert (again.ended, again.failed) == (history.ended, history.failed)
    assert numbers(again.best()) == numbers(history.best())
    ranked = sorted((t.loss, t.number) for t in history if t.status is COMPLETED)
    assert numbers(history.best()) == [number for _, number in ranked]
    space = Space([Parameter("x", Int(0, 9))])
    assert list(again.visited.untried(space)) == list(history.visited.untried(space))
    draws = [h.visited.sample_untried(space, np.random.default_rng(0)) for h in (again, history)]
    assert draws[0] == draws[1]
