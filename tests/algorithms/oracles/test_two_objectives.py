"""The Bayesian search of a front: what it learns, what it prefers, and odd results."""

import dataclasses

import numpy as np
import pytest
from scipy import optimize

from kerastune_lite._src.algorithms.oracles import bayesian
from kerastune_lite._src.algorithms.oracles.gp.encoding import encoding_of
from kerastune_lite._src.algorithms.oracles.gp.goals import reference_of
from kerastune_lite._src.algorithms.oracles.gp.learning import learned
from kerastune_lite._src.algorithms.oracles.gp.merit import MeritOfTwo
from kerastune_lite._src.algorithms.oracles.gp.model import Priors, fitted
from kerastune_lite._src.algorithms.oracles.gp.process import Table
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.pareto import fronts, hypervolume
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Condition, Float, Parameter, Space
from kerastune_lite.oracles import BayesianOracle, RandomOracle

SQUARE = Space([Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))])
ENDS = np.array([[0.2, 0.4], [0.8, 0.4]])
"""The front is the line between them; losses are squared distances from them."""


def between_ends(values):
    point = np.array([values["x"], values["y"]])
    return tuple(float(((point - end) ** 2).sum()) for end in ENDS)


def ended(number, values, losses, space=SQUARE, excesses=()):
    known = {"loss": losses[0], "losses": tuple(losses), "excesses": excesses}
    return Trial(number, values, space, TrialStatus.COMPLETED, **known)


def search(oracle, function, count, space=SQUARE, seed=0, history=None):
    history = TrialHistory() if history is None else history
    while len(history) < count:
        rng = np.random.default_rng([seed, len(history)])
        (values,) = oracle.propose(space, history, 1, rng)
        history.add(ended(len(history), values, function(values), space))
    return history


def model_of(history, space=SQUARE, **settings):
    def theta_of(data):
        return fitted(data, Priors())

    return learned(history, encoding_of(space), theta_of, 3, np.random.default_rng(0), **settings)


# ---------------------------------------------------------------------- what it finds


MIXED = Space(
    [
        Parameter("method", Choice(("cheap", "good"))),
        Parameter("depth", Float(0.0, 1.0), (Condition("method", ("cheap",)),)),
        Parameter("width", Float(0.0, 1.0), (Condition("method", ("good",)),)),
        Parameter("rate", Float(1e-4, 1.0, sampling="log")),
    ]
)


def loss_and_cost(values):
    """One method for each half of the front, each with a setting of its own."""
    off = (np.log10(values["rate"]) + 2.0) ** 2
    if values["method"] == "cheap":
        return 1.0 - 0.5 * values["depth"] + 0.2 * off, 0.1 + 0.4 * values["depth"]
    return 0.6 - 0.5 * np.sqrt(values["width"]) + 0.2 * off, 0.5 + 1.5 * values["width"]


def test_a_front_over_a_conditional_space():
    def volumes(oracle):
        found = [search(oracle, loss_and_cost, 40, MIXED, seed) for seed in range(3)]
        return [hypervolume([t.losses for t in history], (1.1, 2.1)) for history in found]

    points = [{"method": "cheap", "depth": x, "rate": 0.01} for x in np.linspace(0, 1, 99)]
    points += [{"method": "good", "width": x, "rate": 0.01} for x in np.linspace(0, 1, 99)]
    best = hypervolume([loss_and_cost(point) for point in points], (1.1, 2.1))
    missing = [1.0 - volume / best for volume in volumes(BayesianOracle())]
    assert max(missing) < 0.06
    assert np.mean(missing) < 0.4 * np.mean([1.0 - v / best for v in volumes(RandomOracle())])


def test_proposals_are_close_to_the_front_and_all_along_it():
    history = search(BayesianOracle(), between_ends, 40)
    late = np.array([list(trial.values.values()) for trial in history[15:]])
    assert np.median(np.abs(late[:, 1] - 0.4)) < 0.03
    assert max(np.diff(sorted([0.2, *np.clip(late[:, 0], 0.2, 0.8), 0.8]))) < 0.15


