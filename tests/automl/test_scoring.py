import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

from kerastune_lite._src.automl.scoring import loss_of, score_of

RNG = np.random.default_rng(0)
WEIGHTS = [None, RNG.random(50)]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_classes(weights):
    y, outputs = RNG.integers(0, 3, 50), RNG.dirichlet(np.ones(3), 50)
    expected = log_loss(y, outputs, sample_weight=weights)
    assert loss_of("classification", y, outputs, weights) == pytest.approx(expected, rel=1e-5)
    accuracy = accuracy_score(y, outputs.argmax(axis=1), sample_weight=weights)
    assert score_of("classification", y, outputs, weights) == pytest.approx(accuracy)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_numbers(weights):
    y, outputs = RNG.random((50, 2)), RNG.random((50, 2))
    error = mean_squared_error(y, outputs, sample_weight=weights)
    assert loss_of("regression", y, outputs, weights) == pytest.approx(error)
    explained = r2_score(y, outputs, sample_weight=weights)
    assert score_of("regression", y, outputs, weights) == pytest.approx(explained)


def test_one_column_of_numbers():
    y, outputs = RNG.random(50), RNG.random((50, 1))
    expected = r2_score(y, outputs[:, 0])
    assert score_of("regression", y, outputs, None) == pytest.approx(expected)


def test_several_labels():
    y, outputs = np.array([[0, 1], [1, 1]]), np.array([[0.1, 0.2], [0.9, 0.6]])
    expected = -np.log([0.9, 0.2, 0.9, 0.6]).mean()
    assert loss_of("multilabel", y, outputs, None) == pytest.approx(expected)
    assert score_of("multilabel", y, outputs, None) == 0.75


def test_certainty_that_is_wrong_costs_a_finite_amount():
    assert np.isfinite(loss_of("classification", np.array([1]), np.array([[1.0, 0.0]]), None))
