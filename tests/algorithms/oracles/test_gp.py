"""The Gaussian process, its targets and its acquisition, against what is known of them."""

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from kerastune_lite._src.algorithms.oracles.gp.acquisition import (
    confidence_bound,
    log_expected_improvement,
    log_h_of,
)
from kerastune_lite._src.algorithms.oracles.gp.kernel import (
    distances_by_group,
    matern,
    squared_distances,
)
from kerastune_lite._src.algorithms.oracles.gp.model import (
    Data,
    Objective,
    Posterior,
    Priors,
    fitted,
)
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen, refitted_at
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets

GROUPS = np.array([0, 1, 1, 2])


def data_of(count, seed=0, extra=0.0):
    rng = np.random.default_rng(seed)
    x = rng.random((count, len(GROUPS)))
    z = np.sin(5 * x[:, 0]) + (x[:, 1] - x[:, 2]) ** 2 + 0.05 * rng.standard_normal(count)
    return Data(x, (z - z.mean()) / z.std(), np.full(count, extra), GROUPS)


# ---------------------------------------------------------------------- kernel


def test_kernel_of_known_distances():
    values, slopes = matern(np.array([0.0, 1.0, 4.0]))
    a = np.sqrt(5.0) * np.array([0.0, 1.0, 2.0])
    assert values == pytest.approx((1 + a + a**2 / 3) * np.exp(-a))
    step = 1e-6
    numeric = (matern(np.array([1.0 + step]))[0] - matern(np.array([1.0 - step]))[0]) / (2 * step)
    assert slopes[1] == pytest.approx(-2 * numeric[0], rel=1e-6)


def test_distances_by_group_add_up():
    x = data_of(7).x
    assert distances_by_group(x, GROUPS).sum(0) == pytest.approx(squared_distances(x, x), abs=1e-12)


# ---------------------------------------------------------------------- settings


@pytest.mark.parametrize("fixed_noise", [None, 0.01])
def test_gradient_of_the_objective_against_finite_differences(fixed_noise):
    objective = Objective(data_of(25, extra=0.02), Priors(fixed_noise=fixed_noise))
    rng = np.random.default_rng(1)
    for _ in range(3):
        theta = objective.mean + 0.5 * rng.standard_normal(5)
        numeric = optimize.approx_fprime(theta, lambda t: objective(t)[0], 1e-6)
        assert objective(theta)[1] == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_value_is_that_of_the_normal_distribution():
    data, priors = data_of(12, extra=0.1), Priors()
    objective = Objective(data, priors)
    theta = objective.mean + 0.1
    lengths = np.exp(theta[:3])[GROUPS]
    covariance = np.exp(theta[3]) * matern(squared_distances(data.x / lengths, data.x / lengths))[0]
    covariance += np.diag(np.exp(theta[4]) + data.extra)
    expected = -stats.multivariate_normal(np.zeros(12), covariance).logpdf(data.z)
    expected -= 0.5 * 12 * np.log(2 * np.pi)
    expected += 0.5 * (((theta - objective.mean) / objective.deviation) ** 2).sum()
    assert objective(theta)[0] == pytest.approx(expected, rel=1e-5)


def test_fit_finds_what_matters_and_how_noisy_it_is():
    rng = np.random.default_rng(2)
    x = rng.random((120, 4))
    z = np.sin(6 * x[:, 0]) + 0.3 * rng.standard_normal(120)
    theta = fitted(Data(x, (z - z.mean()) / z.std(), np.zeros(120), np.arange(4)), Priors())
    assert theta[0] < np.log(1.0)
    assert theta[1:4].min() > theta[0] + 1.0, "the others do nothing"
    assert np.exp(theta[-1]) * z.var() == pytest.approx(0.09, rel=0.5)


def test_fixed_noise_stays():
    theta = fitted(data_of(20), Priors(fixed_noise=0.25))
    assert np.exp(theta[-1]) == pytest.approx(0.25)


# ---------------------------------------------------------------------- posterior


def test_posterior_of_one_point():
    """By hand: k(0) = s2, and the correlation at distance r."""
    theta = np.log([0.5, 2.0, 0.5])
    data = Data(np.array([[0.2]]), np.array([1.5]), np.array([0.1]), np.array([0]))
    mean, deviation = Posterior(data, theta).predict(np.array([[0.2], [0.7]]))
    correlation = matern(np.array([1.0]))[0][0]
    total = 2.0 + 0.5 + 0.1
    assert mean == pytest.approx([2.0 * 1.5 / total, 2.0 * correlation * 1.5 / total], rel=1e-6)
    variances = [2.0 - 4.0 / total, 2.0 - (2.0 * correlation) ** 2 / total]
    assert deviation**2 == pytest.approx(variances, rel=1e-6)


def test_posterior_goes_through_observations_without_noise():
    data = data_of(15)
    theta = np.log([0.5, 0.5, 0.5, 1.0, 1e-8])
    mean, deviation = Posterior(data, theta).predict(data.x)
    assert mean == pytest.approx(data.z, abs=1e-4)
    assert deviation.max() < 1e-3


def test_noise_that_is_known_is_averaged():
    """Two readings of one point, one of them exact."""
    data = Data(
        np.array([[0.5], [0.5]]), np.array([1.0, -1.0]), np.array([0.0, 9.0]), np.array([0])
    )
    mean, _ = Posterior(data, np.log([0.5, 1.0, 1e-6])).predict(np.array([[0.5]]))
    assert mean[0] == pytest.approx(1.0, abs=1e-3)


