"""Fronts, crowding, order of merit and hypervolume, against direct computations."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core.pareto import crowding, fronts, hypervolume, ranking

KNEE = [[1, 5], [2, 3], [4, 2], [2, 4], [3, 5], [5, 5]]
"""Three points that nothing dominates, one behind them, and two more fronts."""


def points_of(objectives, largest=4):
    """Lists of points with small whole numbers, so that many are equal."""
    point = st.lists(st.integers(0, largest), min_size=objectives, max_size=objectives)
    return st.lists(point, max_size=14)


several = st.integers(1, 4).flatmap(points_of)


def array(points, objectives=2):
    return np.array(points, dtype=float).reshape(-1, len(points[0]) if points else objectives)


def dominates(one, other):
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


class TestFronts:
    def test_a_small_example(self):
        assert fronts(array(KNEE)).tolist() == [0, 0, 0, 1, 2, 3]

    def test_no_points(self):
        assert fronts(np.zeros((0, 3))).tolist() == []

    def test_equal_points_are_in_the_same_front(self):
        assert fronts(array([[1, 2], [1, 2], [0, 3]])).tolist() == [0, 0, 0]

    def test_with_one_objective_each_value_is_a_front(self):
        assert fronts(array([[3], [1], [2], [1]])).tolist() == [2, 0, 1, 0]

    def test_an_infinite_loss_is_worse_than_any_other(self):
        assert fronts(array([[0, math.inf], [0, 9], [1, 1]])).tolist() == [1, 0, 0]

    @settings(max_examples=150, deadline=None)
    @given(several)
    def test_each_front_is_what_nothing_dominates_once_the_earlier_ones_are_gone(self, points):
        found = fronts(array(points))
        left = list(range(len(points)))
        for front in itertools.count():
            if not left:
                break
            members = [i for i in left if not any(dominates(points[j], points[i]) for j in left)]
            assert [i for i in left if found[i] == front] == members
            left = [i for i in left if i not in members]

    @settings(max_examples=80, deadline=None)
    @given(several, st.randoms(use_true_random=False))
    def test_the_order_of_points_does_not_matter(self, points, random):
        order = list(range(len(points)))
        random.shuffle(order)
        found = fronts(array(points))
        assert fronts(array(points)[order]).tolist() == found[order].tolist()


class TestCrowding:
    def test_distances_computed_by_hand(self):
        # Ranges 4 and 8; the neighbours of the second point are the first and the third.
        found = crowding(array([[0, 8], [1, 4], [2, 2], [4, 0]]))
        assert found.tolist() == [math.inf, 2 / 4 + 6 / 8, 3 / 4 + 4 / 8, math.inf]

    def test_the_ends_of_each_objective_are_kept(self):
        found = crowding(array([[0, 5, 5], [5, 0, 5], [5, 5, 0], [2, 2, 2]]))
        assert np.isinf(found).tolist() == [True, True, True, False]

    @pytest.mark.parametrize("points", [[[1, 2]], [[1, 2], [2, 1]]])
    def test_up_to_two_points_are_ends(self, points):
        assert np.isinf(crowding(array(points))).all()

    def test_without_points(self):
        assert crowding(np.zeros((0, 2))).tolist() == []

    def test_an_objective_in_which_all_are_equal_separates_nobody(self):
        found = crowding(array([[0, 1], [1, 1], [3, 1]]))
        assert found[1] == 1.0


class TestRanking:
    def test_front_by_front_and_within_one_by_the_first_objective(self):
        assert ranking(array(KNEE), [0.0] * 6) == [0, 1, 2, 3, 4, 5]
        assert ranking(array(KNEE[::-1]), [0.0] * 6) == [5, 4, 3, 2, 1, 0]

    def test_what_violates_constraints_comes_last_by_how_much(self):
        assert ranking(array([[0, 0], [5, 5], [1, 1], [6, 6]]), [0.5, 0.0, 0.1, 0.0]) == [
            1,
            3,
            2,
            0,
        ]

    def test_what_violates_nothing_is_compared_without_the_others(self):
        # The first point would dominate all others.
        assert ranking(array([[0, 0], [2, 1], [1, 2]]), [1.0, 0.0, 0.0]) == [2, 1, 0]

    def test_the_least_crowded_of_a_front_come_first_for_parents(self):
        points = array([[0, 10], [1, 9], [2, 8], [6, 3], [10, 0], [9, 9]])
        order = ranking(points, [0.0] * 6, crowded_last=True)
        assert set(order[:2]) == {0, 4}
        assert order[2:] == [3, 2, 1, 5]

    def test_nothing_satisfies_the_constraints(self):
        assert ranking(array([[0, 0], [1, 1]]), [2.0, math.inf]) == [0, 1]

    @settings(max_examples=80, deadline=None)
    @given(several, st.data())
    def test_it_is_an_order_of_all_points_in_which_none_stands_before_one_that_dominates_it(
        self, points, data
    ):
        violations = data.draw(
            st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=len(points), max_size=len(points))
        )
        for crowded_last in (False, True):
            order = ranking(array(points), violations, crowded_last)
            assert sorted(order) == list(range(len(points)))
            for place, i in enumerate(order):
                for j in order[place + 1 :]:
                    assert violations[i] <= violations[j]
                    both = violations[i] == violations[j] == 0.0
                    assert not (both and dominates(points[j], points[i]))


class TestHypervolume:
    @pytest.mark.parametrize(
        ("points", "reference", "volume"),
        [
            ([[1, 1]], [3, 4], 6),
            ([[1, 3], [2, 2], [3, 1]], [4, 4], 6),
            ([[1, 1], [2, 2]], [4, 4], 9),  # what is dominated adds nothing
            ([[1, 1], [1, 1]], [2, 2], 1),
            ([[5, 0]], [4, 4], 0),  # worse than the reference in one objective
            ([[4, 0]], [4, 4], 0),
            ([], [1, 1], 0),
            ([[2], [1]], [5], 4),
            ([[0, 0, 0]], [2, 3, 4], 24),
            ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], [2, 2, 2], 4),
            ([[0, 0, 0, 0], [1, 1, 1, 1]], [2, 2, 2, 2], 16),
        ],
    )
    def test_volumes_computed_by_hand(self, points, reference, volume):
        assert hypervolume(points, reference) == volume

    @settings(max_examples=150, deadline=None)
    @given(several)
    def test_it_is_the_number_of_unit_cells_that_a_point_dominates(self, points):
        if not points:
            return
        reference = [4] * len(points[0])
        cells = sum(
            any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points)
            for cell in itertools.product(range(4), repeat=len(reference))
        )
        assert hypervolume(points, reference) == cells

    @pytest.mark.parametrize("objectives", [2, 3, 4, 5])
    def test_it_is_the_share_of_random_points_that_are_dominated(self, objectives):
        rng = np.random.default_rng(objectives)
        points = rng.random((20, objectives))
        drawn = rng.random((20_000, objectives))
        share = (points[:, None] <= drawn).all(2).any(0).mean()
        assert hypervolume(points, np.ones(objectives)) == pytest.approx(share, abs=0.02)

    @settings(max_examples=60, deadline=None)
    @given(several.filter(len))
    def test_another_point_never_makes_it_smaller(self, points):
        reference = [5] * len(points[0])
        volumes = [hypervolume(points[:n], reference) for n in range(len(points) + 1)]
        assert volumes == sorted(volumes)
