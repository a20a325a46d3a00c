import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.analysis.unit_cube import at_the_end, columns_of, scored, winsorized
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite.hyperparameters import Choice, Condition, Float, Parameter, Space
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


def test_inactive_is_not_a_number():
    space = Space(
        [
            Parameter("optimizer", Choice(("sgd", "adam"))),
            Parameter("momentum", Float(0.0, 0.5), (Condition("optimizer", ("sgd",)),)),
            Parameter("constant", Float(0.0, 1.0)),
        ]
    )
    found = columns_of(
        [
            completed(0, {"optimizer": "sgd", "momentum": 0.25, "constant": 0.5}, space, 1.0),
            completed(1, {"optimizer": "adam", "constant": 0.5}, space, 2.0),
        ]
    )
    assert found.names == ("optimizer", "momentum")
    np.testing.assert_allclose(found.units, [[0.25, 0.5], [0.75, np.nan]])


def test_names_stand_in_the_order_of_their_losses():
    space = Space([Parameter("kind", Choice(("a", "b", "c", "unused")))])
    losses = {"a": [5.0, 7.0], "b": [1.0], "c": [3.0]}
    pairs = [(kind, loss) for kind, each in losses.items() for loss in each]
    found = columns_of(
        [completed(n, {"kind": k}, space, loss) for n, (k, loss) in enumerate(pairs)]
    )
    np.testing.assert_allclose(found.units[:, 0], [5 / 6, 5 / 6, 1 / 6, 1 / 2])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([0.0, 1.0, 2.0, 1e6], [0.0, 1.0, 2.0, 16.5]),  # the median is 1.5
        ([1.0, 1.0, 1.0, 9.0], [1.0, 1.0, 1.0, 9.0]),
        ([], []),
    ],
)
def test_what_diverged_is_moved_to_a_bound(losses, expected):
    np.testing.assert_allclose(winsorized(np.array(losses)), expected)
