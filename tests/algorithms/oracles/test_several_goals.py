"""Searches with several objectives and with constraints: on problems whose solution is known."""

import dataclasses

import numpy as np
import pytest
from scipy import optimize

from kerastune_lite._src.algorithms.oracles.gp.acquisition import log_probability_of_feasibility
from kerastune_lite._src.algorithms.oracles.gp.encoding import encoding_of
from kerastune_lite._src.algorithms.oracles.gp.goals import limits_of, scalarized
from kerastune_lite._src.algorithms.oracles.gp.model import Priors, fitted
from kerastune_lite._src.algorithms.oracles.gp.observations import observe
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.pareto import hypervolume
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space
from kerastune_lite.oracles import (
    BayesianOracle,
    EvolutionaryOracle,
    GridOracle,
    RandomOracle,
    SobolOracle,
)
from tests.algorithms.oracles.conformance import FLAT, GoalsConformance, ended_with_goals

SQUARE = Space([Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))])
CUBE = Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(4)])


class TestBayesian(GoalsConformance):
    @pytest.fixture
    def oracle(self):
        return BayesianOracle()


class TestBayesianWithABound(GoalsConformance):
    @pytest.fixture
    def oracle(self):
        return BayesianOracle(num_initial_points=4, beta=2.0)


class TestEvolutionary(GoalsConformance):
    @pytest.fixture
    def oracle(self):
        return EvolutionaryOracle(population_size=5)


class TestRandom(GoalsConformance):
    @pytest.fixture
    def oracle(self):
        return RandomOracle()


class TestSobol(GoalsConformance):
    @pytest.fixture
    def oracle(self):
        return SobolOracle()


class TestGrid(GoalsConformance):
    @pytest.fixture
    def oracle(self):
        return GridOracle()


def search(oracle, space, function, count, seed):
    """Trials one after the other; `function` returns the losses and the excesses of values."""
    history = TrialHistory()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        (values,) = oracle.propose(space, history, 1, rng)
        losses, excesses = function(values)
        history.add(
            Trial(
                number,
                values,
                space,
                TrialStatus.COMPLETED,
                loss=losses[0],
                losses=losses if len(losses) > 1 else (),
                excesses=excesses,
            )
        )
    return history


# ---------------------------------------------------------------------- several objectives


def convex(values):
    """ZDT1 (Zitzler et al. 2000): the front is f2 = 1 - sqrt(f1), where all but x0 are 0."""
    first, *others = values.values()
    g = 1 + 9 * sum(others) / len(others)
    return (first, g * (1 - np.sqrt(first / g))), ()


def concave(values):
    """ZDT2: the front is f2 = 1 - f1^2, of which weights of a sum find the ends alone."""
    first, *others = values.values()
    g = 1 + 9 * sum(others) / len(others)
    return (first, g * (1 - (first / g) ** 2)), ()


WHOLE = {convex: 1.21 - 1 / 3, concave: 1.21 - 2 / 3}
"""The hypervolume of the whole front, up to (1.1, 1.1)."""


def volume(history):
    return hypervolume([trial.losses for trial in history.front()], (1.1, 1.1))


@pytest.mark.parametrize("function", WHOLE)
def test_the_whole_front_bounds_the_volume(function):
    space = Space([Parameter("x0", Float(0.0, 1.0)), Parameter("x1", Float(0.0, 1.0))])
    points = [{"x0": x, "x1": 0.0} for x in np.linspace(0, 1, 2001)]
    losses = [function(point)[0] for point in points]
    assert hypervolume(losses, (1.1, 1.1)) == pytest.approx(WHOLE[function], abs=1e-3)
    assert len(space) == 2


@pytest.mark.parametrize("function", WHOLE)
def test_bayesian_search_covers_the_front_where_random_search_finds_none_of_it(function):
    ours = [volume(search(BayesianOracle(), CUBE, function, 50, seed)) for seed in range(2)]
    drawn = [volume(search(RandomOracle(), CUBE, function, 50, seed)) for seed in range(2)]
    assert min(ours) > 0.85 * WHOLE[function]
    assert max(drawn) < 0.3 * WHOLE[function]


@pytest.mark.parametrize("function", WHOLE)
def test_evolution_covers_the_front_where_random_search_finds_none_of_it(function):
    ours = [volume(search(EvolutionaryOracle(), CUBE, function, 250, seed)) for seed in range(3)]
    drawn = [volume(search(RandomOracle(), CUBE, function, 250, seed)) for seed in range(3)]
    assert np.median(ours) > 0.5 * WHOLE[function]
    assert max(drawn) < 0.35 * WHOLE[function]