def test_a_space_that_grows_in_mid_search():
    grown = SQUARE.merged([Parameter("z", Float(0.0, 1.0))])

    def losses(values):
        return tuple(loss + (values["z"] - 0.7) ** 2 for loss in between_ends(values))

    def distance(seed):
        history = search(BayesianOracle(), between_ends, 12, seed=seed)
        search(BayesianOracle(), losses, 40, grown, seed, history=history)
        return np.median([abs(trial.values["z"] - 0.7) for trial in history[25:]])

    assert np.mean([distance(seed) for seed in range(3)]) < 0.1


def test_the_scale_of_an_objective_hardly_matters():
    """One of both is learned as well as the other, whatever its unit is."""

    def scaled(values):
        one, other = between_ends(values)
        return 1e6 * one - 3.0, 1e-4 * other + 7.0

    spread = []
    for function in (between_ends, scaled):
        xs = [t.values["x"] for t in search(BayesianOracle(), function, 30)[12:]]
        spread.append([np.mean(np.array(xs) < 0.5), np.std(xs)])
    assert spread[0] == pytest.approx(spread[1], abs=0.2)


# ---------------------------------------------------------------------- several at once


def distances(points):
    rows = np.array([list(point.values()) for point in points])
    gaps = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(-1))
    return gaps[np.triu_indices(len(rows), 1)]


def test_a_batch_does_not_crowd():
    history = search(BayesianOracle(), between_ends, 14)
    batch = BayesianOracle().propose(SQUARE, history, 6, np.random.default_rng(0))
    assert distances(batch).min() > 0.02


def test_running_trials_count_like_those_of_the_same_batch():
    history = search(BayesianOracle(), between_ends, 14)
    first, second = BayesianOracle().propose(SQUARE, history, 2, np.random.default_rng(0))
    history.add(Trial(14, first, SQUARE))
    (after,) = BayesianOracle().propose(SQUARE, history, 1, np.random.default_rng(0))
    assert distances([first, after])[0] > 0.5 * distances([first, second])[0]


def test_what_is_being_trained_adds_what_is_expected_of_it_to_the_front():
    history = search(BayesianOracle(), between_ends, 14)
    model = model_of(history)
    rows = model.pending([np.array([0.5, 0.4]), np.array([0.9, 0.9])])
    posteriors, front = model.believing(rows)
    assert len(posteriors) == 2
    assert front[:-2].tolist() == model.front.tolist()
    for column, posterior in enumerate(posteriors):
        means, deviations = posterior.predict(rows)
        assert front[-2:, column] == pytest.approx(means, abs=0.02)
        assert deviations.max() < 0.1


# ---------------------------------------------------------------------- odd results


