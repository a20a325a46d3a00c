"""HyperText: words, and how many of them are read."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.applications import HyperText
from tests.keras.models import keras

TEXTS = np.array(["A good film!", "bad, BAD film", "", "Good good"] * 5, dtype=object)
LIKED = np.array([1, 0, 0, 1] * 5)


def vectorized(model, texts):
    return np.asarray(keras.Model(model.input, model.layers[1].output)(np.asarray(texts)))


def test_words_are_counted_in_the_constructor():
    assert HyperText(TEXTS, LIKED).vocabulary == ("good", "film", "bad", "a")


def test_the_bag_knows_which_words_occur():
    model = HyperText(TEXTS, LIKED).build(kt.HyperParameters())
    bags = vectorized(model, ["good GOOD film", "unknown", ""])
    np.testing.assert_array_equal(bags, [[0, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


def test_the_convolution_reads_the_first_words():
    hypermodel = HyperText(TEXTS, LIKED)
    assert hypermodel.lengths == [2, 3]
    values = {"network": "conv", "length": 2}
    model = hypermodel.build(kt.HyperParameters(values=values))
    np.testing.assert_array_equal(vectorized(model, ["bad film a", ""]), [[4, 3], [0, 0]])


def test_the_vocabulary_may_be_smaller():
    words = [f"w{number}" for number in range(1500)]
    many = np.array([" ".join(words), " ".join(words[:1100])], dtype=object)
    hp = kt.HyperParameters()
    model = HyperText(many, [0, 1]).build(hp)
    (sizes,) = (each.domain.grid() for each in hp.space.named("max_tokens"))
    assert sizes == [1000, 1502]
    assert vectorized(model, many).shape == (2, 1501)
    model = HyperText(many, [0, 1]).build(kt.HyperParameters(values={"max_tokens": 1000}))
    assert vectorized(model, many).shape == (2, 999)


@pytest.mark.parametrize("network", ["bag", "conv"])
def test_it_learns(network, tmp_path):
    given = kt.HyperParameters()
    given.Fixed("network", network)
    given.Fixed("learning_rate", 0.02)
    tuner = kt.Tuner(
        HyperText(TEXTS, LIKED, epochs=15),
        "val_accuracy",
        1,
        hyperparameters=given,
        directory=tmp_path,
    )
    tuner.search(TEXTS, LIKED, validation_data=(TEXTS, LIKED), verbose=0)
    assert tuner.trials[0].score == 1
    predictions = tuner.get_best_models()[0].predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(predictions[:, 0] > 0.5, LIKED)


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (TEXTS[:, None], ValueError, r"Received: shape \(20, 1\)\. Choose a column"),
        (np.array(["a", None] * 10, dtype=object), TypeError, "None of type NoneType.*missing"),
        (np.ones(20), TypeError, "1.0 of type float.*HyperMLP"),
        (np.array(["", "?!"] * 10, dtype=object), ValueError, "20 texts of spaces and punct"),
    ],
)
def test_wrong_texts_are_named(x, error, said):
    with pytest.raises(error, match=said):
        HyperText(x, LIKED)
