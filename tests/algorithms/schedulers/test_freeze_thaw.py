"""Freeze-thaw: a model of learning curves decides which training goes on."""

import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.hyperparameters import Float, Parameter, Space
from kerastune_lite.schedulers import FreezeThaw, Supply
from tests.algorithms.schedulers.conformance import RungConformance

SPACE = Space([Parameter("x", Float(0.0, 1.0))])
NO_NEW = Supply(exhausted=True, left=0)


class TestFreezeThaw(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return FreezeThaw(27)


def paused(*curves):
    """A history of trials that are paused after these losses."""
    history = TrialHistory()
    for number, curve in enumerate(curves):
        best = min(curve)
        done = Execution(0, Outcome.COMPLETED, loss=best, score=best, epochs=len(curve))
        values = {"x": (number + 0.5) / len(curves)}
        history.add(
            Trial(
                number,
                values,
                SPACE,
                TrialStatus.PAUSED,
                loss=best,
                score=best,
                executions=(done,),
                goal=len(curve),
                resumable=True,
            )
        )
        for epoch, loss in enumerate(curve):
            history.note(number, 0, epoch, loss)
    return history


def test_pauses_become_rarer():
    assert FreezeThaw(27).rungs == [1, 2, 3, 4, 6, 9, 13, 19, 27]
    assert FreezeThaw(1).rungs == [1]
    assert FreezeThaw(27).settings() == {"type": "FreezeThaw", "max_epochs": 27}


@pytest.mark.parametrize(("error", "epochs"), [(TypeError, 2.5), (TypeError, "9"), (ValueError, 0)])
def test_epochs_are_a_number(error, epochs):
    with pytest.raises(error, match="`max_epochs` must be"):
        FreezeThaw(epochs)


def test_a_curve_that_falls_goes_on_and_one_that_is_flat_does_not():
    """Both are at the same loss."""
    falling, flat = [4.0, 2.0, 1.0, 0.5], [0.52, 0.51, 0.5, 0.5]
    bad = [[5.0, 4.9, 4.9, 4.9]] * 6
    history = paused(*bad[:3], falling, *bad[3:], flat)
    (request,) = FreezeThaw(27).plan(history, 1, NO_NEW)
    assert (request.trial, request.start_epoch, request.end_epoch) == (3, 4, 6)
    assert request.resumable


def test_trials_without_a_chance_are_completed():
    bad = [[5.0 + 0.01 * n, 4.99 + 0.01 * n, 4.985, 4.985] for n in range(7)]
    history = paused([0.5, 0.3, 0.2, 0.1], *bad)
    given_up = FreezeThaw(27).finished(history, NO_NEW)
    assert 0 not in given_up
    assert len(given_up) > 3
    requests = FreezeThaw(27).plan(history, 3, NO_NEW)
    assert requests[0].trial == 0
    assert not {request.trial for request in requests} & set(given_up)


def test_new_trials_begin_until_there_are_enough_for_a_model():
    history = paused([0.5], [0.2])
    requests = FreezeThaw(27).plan(history, 4, Supply())
    assert [request.trial for request in requests] == [None] * 4
    assert {request.end_epoch for request in requests} == {1}


def test_later_both_begin_and_go_on():
    rng = np.random.default_rng(0)
    history = paused(*([1 + loss] for loss in rng.random(12)))
    requests = FreezeThaw(27).plan(history, 8, Supply())
    chosen = [request.trial for request in requests if request.trial is not None]
    assert len(requests) == 8
    assert len(set(chosen)) == len(chosen)
    assert len(requests) > len(chosen), "some are new"
