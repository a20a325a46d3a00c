"""Target: what targets are, and the end of a model that predicts them."""

import numpy as np
import pytest

from kerastune_lite.applications import Target
from tests.keras.models import keras

LABELS = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]])
ONE_HOT = np.eye(3)[[0, 2, 1, 2]]
NUMBERS = np.array([1.0, 3.0, 2.0, 6.0])


@pytest.mark.parametrize(
    ("y", "kind", "outputs"),
    [
        ([0, 1, 1, 0], "binary", 1),
        ([0.0, 1.0, 1.0], "binary", 1),
        ([[0], [1]], "binary", 1),
        ([True, False], "binary", 1),
        ([0, 1, 2, 1], "classes", 3),
        ([[2], [1], [0]], "classes", 3),
        (ONE_HOT, "one_hot", 3),
        (LABELS, "labels", 3),
        (LABELS.astype(bool), "labels", 3),
        (NUMBERS, "numbers", 1),
        (NUMBERS[:, None], "numbers", 1),
        ([0.0, 1.0, 2.0], "numbers", 1),
        (LABELS * [1, 2, 3], "numbers", 3),
        (np.array([1.5, 2], dtype=object), "numbers", 1),
    ],
)
def test_what_targets_are(y, kind, outputs):
    target = Target.of(np.asarray(y))
    assert (target.kind, target.outputs) == (kind, outputs)
    assert target.classifies == (kind != "numbers")


def test_classes_that_do_not_occur_are_counted():
    assert Target.of(np.array([0, 2]), classes=4).outputs == 4
    assert Target.of(np.array([0, 1]), classes=3).kind == "classes"
    assert Target.of(np.array([0.0, 2.0]), classes=3).outputs == 3
    assert Target.of(np.array([0, 0]), classes=2).kind == "binary"


def test_the_kind_may_be_given():
    assert Target.of(np.array([0, 1]), kind="classes").outputs == 2
    assert Target.of(np.array([0, 1]), kind="numbers") == Target("numbers", 1, (0.5,), (0.5,))
    assert Target.of(ONE_HOT, kind="labels").loss == "binary_crossentropy"


@pytest.mark.parametrize(
    ("y", "arguments", "error", "said"),
    [
        (["cat", "dog"], {}, TypeError, r"such as \['cat'\].*LabelEncoder"),
        (np.array(["1", "2"], dtype=object), {}, TypeError, "must be numbers.*LabelEncoder"),
        ([1j, 2j], {}, TypeError, "Targets must be numbers"),
        ([1, 2, 3], {}, ValueError, r"from 0 to 2.*3 different values, 1, 2, 3\..*astype"),
        ([0, 1, 3], {}, ValueError, "from 0 to 2.*classes="),
        ([-1, 1], {}, ValueError, "from 0 to 1"),
        ([0, 1, 5], {"classes": 4}, ValueError, "from 0 to 3"),
        ([0, 0], {"kind": "classes"}, ValueError, "two classes or more"),
        ([0.5, 1], {"kind": "classes"}, ValueError, "Classes are integers"),
        (LABELS, {"kind": "classes"}, ValueError, "Classes are integers"),
        ([0, 1], {"classes": 1}, ValueError, "`classes` must be 2 or more. Received: 1"),
        (LABELS, {"classes": 3}, ValueError, "`classes` is the number of classes of integers"),
        ([0, 1], {"kind": "number"}, ValueError, "`kind` must be one of.*Received: 'number'"),
        ([0, 0], {}, ValueError, "zeros and ones among the targets. Received: 0 only"),
        (np.zeros((3, 2)), {}, ValueError, "Received: 0 only"),
        ([0, 2], {"kind": "binary"}, ValueError, "in one column. Received: values from 0 to 2"),
        ([0, 1], {"kind": "labels"}, ValueError, "in several columns"),
        ([1.0, np.nan], {}, ValueError, "1 NaN or infinite of 2.*Leave these samples out"),
        ([1.0, np.inf], {}, ValueError, "1 NaN or infinite"),
        ([2.5, 2.5], {}, ValueError, "must differ.*2.5 in column 0"),
        (NUMBERS + 1e9, {}, ValueError, "subtract its mean"),
        (NUMBERS * 1e12, {}, ValueError, r"1e-08 to 1e\+08.*another unit"),
        (NUMBERS * 1e-12, {}, ValueError, "another unit"),
        (np.zeros((2, 2, 2)), {}, ValueError, r"shape \(n,\) or \(n, k\)"),
        ([], {}, ValueError, "for one sample or more"),
        (3.0, {}, ValueError, "for one sample or more"),
    ],
)
def test_targets_that_no_model_can_predict(y, arguments, error, said):
    with pytest.raises(error, match=said):
        Target.of(np.asarray(y), **arguments)


