import numpy as np
import pytest

from kerastune_lite._src.automl.baselines import baselines
from kerastune_lite._src.automl.rows import Rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)


def parts(x, y, weights=None):
    return Rows(x, y, weights).first(200), Rows(x[200:], y[200:])


def test_classes():
    constant, linear = baselines(
        "classification", "table", *parts(X, (X[:, 0] > 0.5).astype(int)), 2
    )
    assert (constant.name, linear.name) == ("most frequent class", "logistic regression")
    assert constant.score < 0.8 < linear.score
    assert linear.loss < constant.loss


def test_numbers_and_several_of_them():
    y = np.stack([X[:, 0], X[:, 1] - X[:, 2]], axis=1)
    constant, linear = baselines("regression", "table", *parts(X, y), 0)
    assert constant.score == pytest.approx(0.0, abs=0.1)
    assert linear.score > 0.99


def test_several_labels_one_of_which_is_always_the_same():
    y = np.stack([X[:, 0] > 0, np.ones(300)], axis=1).astype(np.float32)
    _, linear = baselines("multilabel", "table", *parts(X, y), 0)
    assert linear.score > 0.95


def test_texts():
    words = np.where(X[:, 0] > 0, "good", "bad")
    texts = np.array([f"a {word} film number {n}" for n, word in enumerate(words)], dtype=object)
    _, linear = baselines("classification", "text", *parts(texts, (X[:, 0] > 0).astype(int)), 2)
    assert linear.name == "TF-IDF and logistic regression"
    assert linear.score > 0.95


def test_images_are_flattened():
    images = X.reshape(300, 2, 2, 1)
    _, linear = baselines("regression", "image", *parts(images, X[:, 3]), 0)
    assert linear.score > 0.99


def test_a_class_that_is_only_in_the_rows_left_out_is_possible():
    y = np.zeros(300, dtype=int)
    y[:100] = 1
    y[250] = 2
    constant, linear = baselines("classification", "table", *parts(X, y), 3)
    assert np.isfinite([constant.loss, linear.loss]).all()


def test_weights_count():
    y = (np.arange(300) % 4 == 0).astype(int)
    weights = np.where(y == 1, 3.0, 1.0).astype(np.float32)
    train, validation = parts(X, y, weights)
    plain, _ = baselines("classification", "table", Rows(train.x, train.y), validation, 2)
    weighted, _ = baselines("classification", "table", train, validation, 2)
    assert weighted.loss == pytest.approx(np.log(2), abs=0.01)
    assert plain.loss < weighted.loss
