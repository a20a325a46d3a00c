"""Expected hypervolume improvement: against draws, finite differences, and where it degenerates."""

import numpy as np
import pytest
from scipy import optimize

from kerastune_lite._src.algorithms.oracles.gp.acquisition import log_expected_improvement
from kerastune_lite._src.algorithms.oracles.gp.hypervolume import (
    log_expected_hypervolume_improvement,
)
from kerastune_lite._src.core.pareto import hypervolume

REFERENCE = np.array([1.0, 1.1])
FRONT = np.array([[0.1, 0.9], [0.3, 0.5], [0.8, 0.2]])
FRONTS = {
    "none": np.zeros((0, 2)),
    "one point": np.array([[0.4, 0.6]]),
    "three points": FRONT,
    "equal points, dominated ones, and some beyond the reference": np.vstack(
        [FRONT, FRONT[:2], [[0.4, 0.5], [0.3, 0.6], [0.9, 0.9], [1.0, 0.0], [-0.2, 1.1]]]
    ),
}


def acquired(mean, deviation, front=FRONT, reference=REFERENCE):
    """Of one point."""
    pair = (np.array(each, dtype=float)[:, None] for each in (mean, deviation))
    return log_expected_hypervolume_improvement(*pair, front, reference)


def predictions(count, seed):
    rng = np.random.default_rng(seed)
    return zip(rng.normal(0.4, 0.3, (count, 2)), np.exp(rng.normal(-1.0, 0.7, (count, 2))))


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_it_is_the_mean_of_draws(front):
    rng = np.random.default_rng(1)
    before = hypervolume(front, REFERENCE)
    for mean, deviation in predictions(4, seed=0):
        draws = mean + deviation * rng.standard_normal((4000, 2))
        gains = [hypervolume(np.vstack([front, draw]), REFERENCE) - before for draw in draws]
        error = np.std(gains) / np.sqrt(len(gains))
        expected = np.exp(acquired(mean, deviation, front).value[0])
        assert expected == pytest.approx(np.mean(gains), abs=4.0 * error)
        assert error < 0.1 * expected


def test_without_uncertainty_it_is_what_the_point_adds():
    for mean in ([0.2, 0.3], [-1.0, -2.0], [0.05, 1.0], [0.9, 0.1]):
        added = hypervolume([*FRONT, mean], REFERENCE) - hypervolume(FRONT, REFERENCE)
        assert np.exp(acquired(mean, [1e-9, 1e-9]).value[0]) == pytest.approx(added, rel=1e-6)


def test_one_strip_is_a_product_of_expected_improvements():
    mean, deviation = np.array([0.7, 0.4]), np.array([0.3, 0.2])
    ones = [
        log_expected_improvement(mean[i : i + 1], deviation[i : i + 1], REFERENCE[i]).value[0]
        for i in range(2)
    ]
    assert acquired(mean, deviation, np.zeros((0, 2))).value[0] == pytest.approx(sum(ones))


def test_many_points_at_once_are_those_points_one_by_one():
    pairs = list(predictions(7, seed=2))
    mean, deviation = (np.array(each).T for each in zip(*pairs))
    together = log_expected_hypervolume_improvement(mean, deviation, FRONT, REFERENCE)
    for i, (one_mean, one_deviation) in enumerate(pairs):
        one = acquired(one_mean, one_deviation)
        assert together.value[i] == pytest.approx(one.value[0])
        assert together.by_mean[:, i] == pytest.approx(one.by_mean[:, 0])
        assert together.by_deviation[:, i] == pytest.approx(one.by_deviation[:, 0])


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0, 3), (3, 3), (-3, -3), (-2, 4)], ids=str)
def test_gradients_against_finite_differences(front, shift):
    for mean, deviation in predictions(4, seed=3):
        found = acquired(mean + shift, deviation, front)

        def value(at):
            return acquired(at[:2], at[2:], front).value[0]

        numeric = optimize.approx_fprime(np.concatenate([mean + shift, deviation]), value, 1e-7)
        exact = np.concatenate([found.by_mean[:, 0], found.by_deviation[:, 0]])
        assert exact == pytest.approx(numeric, abs=1e-4 * (1.0 + np.abs(numeric).max()))


def test_far_away_points_still_have_a_direction():
    """The improvement itself is 0 in floating point there."""
    for mean in ([60.0, 0.1], [0.1, 60.0], [60.0, 60.0], [1e4, 1e4]):
        found = acquired(mean, [0.5, 0.5])
        assert np.exp(found.value[0]) == 0.0
        assert np.isfinite([found.value[0], *found.by_mean[:, 0], *found.by_deviation[:, 0]]).all()
        assert (found.by_mean[np.array(mean) > 1.0] < 0.0).all()


@pytest.mark.parametrize("deviation", [1e-9, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("mean", [(0, 0), (0.3, 0.5), (1, 1.1), (1e6, -1e6), (-1e6, 1e6)], ids=str)
@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_everything_is_finite(front, mean, deviation):
    found = acquired(mean, (deviation, 1.0), front)
    assert np.isfinite([found.value, *found.by_mean, *found.by_deviation]).all()
    near = np.nextafter(FRONT, 1.0)
    crowded = np.vstack([front, near, near + np.array([1e-15, -1e-15])])
    found = acquired(mean, (deviation, 1.0), crowded)
    assert np.isfinite([found.value, *found.by_mean, *found.by_deviation]).all()
