"""The Bayesian oracle with former projects as a prior."""

import dataclasses
import functools

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.former_points import former_point
from kerastune_lite._src.core.former import FORMER, Former
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Float, Parameter, Space
from kerastune_lite.oracles import BayesianOracle
from tests.algorithms.oracles.conformance import CONDITIONAL, FLAT, OracleConformance

SPACE = Space(
    [
        *(Parameter(name, Float(0.0, 1.0)) for name in "wxyz"),
        Parameter("kind", Choice(("a", "b", "c"))),
    ]
)
CENTER = np.array([0.31, 0.78, 0.55, 0.12])
SEEDS = range(6)
MISLEADING = {
    "negated": lambda values: -loss(values),
    "unrelated": lambda values: loss({**values, "kind": "a"}, 1.0 - CENTER[::-1]),
}


def loss(values, center=CENTER):
    far = np.array([values[name] for name in "wxyz"]) - center
    return float(far @ far) + 0.2 * (values["kind"] != "b")


def nearby(values):
    return 2.0 * loss(values, CENTER + 0.04) + 1.0


def searched(function, count, seed, former=()):
    oracle, history = BayesianOracle(seed=seed), TrialHistory(former=former)
    for number in range(count):
        values, origin = former_point(SPACE, history), FORMER
        if values is None:
            rng = np.random.default_rng([seed, number])
            ((values,), origin) = (oracle.propose(SPACE, history, 1, rng), "oracle")
        result = {"status": TrialStatus.COMPLETED, "loss": function(values)}
        history.add(Trial(number, values, SPACE, origin=origin, **result))
    return history


def remembered(function, seed):
    trials = searched(function, 30, 100 + seed)
    return Former("old", SPACE, tuple(t.values for t in trials), tuple(t.loss for t in trials))


@functools.cache
def bests(function, count):
    """The best loss of each seed, of a search that remembers one of `function`; None: of none."""
    former = [() if function is None else [remembered(function, seed)] for seed in SEEDS]
    found = [searched(loss, count, seed, each) for seed, each in zip(SEEDS, former)]
    return np.array([history.best(1)[0].loss for history in found])


@pytest.mark.parametrize("count", [5, 10])
def test_a_related_project_saves_trials(count):
    assert (bests(nearby, count) < 0.5 * bests(None, count)).sum() >= len(SEEDS) - 1


@pytest.mark.parametrize("kind", list(MISLEADING))
@pytest.mark.parametrize("count", [5, 10, 20])
def test_a_project_that_says_nothing_costs_no_more_than_noise(kind, count):
    """On the scale of what random points find, two standard errors of the differences."""
    scale = np.median([loss(SPACE.sample(np.random.default_rng(i))) for i in range(200)])
    worse = (bests(MISLEADING[kind], count) - bests(None, count)) / scale
    assert worse.mean() < 2.0 * worse.std(ddof=1) / np.sqrt(len(worse)) + 0.02


def test_the_proposals_are_those_of_a_cold_search_once_the_prior_is_gone():
    """A negated project: the same trials give the same proposal."""
    history = searched(loss, 14, 0)
    warm = TrialHistory(list(history), former=[remembered(MISLEADING["negated"], 0)])
    rng = np.random.default_rng
    cold = BayesianOracle(seed=0).propose(SPACE, history, 3, rng(1))
    assert BayesianOracle(seed=0).propose(SPACE, warm, 3, rng(1)) == cold


def test_the_prior_changes_the_proposals():
    history = searched(loss, 12, 0)
    warm = TrialHistory(list(history), former=[remembered(nearby, 0)])
    rng = np.random.default_rng
    cold = BayesianOracle(seed=0).propose(SPACE, history, 1, rng(1))
    assert BayesianOracle(seed=0).propose(SPACE, warm, 1, rng(1)) != cold


