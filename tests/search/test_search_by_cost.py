"""The benchmark of searches by cost: what begins together, what it costs, when it has ended."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.processes import printed_by

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def search_quality():
    """The benchmark's own modules, which are no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import search_quality
    finally:
        sys.path.remove(str(BENCHMARKS))
    return search_quality


class Recorded:
    """A problem that remembers which points were trained."""

    def __init__(self, problem):
        self.space, self.regret, self.points = problem.space, problem.regret, []
        self._true_loss = problem.true_loss

    def true_loss(self, values):
        self.points.append(values)
        return self._true_loss(values)


@pytest.mark.parametrize("name", ["random", "bayesian"])
def test_one_by_one_cost_is_the_number_of_trials(search_quality, name):
    problem = search_quality.problems.problem("digits")
    steps, begun = search_quality.costs.by_cost(problem, name, 3, 12)
    assert begun == 13, "the last one did not end in time"
    assert steps == search_quality.by_trials(problem, name, 3, 12)[0]


@pytest.mark.parametrize("size", ["2 x 128", "1 x 32"])
def test_trials_side_by_side_are_alike_and_cost_what_was_measured(search_quality, size):
    costs, problem = search_quality.costs, Recorded(search_quality.problems.problem("digits"))
    ratio = costs.STACKED[size]
    steps, begun = costs.by_cost(problem, f"bayesian, eight of {size}", 0, 1 + 20 * ratio)
    assert 0.0 < ratio < 1.0
    assert (begun, len(problem.points)) == (25, 17), "a third batch did not end in time"
    ends = [1.0, *(round(1 + batch * 8 * ratio, 3) for batch in (1, 2))]
    assert {spent for spent, _ in steps} <= set(ends)
    for spent, regret in steps:
        losses = list(map(problem._true_loss, problem.points[: 1 + 8 * ends.index(spent)]))
        assert regret == round(problem.regret(np.nanmin(losses)), 5)
    for batch in (problem.points[1:9], problem.points[9:]):
        fractions = {(point["learning_rate"], point["momentum"]) for point in batch}
        assert len(fractions) == 8
        rest = [{n: v for n, v in point.items() if type(v) is not float} for point in batch]
        assert all(each == rest[0] for each in rest)


@pytest.mark.slow
def test_stacked_cost_compares_trials_that_trained_in_the_two_ways():
    arguments = ("--trials", 8, "--epochs", 2, "--turns", 1)
    printed = printed_by(BENCHMARKS / "stacked_cost.py", *arguments)
    assert [line[:7] for line in printed.splitlines()[2:]] == ["2 x 128", "1 x 32 "]
