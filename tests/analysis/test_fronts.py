"""The hypervolume of the front after each trial."""

import numpy as np
import pytest

from kerastune_lite._src.analysis.fronts import hypervolumes
from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.core.pareto import hypervolume
from kerastune_lite._src.core.trial import Trial, TrialStatus

BOTH = create_objective([Objective("loss", "min"), Objective("auc", "max")])


def trials(*losses, excesses=None):
    """Trials with these losses of two objectives; None for one that failed."""
    return [
        Trial(number, {"x": number}, status=TrialStatus.FAILED)
        if pair is None
        else Trial(
            number,
            {"x": number},
            status=TrialStatus.COMPLETED,
            loss=pair[0],
            losses=tuple(map(float, pair)),
            excesses=() if excesses is None else (excesses[number],),
        )
        for number, pair in enumerate(losses)
    ]


def test_up_to_a_reference_that_is_given_as_scores():
    found = trials((2, -3), (3, -2), (1, -1), (2, -4))
    # The losses of the reference are (4, 0).
    assert hypervolumes(found, BOTH, [4, 0]) == [6.0, 6.0, 7.0, 9.0]


def test_up_to_the_worst_of_all_trials():
    found = trials((2, -3), (4, 0), (1, -1))
    assert hypervolumes(found, BOTH) == [6.0, 6.0, 7.0]


def test_what_failed_or_violates_a_constraint_does_not_count():
    found = trials((2, -3), None, (0, -9), excesses=[0.0, None, 0.5])
    assert hypervolumes(found, BOTH, [4, 0]) == [6.0, 6.0, 6.0]
    # Nor is it the worst one.
    far = trials((2, -3), (90, 90), (3, -4), excesses=[0.0, 1.0, 0.0])
    assert hypervolumes(far, BOTH) == [0.0, 0.0, 0.0]
    assert hypervolumes(trials(None, (1, 1), excesses=[0, 1]), BOTH) == [0.0, 0.0]
    assert hypervolumes([], BOTH) == []


def test_worse_than_the_reference_is_nothing():
    assert hypervolumes(trials((5, -3), (2, -1)), BOTH, [4, 0]) == [0.0, 2.0]


def test_it_is_that_of_all_trials_so_far():
    rng = np.random.default_rng(0)
    goals = create_objective([Objective(name, "min") for name in "abc"])
    losses = rng.random((40, 3)).round(1)
    found = [
        Trial(n, {}, status=TrialStatus.COMPLETED, loss=row[0], losses=tuple(row))
        for n, row in enumerate(losses.tolist())
    ]
    direct = [hypervolume(losses[: n + 1], (1.0, 1.0, 1.0)) for n in range(40)]
    assert hypervolumes(found, goals, (1, 1, 1)) == pytest.approx(direct)


@pytest.mark.parametrize("reference", [[1], [1, 2, 3], []])
def test_a_reference_has_a_value_for_each_objective(reference):
    with pytest.raises(ValueError, match=r"must have a value for each objective: loss, auc. Rec"):
        hypervolumes(trials((1, 1)), BOTH, reference)


@pytest.mark.parametrize("one", [Objective("loss", "min"), create_objective("loss", "loss <= 1")])
def test_one_objective_has_none(one):
    with pytest.raises(ValueError, match=r"is that of several objectives. Received a search with"):
        hypervolumes([], one)


def test_nor_has_a_sum():
    total = Sum([Objective("loss", "min"), Objective("auc", "max")])
    with pytest.raises(ValueError, match=r"Received a search with one: 'multi_objective'"):
        hypervolumes([], total)
