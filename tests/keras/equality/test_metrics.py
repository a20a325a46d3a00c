"""Metrics: all keep their names, their order and their values."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    arguments,
    check_own,
    check_shared,
    classes,
    grid,
    keras,
    mlp,
    numbers,
    one_output,
    rare_is_slow,
    splitted,
)

m = keras.metrics


def one_hot():
    x, y = classes()
    return x, np.eye(3, dtype="float32")[y]


OF_CLASSES = {
    "accuracy, top k and mean iou": lambda: [
        "accuracy",
        m.SparseTopKCategoricalAccuracy(2, name="top2"),
        "sparse_categorical_crossentropy",
        m.MeanIoU(3, sparse_y_pred=False),
    ],
}
OF_ONE_HOT = {
    "f1 and top k": lambda: [
        m.F1Score(average="macro"),
        "accuracy",
        m.TopKCategoricalAccuracy(2),
        m.CategoricalCrossentropy(),
    ],
    "f1 of each class": lambda: [m.F1Score(average=None)],
    "auc, precision and recall": lambda: [
        m.AUC(num_thresholds=50, multi_label=True),
        m.Precision(),
        m.Recall(class_id=1),
        m.PrecisionAtRecall(0.5),
    ],
}
OF_NUMBERS = {
    "r2, rmse, mape, pearson and cosine": lambda: [
        m.R2Score(),
        m.RootMeanSquaredError(),
        "mape",
        m.PearsonCorrelation(),
        m.CosineSimilarity(),
    ],
    "two of a kind": lambda: ["mae", m.MeanAbsoluteError(), m.MeanAbsoluteError(name="again")],
}


@grid(OF_CLASSES)
def test_metrics_of_classes(name, extent):
    check_shared(mlp(metrics=OF_CLASSES[name]), arguments(), **extent)


@grid(OF_ONE_HOT, ("f1 and top k", "auc, precision and recall"))
def test_metrics_of_one_hot_classes(name, extent):
    build = mlp(loss="categorical_crossentropy", metrics=OF_ONE_HOT[name])
    check_shared(build, arguments(one_hot()), **extent)


@grid(OF_NUMBERS)
def test_metrics_of_numbers(name, extent):
    check_shared(one_output(metrics=OF_NUMBERS[name]), arguments(numbers()), **extent)


def test_metrics_without_names_are_numbered_as_fit_numbers_them():
    build = one_output(
        loss="binary_crossentropy", activation="sigmoid", metrics=lambda: [m.AUC(), m.AUC()]
    )
    x, y = classes(count=2)
    check_shared(build, arguments((x, y)))


@pytest.mark.parametrize("shape", [(65,), pytest.param((65, 1), marks=pytest.mark.slow)])
def test_weighted_metrics(shape):
    weights = np.linspace(0.0, 2.0, 65).astype("float32").reshape(shape)
    (_, _), (x, y) = splitted(classes())
    held_out = (x, y, np.linspace(1.0, 3.0, 25))
    build = mlp(metrics=["accuracy"], weighted_metrics=["accuracy"])
    fit = arguments(sample_weight=weights, validation_data=held_out)
    check_shared(build, fit)


def worst(y_true, y_pred):
    """One number for a batch: the mean of it depends on how the samples are batched."""
    return keras.ops.max(keras.ops.abs(y_true - y_pred))


class Spread(m.Metric):
    """A metric of the user's own, whose state does not begin with zeros."""

    def __init__(self, name="spread"):
        super().__init__(name=name)
        self.lowest = self.add_weight(name="lowest", initializer="ones")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.lowest.assign(keras.ops.minimum(self.lowest, keras.ops.min(y_pred)))

    def result(self):
        return 1.0 - self.lowest

    def reset_state(self):
        self.lowest.assign(1.0)


class Several(m.Metric):
    """A metric with two results."""

    def __init__(self, name="several"):
        super().__init__(name=name)
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(keras.ops.sum(y_pred))

    def result(self):
        return {"zebra": 3 * self.total, "ape": 2 * self.total}


OWN = {
    "a function": lambda: [worst],
    "a class": lambda: [Spread()],
    "a class with two results": lambda: ["mae", Several()],
    "wrapped": lambda: [m.MeanMetricWrapper(worst, name="wrapped")],
    "mean of tensors": lambda: ["mae", worst, Spread()],
}


@pytest.mark.parametrize("name", rare_is_slow(OWN, ["a class with two results", "mean of tensors"]))
def test_metrics_of_the_users_own(name):
    check_own(one_output(metrics=OWN[name]), arguments(numbers()))


@pytest.mark.parametrize("size", rare_is_slow([None, 7], [7]))
def test_a_metric_that_depends_on_the_batches_of_the_validation(size):
    fit = arguments(numbers(), validation_batch_size=size)
    check_own(one_output(metrics=[worst]), fit)


def test_no_metrics():
    check_shared(one_output(metrics=None), arguments(numbers()))
