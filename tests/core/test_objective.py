"""Objectives: directions, sums, JSON, and the best epoch of a history."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.goals import Goals, create_objective, objective_from_json
from kerastune_lite._src.core.objective import DefaultObjective, Objective, Sum, best_epoch

ACCURACY = Objective("val_accuracy", "max")
LOSS = Objective("val_loss", "min")
BOTH = Sum((LOSS, ACCURACY))


def test_the_loss_turns_the_sign_of_what_is_maximised():
    assert ACCURACY.loss({"val_accuracy": 0.75}) == -0.75
    assert ACCURACY.score({"val_accuracy": 0.75}) == 0.75
    assert LOSS.loss({"val_loss": 0.3}) == LOSS.score({"val_loss": 0.3}) == 0.3
    assert ACCURACY.loss_of(ACCURACY.loss_of(0.5)) == 0.5
    assert type(LOSS.score({"val_loss": np.float32(1)})) is float


@pytest.mark.parametrize("sign", [1, -1])
def test_infinite_scores_stay_infinite(sign):
    assert LOSS.loss({"val_loss": sign * math.inf}) == sign * math.inf
    assert ACCURACY.loss({"val_accuracy": sign * math.inf}) == -sign * math.inf


def test_several_objectives_are_summed_as_losses():
    metrics = {"val_loss": 0.5, "val_accuracy": 0.75, "other": 9}
    assert BOTH.score(metrics) == BOTH.loss(metrics) == -0.25
    assert BOTH.names == ("val_loss", "val_accuracy")
    assert BOTH.parts == (LOSS, ACCURACY)
    assert BOTH.direction == "min"
    assert LOSS.parts == (LOSS,)


def test_missing_metrics_are_named():
    assert BOTH.missing({"val_loss": 1}) == ["val_accuracy"]
    assert LOSS.missing({}) == ["val_loss"]
    assert LOSS.missing({"val_loss": None}) == []


def test_a_direction_that_is_not_known_is_never_guessed():
    objective = create_objective("val_f1_score")
    assert objective.direction is None
    with pytest.raises(
        ValueError, match="direction of the objective 'val_f1_score' is not known yet"
    ):
        objective.loss({"val_f1_score": 1.0})
    assert objective.score({"val_f1_score": 1.0}) == 1.0


def test_objectives_are_created_from_what_users_write():
    assert create_objective(None) == DefaultObjective()
    assert create_objective(None).direction == "min"
    assert create_objective("val_loss") == Objective("val_loss")
    assert create_objective(ACCURACY) is ACCURACY
    assert create_objective(BOTH) is BOTH
    assert create_objective(["val_loss", ACCURACY]) == Goals((Objective("val_loss"), ACCURACY))
    assert create_objective((LOSS,)) == LOSS
    assert Sum(["val_loss", ACCURACY]).parts == (Objective("val_loss"), ACCURACY)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Objective("a", "up"), ValueError, "\"min\" or \"max\". Received: 'up' .* 'a'"),
        (lambda: create_objective([]), ValueError, "at least one metric"),
        (lambda: create_objective(3), TypeError, "Received: 3 of type int"),
        (lambda: create_objective(["a", None]), TypeError, "Received: None of type NoneType"),
        (lambda: create_objective([["a"]]), TypeError, r"Received: \['a'\] of type list"),
        (lambda: create_objective([BOTH]), TypeError, "of type Sum"),
    ],
)
def test_errors_state_the_rule_and_what_was_received(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    "objective",
    [
        ACCURACY,
        LOSS,
        BOTH,
        Objective("val_f1"),
        DefaultObjective(),
        Objective("default_objective", "max"),
        create_objective(["a", "b"]),
    ],
)
def test_json_and_back(objective):
    back = objective_from_json(json.loads(json.dumps(objective.to_json())))
    assert back == objective
    assert type(back) is type(objective)


def test_the_best_epoch_is_the_first_of_the_best():
    assert best_epoch(LOSS, {"val_loss": [3, 1, 2, 1]}) == 1
    assert best_epoch(ACCURACY, {"val_accuracy": [0.1, 0.5, 0.5]}) == 1
    assert best_epoch(BOTH, {"val_loss": [1, 1, 0], "val_accuracy": [0, 3, 1]}) == 1


@pytest.mark.parametrize("objective", [Objective("m", "min"), Objective("m", "max")])
def test_epochs_without_a_finite_objective_do_not_count(objective):
    nowhere = [math.nan, None, math.inf, -math.inf]
    assert best_epoch(objective, {"m": [*nowhere, 5.0, *nowhere]}) == 4
    assert best_epoch(objective, {"m": nowhere}) is None
    assert best_epoch(objective, {"m": []}) is None
    assert best_epoch(objective, {}) is None


def test_an_epoch_counts_when_all_objectives_are_there():
    history = {"val_loss": [0, None, 3, math.inf, 9], "val_accuracy": [None, 1, 1, math.inf, 0]}
    assert best_epoch(BOTH, history) == 2
    assert best_epoch(BOTH, {"val_loss": [1, 0], "val_accuracy": [1]}) == 0
    assert best_epoch(BOTH, {"val_loss": [1, 0]}) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats() | st.none()), st.sampled_from(["min", "max"]))
def test_no_epoch_beats_the_best(series, direction):
    objective = Objective("m", direction)
    best = best_epoch(objective, {"m": series})
    finite = [value for value in series if value is not None and math.isfinite(value)]
    if not finite:
        assert best is None
    else:
        assert best == series.index(min(finite) if direction == "min" else max(finite))