def test_gradients_of_the_posterior_against_finite_differences():
    posterior = Posterior(data_of(20), np.log([0.4, 0.7, 0.3, 1.2, 0.01]))
    row = np.array([0.31, 0.42, 0.77, 0.15])
    prediction = posterior.predict_with_gradients(row[None])
    for gradient, index in ((prediction.mean_gradient, 0), (prediction.deviation_gradient, 1)):
        numeric = optimize.approx_fprime(row, lambda r, i=index: posterior.predict(r[None])[i][0])
        assert gradient[0] == pytest.approx(numeric, rel=1e-3, abs=1e-4)
    assert prediction.mean == pytest.approx(posterior.predict(row[None])[0])


def test_equal_rows_make_no_singular_matrix():
    data = Data(np.full((30, 1), 0.5), np.zeros(30), np.zeros(30), np.array([0]))
    mean, deviation = Posterior(data, np.log([0.3, 1.0, 1e-12])).predict(np.array([[0.5], [0.9]]))
    assert np.isfinite([mean, deviation]).all()


# ---------------------------------------------------------------------- acquisition


def test_log_expected_improvement_where_it_can_be_integrated():
    mean, deviation, best = np.array([0.3, -0.5, 2.0]), np.array([0.4, 0.2, 0.7]), 0.1
    value = log_expected_improvement(mean, deviation, best).value
    for m, s, found in zip(mean, deviation, value):
        gain = lambda f, m=m, s=s: (best - f) * stats.norm.pdf(f, m, s)  # noqa: E731
        expected = integrate.quad(gain, m - 12 * s, best)
        assert np.exp(found) == pytest.approx(expected[0], rel=1e-6)


def test_log_h_far_below_and_around_its_branches():
    z = np.array([-1e6, -1e4, -300.0, -40.0, -1.0 - 1e-9, -1.0 + 1e-9, 0.0, 5.0, 1e3])
    found = log_h_of(z)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    # phi(z) / z^2 far below (the first term of the asymptotic series).
    assert found[2] == pytest.approx(
        -0.5 * 9e4 - 0.5 * np.log(2 * np.pi) - 2 * np.log(300), rel=1e-8
    )
    assert found[4] == pytest.approx(found[5], abs=1e-7)
    assert found[6] == pytest.approx(np.log(1 / np.sqrt(2 * np.pi)))
    assert np.exp(found[7]) == pytest.approx(5.0, rel=1e-6)


@pytest.mark.parametrize("distance", [0.5, -2.0, -30.0])
def test_gradients_of_acquisitions(distance):
    mean, deviation = np.array([1.0 - distance]), np.array([0.8])
    for acquisition in (
        lambda m, s: log_expected_improvement(m, s, 1.0),
        lambda m, s: confidence_bound(m, s, 2.6),
    ):
        step = 1e-6
        found = acquisition(mean, deviation)
        up, down = acquisition(mean + step, deviation), acquisition(mean - step, deviation)
        assert found.by_mean == pytest.approx((up.value - down.value) / (2 * step), rel=1e-4)
        up, down = acquisition(mean, deviation + step), acquisition(mean, deviation - step)
        assert found.by_deviation == pytest.approx((up.value - down.value) / (2 * step), rel=1e-4)


# ---------------------------------------------------------------------- targets


def test_targets_keep_the_order_and_the_shape_of_the_good_half():
    losses = np.array([1.0, 1.1, 1.3, 1.6, 5.0, 1e3, 1e9])
    targets = Targets(losses)(losses)
    assert (np.diff(targets) > 0).all()
    ratios = np.diff(targets[:4]) / np.diff(losses[:4])
    assert ratios == pytest.approx([ratios[0]] * 3)
    scores = special.ndtri((np.arange(7) + 0.5) / 7)
    steps = np.diff(targets[4:]) / np.diff(scores[4:])
    assert steps == pytest.approx([steps[0]] * 2), "of the others the order counts"


def test_targets_of_failures_are_the_worst():
    losses = np.array([0.3, np.inf, 0.2, np.nan, 0.9, 0.1])
    targets = Targets(losses)(losses)
    assert targets[1] == targets[3] == targets[4] == targets.max()


@pytest.mark.parametrize("losses", [[2.0, 2.0, 2.0], [np.inf, np.nan], [1.0], [0.0, 1e300]])
def test_targets_of_odd_samples_are_finite(losses):
    losses = np.array(losses)
    assert np.isfinite(Targets(losses)(losses)).all()


# ---------------------------------------------------------------------- selection


def test_selection_keeps_the_best_and_the_last():
    losses = np.random.default_rng(0).random(500)
    kept = chosen(losses, 80)
    assert len(kept) == len(set(kept.tolist())) == 80
    assert set(np.argsort(losses)[:40]) | set(range(490, 500)) <= set(kept.tolist())
    assert np.array_equal(kept, chosen(losses, 80))
    assert np.array_equal(chosen(losses[:50], 80), np.arange(50))


def test_fits_become_rarer():
    assert [refitted_at(n) for n in (1, 7, 39, 41, 100, 104, 999)] == [1, 7, 39, 40, 100, 100, 980]
