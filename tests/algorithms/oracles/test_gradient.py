import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Boolean, Choice, Fixed, Float, Int, Parameter, Space
from kerastune_lite.oracles import BayesianOracle, GradientOracle, RandomOracle
from tests.algorithms.oracles.conformance import OracleConformance, ended

RATES = Space(
    [
        Parameter("lr", Float(1e-4, 1.0, sampling="log", default=1e-4)),
        Parameter("momentum", Float(0.0, 0.99, default=0.0)),
        Parameter("decay", Float(1e-6, 1e-2, sampling="log", default=1e-6)),
    ]
)
BEST = np.array([0.62, 0.35, 0.8])
SHARP = np.array([8.0, 1.0, 0.5])


def units_of(space, values):
    return np.array([p.domain.to_unit(values[p.name]) for p in space])


def bowl(units):
    """A loss and its gradient; sharp in the first direction, with one minimum."""
    away = units - BEST
    mixed = away[0] * away[1]
    loss = 0.5 * np.sum(SHARP * away**2) + mixed
    return loss, SHARP * away + [away[1], away[0], 0.0]


def finished(number, values, space=RATES, function=bowl):
    loss, slopes = function(units_of(space, values))
    metrics = {f"gradient/{p.name}": float(s) for p, s in zip(space, slopes)}
    trial = Trial(number, values, space, TrialStatus.COMPLETED, score=loss, loss=loss)
    return dataclasses.replace(trial, metrics=Metrics(metrics, None))


def searched(oracle, count, space=RATES, function=bowl, seed=0, history=None):
    history = TrialHistory() if history is None else history
    oracle = oracle.seeded(seed)
    for _ in range(count):
        rng = np.random.default_rng([seed, len(history)])
        (point,) = oracle.propose(space, history, 1, rng)
        history.add(finished(len(history), point, space, function))
    return history