@pytest.mark.parametrize("oracle", [BayesianOracle(), EvolutionaryOracle(population_size=10)])
def test_both_ends_of_a_front_are_found_and_what_is_between_them(oracle):
    """f1 = x^2, f2 = (x - 1)^2: the front is all of 0 <= x <= 1, y = 0."""

    def function(values):
        x, y = 3 * values["x"] - 1, values["y"]
        return (x * x + y, (x - 1) ** 2 + y), ()

    history = search(oracle, SQUARE, function, 60, 0)
    found = sorted(3 * trial.values["x"] - 1 for trial in history.front())
    near = [x for x in found if -0.1 <= x <= 1.1]
    assert len(near) >= 10
    assert near[0] < 0.15
    assert near[-1] > 0.85
    assert max(np.diff(near)) < 0.4


# ---------------------------------------------------------------------- constraints


def at_the_edge(values):
    """The lowest sum with a product of 0.5^n is where all are 0.5: the constraint decides it."""
    points, least = np.array(list(values.values())), 0.5 ** len(values)
    return (float(points.sum()),), (float(1 - points.prod() / least),)


def in_a_corner(values):
    """One in 400 points is allowed; of these, the best one has the loss 0.9."""
    x, y = values["x"], values["y"]
    return (x,), (0.9 - x, 0.5 - 10 * (y - 0.9) if y < 0.95 else -0.1)


def best(history):
    front = history.front()
    return front[0].loss if front else np.inf


def bests(oracle, space, count):
    return [best(search(oracle, space, at_the_edge, count, seed)) for seed in range(3)]


def test_bayesian_search_finds_the_best_of_what_is_allowed():
    assert all(1.0 <= loss < 1.01 for loss in bests(BayesianOracle(), SQUARE, 30))
    assert min(bests(RandomOracle(), SQUARE, 30)) > 1.02


def test_evolution_finds_better_ones_of_what_is_allowed_than_random_search():
    ours, drawn = (bests(o, CUBE, 150) for o in (EvolutionaryOracle(), RandomOracle()))
    assert all(2.0 <= loss < 2.15 for loss in ours)
    assert min(drawn) > max(ours)


def test_a_small_allowed_region_is_found_without_a_single_trial_in_it():
    def fewest(oracle):
        """After how many trials one is allowed."""
        history = search(oracle, SQUARE, in_a_corner, 40, 0)
        return next((t.number for t in history if t.violation == 0.0), 40)

    assert fewest(BayesianOracle()) < 20
    assert fewest(RandomOracle()) == 40


def test_what_is_learned_of_constraints_is_used():
    history = search(BayesianOracle(), SQUARE, at_the_edge, 30, 0)
    late = [trial.violation == 0.0 for trial in history[10:]]
    drawn = [t.violation == 0.0 for t in search(RandomOracle(), SQUARE, at_the_edge, 200, 0)]
    # At the edge, where the best is, half of the proposals may miss.
    assert np.mean(late) > 0.4
    assert np.mean(drawn) < 0.5
    assert np.median([t.loss for t in history[15:] if t.violation == 0.0]) < 1.1


def test_constraints_and_several_objectives_together():
    def function(values):
        x, y = values["x"], values["y"]
        return (x, y), ((0.25 - x * y) / 0.25,)

    history = search(BayesianOracle(), SQUARE, function, 40, 0)
    points = [tuple(trial.values.values()) for trial in history.front()]
    assert len(points) >= 6
    assert all(x * y >= 0.25 for x, y in points)
    assert np.median([x * y for x, y in points]) < 0.32


def test_a_constraint_over_a_mixed_space():
    space = Space(
        [
            Parameter("kind", Choice(("a", "b", "c"))),
            Parameter("layers", Int(1, 8)),
            Parameter("units", Int(8, 512, step=8)),
        ]
    )

    def function(values):
        size = values["layers"] * values["units"] ** 2
        loss = (values["kind"] != "b") + abs(values["layers"] - 5) + 512 / values["units"]
        return (loss,), (size / 80_000 - 1,)

    history = search(BayesianOracle(), space, function, 40, 1)
    found = history.front()[0]
    assert (found.values["kind"], found.values["layers"]) == ("b", 5)
    assert found.values["units"] >= 104  # at most 126 are allowed


# ---------------------------------------------------------------------- inside


def test_gradients_of_the_probability_of_feasibility_against_finite_differences():
    for mean in (-3.0, -0.5, 0.0, 0.2, 4.0, 40.0):
        for deviation in (0.05, 0.7, 3.0):
            acquired = log_probability_of_feasibility(np.array([mean]), np.array([deviation]))

            def value(at):
                return log_probability_of_feasibility(at[:1], at[1:]).value[0]

            numeric = optimize.approx_fprime(np.array([mean, deviation]), value, 1e-7)
            scale = 1.0 + np.abs(numeric).max()
            assert acquired.by_mean[0] == pytest.approx(numeric[0], abs=1e-3 * scale)
            assert acquired.by_deviation[0] == pytest.approx(numeric[1], abs=1e-3 * scale)