def test_it_proposes_the_same_after_it_was_read_again():
    old = remembered(nearby, 0)
    history = searched(loss, 11, 0, [old])
    again = TrialHistory(list(history), former=[Former.from_json(old.to_json())])
    rng = np.random.default_rng
    proposed = BayesianOracle(seed=0).propose(SPACE, history, 2, rng(1))
    assert BayesianOracle(seed=0).propose(SPACE, again, 2, rng(1)) == proposed


def test_trials_of_different_numbers_of_epochs():
    """The latest result of each trial counts for the ranks."""
    history = TrialHistory(former=[remembered(nearby, 0)])
    for number in range(16):
        values = SPACE.sample(np.random.default_rng(number))
        epochs = 9 if number % 4 == 0 else 3
        curve = [loss(values) + 1.0 / (1 + epoch) for epoch in range(epochs)]
        execution = Execution(0, Outcome.COMPLETED, loss=curve[-1], epochs=epochs)
        history.add(Trial(number, values, SPACE))
        for epoch, each in enumerate(curve):
            history.note(number, 0, epoch, each)
        status = TrialStatus.COMPLETED if epochs == 9 else TrialStatus.PAUSED
        ended = {"status": status, "loss": curve[-1], "executions": (execution,), "goal": epochs}
        history.update(Trial(number, values, SPACE, **ended))
    (point,) = BayesianOracle(seed=0).propose(SPACE, history, 1, np.random.default_rng(1))
    cold = TrialHistory(list(history))
    for number in range(16):
        for epoch, each in enumerate(history.curve(number)):
            cold.note(number, 0, epoch, each)
    (other,) = BayesianOracle(seed=0).propose(SPACE, cold, 1, np.random.default_rng(1))
    assert loss(point) < 0.3
    assert point != other


def test_with_several_objectives_there_is_no_prior():
    """The weights of the objectives are drawn for each proposal, so there are no ranks."""
    trials = [
        dataclasses.replace(trial, losses=(trial.loss, -trial.values["w"]))
        for trial in searched(loss, 12, 0)
    ]
    warm = TrialHistory(trials, former=[remembered(nearby, 0)])
    rng = np.random.default_rng
    cold = BayesianOracle(seed=0).propose(SPACE, TrialHistory(trials), 1, rng(1))
    assert BayesianOracle(seed=0).propose(SPACE, warm, 1, rng(1)) == cold


def sampled(space):
    """A former project of random points, whose losses grow with the number of the trial."""
    points = tuple(space.sample(np.random.default_rng(number)) for number in range(20))
    return Former("old", space, points, tuple(float(number) for number in range(20)))


class Remembering(BayesianOracle):
    """With former projects of the spaces of the conformance run."""

    former = (sampled(FLAT), sampled(CONDITIONAL))

    def propose(self, space, history, count, rng):
        history.former = self.former
        return super().propose(space, history, count, rng)

    def propose_alike(self, space, history, point, count, rng):
        history.former = self.former
        return super().propose_alike(space, history, point, count, rng)


class TestBayesianOracleThatRemembers(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return Remembering()


def test_a_conditional_space_of_another_project():
    """Points of the branch that was good before; the other space has one more parameter."""
    rng = np.random.default_rng
    kinds = tuple(CONDITIONAL.sample(rng(number)) for number in range(20))
    old = Former("old", CONDITIONAL, kinds, tuple(float(p["kind"] == "mlp") for p in kinds))
    space = Space([*CONDITIONAL, Parameter("rate", Float(1e-4, 1e-1, sampling="log"))])
    history = TrialHistory(former=[old])
    for number in range(8):
        values = space.sample(rng(number))
        found = float(values["kind"] == "mlp") + 0.01 * values["rate"]
        ended = {"status": TrialStatus.COMPLETED, "loss": found}
        history.add(Trial(number, values, space, **ended))
    points = BayesianOracle(seed=0).propose(space, history, 3, rng(1))
    assert {point["kind"] for point in points} == {"cnn"}