@pytest.mark.parametrize(
    "second",
    [
        lambda number: 1.0,
        lambda number: float(number),
        lambda number: 1e300 if number % 2 else -1e300,
        lambda number: np.inf if number % 2 else 1.0,
        lambda number: -np.inf if number == 3 else 1.0,
        lambda number: np.nan if number == 3 else float(number % 4),
    ],
    ids=["constant", "one point on the front", "huge", "infinite", "minus infinite", "NaN"],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_objectives_that_are_odd(second, swapped):
    def losses(values):
        pair = (values["x"], second(len(history)))
        return pair[::-1] if swapped else pair

    history = TrialHistory()
    search(BayesianOracle(), losses, 14, history=history)
    assert len(BayesianOracle().propose(SQUARE, history, 3, np.random.default_rng(0))) == 3


def test_with_a_constant_objective_the_other_one_is_minimised():
    history = search(BayesianOracle(), lambda values: (between_ends(values)[0], 5.0), 30)
    assert min(trial.loss for trial in history) < 1e-3


def test_equal_trials():
    assert len(search(BayesianOracle(), lambda values: (1.0, 2.0), 14)) == 14


@pytest.mark.parametrize("excess", [0.5, np.inf])
def test_violations_alone(excess):
    history = TrialHistory()
    for number in range(14):
        (values,) = BayesianOracle().propose(SQUARE, history, 1, np.random.default_rng(number))
        excesses = (excess + values["x"],)
        history.add(ended(number, values, between_ends(values), excesses=excesses))
    assert not model_of(history).is_allowed
    assert min(trial.values["x"] for trial in history) < 0.02, "they lead to where they are small"


def test_trials_that_violate_a_constraint_are_not_on_the_front():
    history = TrialHistory()
    for number, x in enumerate(np.linspace(0.0, 1.0, 12)):
        values = {"x": float(x), "y": 0.4}
        history.add(ended(number, values, between_ends(values), excesses=(x - 0.55,)))
    model = model_of(history)
    # The best point by the first objective is the one nearest to 0.2, at 0.18.
    allowed = [trial.values["x"] < 0.55 for trial in history]
    front = [trial.values["x"] > 0.15 and trial.values["x"] < 0.55 for trial in history]
    assert len(model.front) == sum(front) == 5
    assert (model.leaders[: sum(allowed), 0] < 0.55).all()


# ---------------------------------------------------------------------- inside


def test_three_objectives_and_those_with_a_bound_are_combined():
    history = search(BayesianOracle(), between_ends, 10)
    assert len(model_of(history).processes) == 2
    assert len(model_of(history, as_one=True).processes) == 1
    three = TrialHistory(
        dataclasses.replace(trial, losses=(*trial.losses, trial.values["y"])) for trial in history
    )
    assert len(model_of(three).processes) == 1


@pytest.mark.parametrize("beta", [None, 1.0])
def test_one_proposal_in_three_has_weights(beta, monkeypatch):
    """Also within a batch, and with a confidence bound all."""
    combined = []

    def noted(*args):
        combined.append(args[-1])
        return learned(*args)

    monkeypatch.setattr(bayesian, "learned", noted)
    history = search(RandomOracle(), between_ends, 9)
    BayesianOracle(beta=beta).propose(SQUARE, history, 6, np.random.default_rng(0))
    assert combined == [beta is not None or number % 3 == 2 for number in range(9, 15)]


def test_a_point_that_dominates_all_others_is_left_again():
    """The smallest network is the best of all at first, and larger ones are better."""
    space = Space([Parameter("size", Choice(tuple(range(16)))), Parameter("y", Float(0.0, 1.0))])

    def losses(values):
        size = values["size"]
        return -0.05 * size + 4.0 * (values["y"] - 0.05 - 0.05 * size) ** 2, float(size)

    history = TrialHistory()
    for number in range(10):
        size = max(2 * number - 3, 0)
        far = 1.0 if size < 9 else 0.0
        values = {"size": size, "y": 0.05 if number < 2 else far}
        history.add(ended(number, values, losses(values), space))
    assert {trial.values["size"] for trial in history.front()} == {0}
    search(BayesianOracle(), losses, 30, space, history=history)
    assert len({trial.values["size"] for trial in history.front()}) >= 8


def test_gradients_of_the_merit_against_finite_differences():
    model = model_of(search(BayesianOracle(), between_ends, 14))
    posteriors, front = model.believing(model.pending([]))
    merit = MeritOfTwo(posteriors, front, model.reference)
    rows = np.random.default_rng(0).random((6, 2))
    total, gradient = merit.with_gradient(rows)
    assert total == pytest.approx(merit.value(rows).sum())
    numeric = optimize.approx_fprime(
        rows.ravel(), lambda flat: merit.value(flat.reshape(rows.shape)).sum(), 1e-7
    )
    scale = 1.0 + np.abs(numeric).max()
    assert gradient.ravel() == pytest.approx(numeric, abs=1e-4 * scale)


def test_the_reference_is_a_tenth_of_the_range_beyond_the_worst():
    assert reference_of(np.array([[0.0, 3.0], [1.0, 1.0]])) == pytest.approx([1.1, 3.2])
    assert reference_of(np.array([[2.0, 3.0]])) == pytest.approx([2.1, 3.1])


def test_the_front_is_kept_if_there_are_too_many_observations():
    losses = np.random.default_rng(0).random((200, 2))
    losses[7] = np.inf
    rows = np.arange(200.0)[:, None]
    one, other = Table(rows, losses, [[]] * 200, np.array([0])).fitted(200, 60)
    assert len(one) == 60
    assert one.x.tolist() == other.x.tolist()
    finite = np.isfinite(losses).all(1)
    front = np.flatnonzero(finite)[fronts(losses[finite]) == 0]
    assert set(front) <= set(one.x[:, 0])