def test_probabilities_of_feasibility():
    found = log_probability_of_feasibility(np.array([0.0, -30.0, 1.0]), np.ones(3)).value
    assert np.exp(found) == pytest.approx([0.5, 1.0, 0.15865525])
    far = log_probability_of_feasibility(np.array([1e3, -1e3]), np.full(2, 1e-2))
    assert np.isfinite([far.value, far.by_mean, far.by_deviation]).all()


class TestScalarized:
    LOSSES = np.array([[0.0, 9.0], [1.0, 1.0], [9.0, 0.0], [9.0, 9.0], [np.inf, np.inf]])
    ALL = np.array([True] * 4 + [False])

    def test_no_weights_prefer_what_is_dominated(self):
        for seed in range(50):
            combined = scalarized(self.LOSSES, self.ALL, np.random.default_rng(seed))
            assert combined[:3].max() <= combined[3]

    def test_weights_differ_and_each_of_the_front_is_the_best_with_some(self):
        draws = [
            scalarized(self.LOSSES, self.ALL, np.random.default_rng(seed)) for seed in range(50)
        ]
        assert {int(np.argmin(combined)) for combined in draws} == {0, 1, 2}

    def test_a_failed_trial_stays_infinite_and_the_others_finite(self):
        combined = scalarized(self.LOSSES, self.ALL, np.random.default_rng(0))
        assert np.isfinite(combined).tolist() == [True] * 4 + [False]

    @pytest.mark.parametrize("losses", [[[1.0, 2.0]] * 4, [[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]])
    def test_equal_losses(self, losses):
        assert np.isfinite(
            scalarized(np.array(losses), np.ones(len(losses), bool), np.random.default_rng(0))
        ).all()

    def test_the_scale_of_an_objective_does_not_matter(self):
        rng = np.random.default_rng(3)
        losses, allowed = rng.random((30, 2)), np.ones(30, bool)
        one = scalarized(losses, allowed, np.random.default_rng(0))
        other = losses * [1e6, 1e-3] + [5.0, -7.0]
        assert scalarized(other, allowed, np.random.default_rng(0)) == pytest.approx(one)

    def test_bad_trials_do_not_decide_what_weights_mean(self):
        losses = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
        bad = np.column_stack([np.full(9, 2.0), np.linspace(50, 90, 9)])
        draws = [
            scalarized(np.vstack([losses, bad]), np.ones(12, bool), np.random.default_rng(seed))
            for seed in range(200)
        ]
        chosen = [int(np.argmin(combined)) for combined in draws]
        assert min(chosen.count(place) for place in range(3)) > 30

    @pytest.mark.parametrize("allowed", [[False] * 5, [False, False, False, True, False]])
    def test_the_front_is_that_of_the_allowed_trials_if_there_are_any(self, allowed):
        combined = scalarized(self.LOSSES, np.array(allowed), np.random.default_rng(0))
        assert np.isfinite(combined).tolist() == [True] * 4 + [False]


class TestLimits:
    @staticmethod
    def limits(excesses):
        rows = np.linspace(0, 1, len(excesses))[:, None]
        column = np.array(excesses, dtype=float)[:, None]
        return limits_of(rows, column, np.array([0]), lambda data: fitted(data, Priors()))

    def test_it_knows_on_which_side_of_the_bound_a_point_is(self):
        (limit,) = self.limits([x - 0.5 for x in np.linspace(0, 1, 12)])
        means, _ = limit.predict(np.array([[0.0], [0.25], [0.75], [1.0]]))
        assert (means > 0).tolist() == [False, False, True, True]

    def test_it_has_no_opinion_of_failed_trials(self):
        (limit,) = self.limits([-1.0, -1.0, np.nan, -1.0, -1.0, np.nan])
        assert limit.predict(np.array([[0.5]]))[0][0] < 0.0

    @pytest.mark.parametrize(
        "excesses",
        [[np.inf] * 5, [-np.inf] * 5, [0.0] * 5, [-np.inf, np.inf, 1e300, 0.0, -1.0]],
    )
    def test_odd_excesses(self, excesses):
        (limit,) = self.limits(excesses)
        means, deviations = limit.predict(np.array([[0.5]]))
        assert np.isfinite(means).all()
        assert (deviations > 0.0).all()


def test_what_is_observed_of_a_history():
    history = TrialHistory([ended_with_goals(number, FLAT.defaults()) for number in range(3)])
    history.add(Trial(3, FLAT.defaults(), FLAT, TrialStatus.FAILED))
    seen = observe(history, encoding_of(FLAT))
    assert seen.several.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [np.inf, np.inf]]
    assert seen.excesses[:3].tolist() == [[-1.5], [-0.5], [0.5]]
    assert np.isnan(seen.excesses[3]).all()
    assert seen.allowed.tolist() == [True, True, False, False]
    plain = TrialHistory([dataclasses.replace(history[0], losses=(), excesses=())])
    assert observe(plain, encoding_of(FLAT)).several is None
    assert observe(plain, encoding_of(FLAT)).excesses is None