@pytest.mark.parametrize(
    ("y", "predicted"),
    [
        (np.array([0, 1, 1, 0]), [0, 1, 1, 0]),
        (np.array([0, 1, 2, 1]), [0, 1, 2, 1]),
        (ONE_HOT, ONE_HOT),
        (LABELS, LABELS),
    ],
)
def test_predictions_have_the_form_of_the_targets(y, predicted):
    outputs = y[:, None] * 1.0 if y.ndim == 1 else y
    if Target.of(y).kind == "classes":
        outputs = np.eye(3)[y]
    np.testing.assert_array_equal(Target.of(y).predicted(0.2 + 0.6 * outputs), predicted)


def test_numbers_are_predicted_as_they_are():
    np.testing.assert_array_equal(Target.of(NUMBERS).predicted([[1.5], [2.5]]), [1.5, 2.5])
    several = LABELS * 2.0
    np.testing.assert_array_equal(Target.of(several).predicted(several), several)


def headed(target, features=5):
    inputs = keras.Input((features,))
    model = keras.Model(inputs, target.head(inputs))
    model.compile("sgd", target.loss, metrics=target.metrics)
    return model


@pytest.mark.parametrize(
    "y", [[0, 1, 1, 0], [0, 1, 2, 1], ONE_HOT, LABELS, NUMBERS, LABELS * [1, 20, 3.5]]
)
def test_a_model_ends_with_the_head(y):
    y = np.asarray(y)
    target = Target.of(y)
    x = np.random.default_rng(0).normal(size=(len(y), 5))
    model = headed(target)
    assert model.output_shape == (None, target.outputs)
    logs = model.fit(x, y, verbose=0).history
    assert set(logs) == {"loss", "accuracy" if target.classifies else "mae"}
    assert np.shape(target.predicted(model.predict(x, verbose=0))) == y.shape


def test_the_accuracy_of_labels_counts_each_of_them():
    model = headed(Target.of(LABELS))
    model.layers[-1].set_weights([np.zeros((5, 3)), np.full(3, -1.0)])  # no label at all
    measured = model.evaluate(np.ones((4, 5)), LABELS, verbose=0, return_dict=True)
    assert measured["accuracy"] == pytest.approx(np.mean(LABELS == 0))


def test_raw_numbers_train_as_standardised_ones_do():
    """With the epsilon of the target Adam takes the same steps."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 5)), 1000 + 50 * rng.normal(size=16)
    target = Target.of(y)
    standard = Target("numbers", 1, (0.0,), (1.0,))
    (mean,), (deviation,) = target.mean, target.deviation
    trained = []
    for each, values in ((target, y), (standard, (y - mean) / deviation)):
        keras.utils.set_random_seed(1)
        model = headed(each)
        model.compile(keras.optimizers.Adam(0.05, epsilon=each.epsilon), "mse")
        model.fit(x, values, epochs=5, shuffle=False, verbose=0)
        trained.append(model.predict(x, verbose=0))
    np.testing.assert_allclose(trained[0], trained[1] * deviation + mean, rtol=1e-4)
