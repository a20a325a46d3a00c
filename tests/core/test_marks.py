"""What the goals say of a trial before its training has ended."""

import dataclasses
import math

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.marks import Marks, mean_of
from kerastune_lite.oracles import Trial, TrialStatus

BOTH = create_objective(
    [kt.Objective("val_accuracy", "max"), kt.Objective("model_size", "min")],
    ["inference_time <= 10", "val_loss <= 2"],
)


def same(one, other):
    return (
        all(map(same, one, other))
        if isinstance(one, tuple)
        else one == pytest.approx(other, nan_ok=True)
    )


def test_a_single_objective_needs_none():
    assert kt.Objective("val_loss", "min").marks({"val_loss": 0.5}) is None
    assert create_objective([kt.Objective("val_loss", "min")]).marks({"val_loss": 0.5}) is None


def test_of_each_goal_the_loss_or_the_excess_as_far_as_it_is_known():
    marks = BOTH.marks({"val_accuracy": 0.5, "val_loss": 3.0})
    assert same(marks, Marks((-0.5, math.nan), (math.nan, 0.5)))
    assert marks.violation == 0.5
    marks = BOTH.marks({"val_accuracy": math.nan, "val_loss": math.nan, "model_size": 7.0})
    assert same(marks, Marks((math.nan, 7.0), (math.nan, math.nan)))
    assert marks.violation == 0.0, "nothing is known to be violated"


def test_means_leave_out_what_is_not_known():
    marks = mean_of([Marks((1.0, math.nan), (2.0,)), Marks((3.0, 5.0), (math.nan,))])
    assert marks == Marks((2.0, 5.0), (2.0,))


def test_what_an_epoch_does_not_tell_the_latest_result_of_the_trial_does():
    history = TrialHistory([Trial(0, {"n": 0})])
    history.note(0, 0, 0, -0.5, Marks((-0.5, math.nan), (math.nan, 0.5)))
    assert same(history.marks(0, [0]), Marks((-0.5, math.nan), (math.nan, 0.5)))
    ended = dataclasses.replace(
        history[0],
        status=TrialStatus.PAUSED,
        loss=-0.7,
        losses=(-0.7, 100.0),
        excesses=(0.2, -0.1),
    )
    history.update(ended)
    assert history.marks(0, [0]) == Marks((-0.5, 100.0), (0.2, 0.5))
    assert history.marks(0, [1]) == Marks(), "nothing was noted"


def test_of_several_executions_the_mean_counts_and_what_is_trained_again_is_replaced():
    history = TrialHistory([Trial(0, {"n": 0})])
    for execution, loss in enumerate([1.0, 3.0]):
        history.note(0, execution, 0, loss, Marks((loss, 10.0)))
    assert history.marks(0, [0]) == Marks((2.0, 10.0))
    history.note(0, 1, 0, 5.0, Marks((5.0, 10.0)))
    assert history.marks(0, [0]) == Marks((3.0, 10.0))
    for execution in (0, 1):
        history.note(0, execution, 1, 9.0, Marks((9.0, math.nan)))
    assert history.marks(0, [0, 1]) == Marks((6.0, 10.0))
