"""Former projects as processes, and their ensemble as a prior mean."""

import math

import numpy as np
import pytest
from scipy import optimize

from kerastune_lite._src.algorithms.oracles.gp.encoding import encoding_of
from kerastune_lite._src.algorithms.oracles.gp.ensemble import Ensemble, ensemble, rank_weights
from kerastune_lite._src.algorithms.oracles.gp.former import (
    relevant,
    shared_names,
    surface_of,
)
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior, Priors, fitted
from kerastune_lite._src.core.former import Former
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space

NEW = Space(
    [
        Parameter("x", Float(0.0, 1.0)),
        Parameter("kind", Choice(("a", "b", "c"))),
        Parameter("y", Float(0.0, 1.0)),
    ]
)
OLD = Space(
    [
        Parameter("x", Float(0.0, 1.0)),
        Parameter("kind", Choice(("a", "b"))),
        Parameter("other", Int(1, 9)),
    ]
)


def former(loss, count=30, space=OLD, seed=0):
    rng = np.random.default_rng(seed)
    points = tuple(space.sample(rng) for _ in range(count))
    return Former("old", space, points, tuple(map(loss, points)))


def valley(values):
    return (values["x"] - 0.3) ** 2 + (values.get("kind") == "b")


def rows_of(points, space=NEW):
    known = [encoding_of(space).units(point) for point in points]
    return encoding_of(space).rows(np.array([u for u, _ in known]), np.array([a for _, a in known]))


def test_json():
    old = former(lambda values: math.inf if values["x"] > 0.5 else valley(values))
    again = Former.from_json(old.to_json())
    assert (again.name, again.space, again.losses) == (old.name, old.space, old.losses)
    assert [dict(point) for point in again.points] == [dict(point) for point in old.points]


def test_only_parameters_of_both_spaces_count():
    assert shared_names(NEW, OLD) == ["x", "kind"]
    surface = surface_of(NEW, former(valley))
    assert surface.columns.tolist() == [0, 1, 2, 3]  # x, and a column for each kind
    low, high = rows_of([{"x": 0.3, "kind": "a", "y": y} for y in (0.0, 1.0)])
    assert surface.mean(low[None]) == surface.mean(high[None])
    points = [{"x": x, "kind": "a", "y": 0.5} for x in np.linspace(0, 1, 101)]
    assert np.argmin(surface.mean(rows_of(points))) == pytest.approx(30, abs=5)


def test_trials_that_are_no_points_of_the_new_space_are_left_out():
    narrow = Space([Parameter("x", Float(0.0, 0.5)), Parameter("y", Float(0.0, 1.0))])
    old = former(valley)
    kept = relevant(narrow, old)
    assert 0 < len(kept.points) < len(old.points)
    assert all(point["x"] <= 0.5 and point["y"] == 0.5 for point in kept.points)


def test_nothing_in_common():
    space = Space([Parameter("z", Float(0.0, 1.0))])
    assert relevant(space, former(valley)).points == ()
    assert surface_of(space, former(valley)) is None


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_results(count):
    assert surface_of(NEW, former(valley, count)) is None


def test_equal_results_say_nothing():
    assert surface_of(NEW, former(lambda values: 1.0)) is None


def test_the_ranking_has_no_failed_trials():
    old = former(lambda values: math.inf if values["kind"] == "b" else values["x"])
    ranking = relevant(NEW, old).ranking
    assert {point["kind"] for point in ranking} == {"a"}
    assert [p["x"] for p in ranking] == sorted(p["x"] for p in ranking)


# ---------------------------------------------------------------------- weights


def weights(*predicted, own=None, count=20):
    targets = np.arange(count, dtype=float)
    own = np.zeros(count) if own is None else own
    return rank_weights(np.array([f(targets) for f in predicted]), own, targets)


def shuffled(targets):
    return np.random.default_rng(5).permutation(targets)