class TestConformance(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return GradientOracle(structure=BayesianOracle())


class TestDescent:
    def test_it_finds_the_minimum(self):
        history = searched(GradientOracle(starts=1), 11)
        losses = [trial.loss for trial in history]
        assert losses[0] > 1.0
        assert min(losses) < 0.01

    def test_better_than_random_search(self):
        def regrets(make):
            return [searched(make(), 15, seed=seed).best(1)[0].loss for seed in range(20)]

        ours, random = regrets(GradientOracle), regrets(RandomOracle)
        assert np.median(ours) < np.median(random) / 10

    def test_it_stays_in_the_domain_if_the_minimum_is_outside(self):
        def slope(units):
            return float(units.sum()), np.ones(3)

        history = searched(GradientOracle(starts=1), 11, function=slope)
        assert all(dict(t.values) == RATES.complete(t.values) for t in history)

    def test_a_cliff_does_not_throw_it_far(self):
        """Where a training diverges, its gradient is huge and its loss is not a number."""

        def cliff(units):
            loss, slopes = bowl(units)
            return (1e6, slopes * 1e9) if units[0] > 0.7 else (loss, slopes)

        history = searched(GradientOracle(starts=1), 11, function=cliff)
        assert history.best(1)[0].loss < 0.02

    def test_a_failed_step_is_shortened(self):
        start = {"lr": 0.01, "momentum": 0.5, "decay": 1e-4}
        history = TrialHistory([finished(0, start)])
        oracle = GradientOracle(starts=1)
        (far,) = oracle.propose(RATES, history, 1, np.random.default_rng(0))
        history.add(Trial(1, far, RATES, TrialStatus.FAILED))
        (near,) = oracle.propose(RATES, history, 1, np.random.default_rng(1))
        here, one, other = (units_of(RATES, values) for values in (start, far, near))
        assert np.allclose(other - here, (one - here) / 2)

    def test_when_it_has_come_to_an_end_there_is_another_start(self):
        def flat(units):
            return 1.0, np.zeros(3)

        oracle = GradientOracle(starts=1).seeded(5)
        history = searched(oracle, 3, function=flat)
        points = [units_of(RATES, trial.values) for trial in history]
        assert dict(history[0].values) == RATES.defaults()
        assert np.abs(points[2] - points[1]).max() > 0.1

    def test_the_best_of_the_first_starts_goes_on(self):
        oracle = GradientOracle(starts=3).seeded(1)
        history = searched(oracle, 3)
        best = history.best(1)[0]
        (point,) = oracle.propose(RATES, history, 1, np.random.default_rng(0))
        moved = np.abs(units_of(RATES, point) - units_of(RATES, best.values))
        assert moved.max() <= 0.15 + 1e-9

    def test_a_descent_ends_after_its_steps(self):
        oracle = GradientOracle(steps=2, starts=1).seeded(1)
        history = searched(oracle, 4)
        fourth, third = (units_of(RATES, history[n].values) for n in (3, 2))
        assert np.abs(fourth - third).max() > 0.3

    def test_trials_without_gradients_end_a_descent(self):
        history = TrialHistory([ended(0, RATES.defaults(), RATES, loss=1.0)])
        (point,) = GradientOracle(starts=1).propose(RATES, history, 1, np.random.default_rng(0))
        assert np.abs(units_of(RATES, point)).max() > 0.15


class TestFunctionOfHistory:
    def test_resumes_from_any_prefix(self):
        whole = searched(GradientOracle(), 12, seed=3)
        for cut in (1, 4, 9):
            history = TrialHistory(whole[:cut])
            resumed = searched(GradientOracle(), 12 - cut, seed=3, history=history)
            assert [dict(t.values) for t in resumed] == [dict(t.values) for t in whole]

    def test_descents_go_on_whatever_other_trials_run(self):
        oracle = GradientOracle(starts=1).seeded(0)
        alone = searched(oracle, 3)
        history = TrialHistory(alone[:2])
        (step,) = oracle.propose(RATES, history, 1, np.random.default_rng(0))
        history.add(Trial(2, step, RATES))
        (other,) = oracle.propose(RATES, history, 1, np.random.default_rng(1))
        history.add(Trial(3, other, RATES))  # another start: the first descent waits
        history.update(finished(2, step))
        (going_on,) = oracle.propose(RATES, history, 1, np.random.default_rng(2))
        assert step == alone[2].values
        assert going_on == searched(oracle, 1, history=alone)[3].values
        assert other != going_on

    def test_several_at_once_are_steps_and_starts(self):
        oracle = GradientOracle(starts=2).seeded(0)
        history = searched(oracle, 2)
        points = oracle.propose(RATES, history, 4, np.random.default_rng(0))
        assert len({tuple(point.values()) for point in points}) == 4


class TestDiscrete:
    SPACE = Space([*RATES, Parameter("units", Int(8, 64))])

    @pytest.mark.parametrize(
        "domain", [Int(1, 3), Choice(["a", "b"]), Boolean(), Float(0.0, 1.0, step=0.1)]
    )
    def test_refused_with_the_way_to_combine(self, domain):
        space = Space([*RATES, Parameter("kind", domain)])
        with pytest.raises(ValueError, match=r"'kind', .*structure=BayesianOracle"):
            GradientOracle().propose(space, TrialHistory(), 1, np.random.default_rng(0))

    def test_a_single_value_is_no_choice(self):
        space = Space([*RATES, Parameter("n", Fixed(3)), Parameter("one", Choice([1]))])
        (point,) = GradientOracle().propose(space, TrialHistory(), 1, np.random.default_rng(0))
        assert point == space.defaults()

    def test_structure_by_another_oracle_and_rates_by_gradient(self):
        def function(units):
            loss, slopes = bowl(units[:3])
            return loss + (units[3] - 0.5) ** 2, [*slopes, 0.0]

        oracle = GradientOracle(steps=4, structure=BayesianOracle())
        history = searched(oracle, 30, self.SPACE, function)
        tried = [trial.values["units"] for trial in history]
        assert len(set(tried)) > 3
        assert max(tried.count(units) for units in tried) >= 5
        assert history.best(1)[0].loss < 0.05


class TestArguments:
    @pytest.mark.parametrize("arguments", [{"steps": 0}, {"starts": 1.5}, {"structure": "random"}])
    def test_refused(self, arguments):
        (name,) = arguments
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            GradientOracle(**arguments)
