"""Whether one search is ahead of another one by more than chance, against simulated searches."""

import numpy as np
import pytest

from kerastune_lite._src.analysis.comparing import (
    best_after,
    difference,
    marks,
    volumes_after,
)
from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.objective import Objective
from kerastune_lite.hyperparameters import Space
from tests.analysis.trials import ACCURACY, LOSS, completed, failed


def repeated(*scores, objective=ACCURACY):
    return completed(0, {}, Space(), *scores, objective=objective)


@pytest.mark.parametrize(("objective", "sign"), [(ACCURACY, 1), (LOSS, -1)], ids=["max", "min"])
def test_a_difference_far_above_the_noise(objective, sign):
    good, bad = sign * np.array([0.90, 0.92, 0.91]), sign * np.array([0.70, 0.72, 0.71])
    pair = repeated(*good, objective=objective), repeated(*bad, objective=objective)
    found = difference(*pair, objective, 1)
    assert found.ahead == pytest.approx(0.2)
    assert 0 < found.margin < 0.05
    assert found.more_than_chance is True


def test_the_margin_is_that_of_welch():
    from scipy import stats

    first, second = [0.90, 0.95, 0.91, 0.93], [0.89, 0.70]
    found = difference(repeated(*first), repeated(*second), ACCURACY, 1)
    test = stats.ttest_ind(first, second, equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert found.margin == pytest.approx((high - low) / 2)
    assert found.more_than_chance is False


@pytest.mark.parametrize(
    ("first", "second"),
    [([0.9], [0.8]), ([0.9, 0.8], [0.7]), ([0.9, 0.9], [0.8, 0.8])],
    ids=["single", "one-single", "no-spread"],
)
def test_without_a_spread_nothing_is_said(first, second):
    found = difference(repeated(*first), repeated(*second), ACCURACY, 1)
    assert found.ahead > 0
    assert (found.margin, found.more_than_chance) == (None, None)


@pytest.mark.parametrize("comparisons", [1, 4])
def test_chance_alone_is_rarely_called_more(comparisons):
    """Equally good trials, with as many comparisons at once: at least one is called different."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        first = repeated(*rng.normal(0.9, 0.01, 4))
        others = [repeated(*rng.normal(0.9, 0.02, 3)) for _ in range(comparisons)]
        found = [difference(first, each, ACCURACY, comparisons) for each in others]
        wrong += any(abs(each.ahead) > each.margin for each in found)
    assert wrong / 400 < 0.08


def test_marks_are_round_and_not_beyond_the_longest():
    assert marks([3, 120]) == [1, 2, 5, 10, 20, 50, 100]
    assert marks([1]) == [1]
    assert marks([0]) == []


def test_the_best_score_after_so_many_trials():
    scores = [0.5, 0.7, 0.6]
    trials = [failed(0, {}, Space())]
    trials += [completed(i, {}, Space(), s, objective=LOSS) for i, s in enumerate(scores, 1)]
    assert best_after(trials, LOSS, [1, 2, 5]) == [None, 0.5, None]
    assert best_after(trials, ACCURACY, [4]) == [0.7]


def test_hypervolumes_have_one_reference_point():
    both = create_objective([Objective("a", "min"), Objective("b", "max")])

    def search(*rows):
        trials = [completed(i, {}, Space(), row[0], objective=LOSS) for i, row in enumerate(rows)]
        return [judged(trial, row) for trial, row in zip(trials, rows)]

    def judged(trial, row):
        import dataclasses

        metrics = {"a": row[0], "b": row[1]}
        return both.judged(dataclasses.replace(trial, metrics=metrics))

    small, large = search((2.0, 1.0), (3.0, 3.0)), search((1.0, 1.0), (0.0, 0.0), (1.0, 2.0))
    # The worst of all: a=3, b=0.
    found = volumes_after([small, large], both, [1, 3])
    assert found == [[1.0, None], [2.0, 4.0]]
    assert volumes_after([[], []], both, [1]) == [[None], [None]]
