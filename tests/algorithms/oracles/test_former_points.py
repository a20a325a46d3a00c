"""The first points of a search that remembers."""

import math

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.former_points import former_point
from kerastune_lite._src.core.former import FORMER, Former
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Float, Parameter, Space

SPACE = Space([Parameter("x", Float(0.0, 1.0)), Parameter("kind", Choice(("a", "b")))])


def bowl(values):
    return (values["x"] - 0.3) ** 2 + 0.1 * (values["kind"] == "b")


def former(loss, name="old", count=30, seed=0):
    rng = np.random.default_rng(seed)
    points = tuple(SPACE.sample(rng) for _ in range(count))
    return Former(name, SPACE, points, tuple(map(loss, points)))


def search(formers, loss, count=16):
    """Origins and values; the oracle's own points are random."""
    history = TrialHistory(former=formers)
    for number in range(count):
        found = former_point(SPACE, history)
        values = SPACE.sample(np.random.default_rng(number)) if found is None else found
        origin = "oracle" if found is None else FORMER
        result = {"status": TrialStatus.COMPLETED, "loss": loss(values), "score": loss(values)}
        history.add(Trial(number, values, SPACE, origin=origin, **result))
    return history


def taken(history):
    return [trial.number for trial in history if trial.origin == FORMER]


def test_the_best_ones_that_are_not_close_to_each_other():
    old = former(bowl)
    history = search([old], bowl)
    points = [history[number].values for number in taken(history)]
    best = min(old.points, key=bowl)
    assert points[0] == best
    assert len(points) >= 2
    for i, point in enumerate(points):
        for other in points[:i]:
            assert abs(point["x"] - other["x"]) > 0.5 or point["kind"] != other["kind"]


def test_the_first_trial_then_every_other_one_from_the_fourth_on():
    assert taken(with_workers([former(bowl), former(bowl, seed=1)], 12)) == [0, 3, 5, 7]


def test_no_more_if_the_first_is_not_the_best():
    assert taken(search([former(lambda values: -bowl(values))], bowl)) == [0]


def test_projects_take_turns():
    one = former(bowl, "one")
    other = former(lambda values: (values["x"] - 0.9) ** 2, "other", seed=1)
    history = with_workers([one, other])
    points = [history[number].values for number in taken(history)]
    assert points[0] == min(one.points, key=bowl)
    assert points[1] == min(other.points, key=lambda values: (values["x"] - 0.9) ** 2)


@pytest.mark.parametrize("formers", [[], [former(bowl, count=0)], [former(lambda v: math.inf)]])
def test_nothing_to_remember(formers):
    assert taken(search(formers, bowl)) == []


def with_workers(formers, count=9):
    """Trials that are all running."""
    history = TrialHistory(former=formers)
    for number in range(count):
        found = former_point(SPACE, history)
        values = {"x": number / 10, "kind": "b"} if found is None else found
        history.add(Trial(number, values, SPACE, origin="oracle" if found is None else FORMER))
    return history


def test_several_workers_do_not_train_the_same_point():
    history = with_workers([former(bowl)])
    points = [tuple(history[number].values.values()) for number in taken(history)]
    assert len(points) == len(set(points)) >= 2


def test_only_at_the_beginning():
    history = search([], bowl, 20)
    later = TrialHistory(list(history), former=[former(bowl)])
    assert former_point(SPACE, later) is None