def test_who_ranks_the_results_has_the_weight():
    assert weights(np.exp, shuffled, np.negative).tolist() == [1.0, 0.0, 0.0]


def test_two_that_are_equal_share_it():
    assert weights(np.exp, np.sqrt).tolist() == [0.5, 0.5]


def test_who_ranks_them_no_better_than_chance_has_none():
    assert weights(shuffled).sum() < 0.05
    assert weights(np.negative).tolist() == [0.0]


def test_it_fades_as_the_process_learns_to_rank_its_results():
    """In a tie the former project has no weight."""
    targets = np.arange(20.0)
    assert weights(np.exp, own=targets).tolist() == [0.0]
    noisy = targets + 6.0 * np.random.default_rng(0).standard_normal(20)
    assert weights(lambda targets: noisy, own=targets).tolist() == [0.0]
    assert weights(np.exp, own=noisy).tolist() == [1.0]


@pytest.mark.parametrize("count", [1, 2])
def test_so_few_results_prove_nothing(count):
    assert weights(np.exp, count=count).tolist() == [0.0]


def test_failed_trials_tie():
    targets = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0])
    predicted = np.array([[0.0, 1.0, 2.0, 3.0, 9.0, 7.0, 8.0, 6.0]])
    assert rank_weights(predicted, np.zeros(8), targets)[0] > 0.95


# ---------------------------------------------------------------------- the prior mean


def observed(loss, count=10):
    rng = np.random.default_rng(1)
    points = [NEW.sample(rng) for _ in range(count)]
    z = np.array([loss(point) for point in points])
    z = (z - z.mean()) / z.std()
    return Data(rows_of(points), z, np.zeros(count), encoding_of(NEW).groups)


def test_the_ensemble_predicts_where_there_are_no_data():
    data = observed(valley)
    theta = fitted(data, Priors())
    found = ensemble([surface_of(NEW, former(valley))], data, theta)
    assert found.trust > 0.3
    assert np.corrcoef(found.mean(data.x), data.z)[0, 1] > 0.7


def test_a_negated_project_has_no_ensemble():
    data = observed(valley)
    old = surface_of(NEW, former(lambda values: -valley(values)))
    assert ensemble([old], data, fitted(data, Priors())) is None


def test_a_posterior_with_a_prior_mean():
    """Right at its data, the prior mean far from them, and with its gradients."""
    data = observed(valley)
    surface = surface_of(NEW, former(valley))
    prior = Ensemble((surface,), np.array([0.7]), 0.2, 0.7)
    theta = np.array([np.log(0.1)] * 3 + [0.0, np.log(1e-6)])
    posterior = Posterior(data, theta, prior)
    assert posterior.predict(data.x)[0] == pytest.approx(data.z, abs=1e-3)
    assert posterior.mean(data.x) == pytest.approx(posterior.predict(data.x)[0])
    far = np.full((1, data.x.shape[1]), 40.0)
    assert posterior.predict(far)[0] == pytest.approx(prior.mean(far), abs=1e-6)
    row = np.full(data.x.shape[1], 0.4)

    def mean(row):
        return posterior.predict(row[None])[0][0]

    numeric = optimize.approx_fprime(row, mean, 1e-6)
    exact = posterior.predict_with_gradients(row[None])
    assert exact.mean_gradient[0] == pytest.approx(numeric, abs=1e-3)
    assert exact.mean[0] == pytest.approx(mean(row))
    assert exact.deviation == pytest.approx(Posterior(data, theta).predict(row[None])[1])


def test_predictions_that_leave_one_out():
    data = observed(valley)
    theta = np.array([np.log(0.5)] * 3 + [0.0, np.log(1e-2)])
    found = Posterior(data, theta).left_out(data.z)
    for i in range(len(data)):
        rest = np.arange(len(data)) != i
        others = Data(data.x[rest], data.z[rest], data.extra[rest], data.groups)
        assert found[i] == pytest.approx(Posterior(others, theta).predict(data.x[[i]])[0][0])
