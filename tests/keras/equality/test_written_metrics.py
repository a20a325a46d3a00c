"""Metrics that are written out in NumPy: each gives what Keras's own object gives."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.numpy import measuring
from kerastune_lite._src.keras.fast.numpy.metrics import written
from tests.keras.equality.cases import (
    DROPPED,
    arguments,
    by_fit,
    check_arrays,
    classes,
    keras,
    mlp,
    one_output,
)
from tests.keras.stacked import check_stacked

m = keras.metrics

rng = np.random.default_rng(0)
ROWS = 200
LOGITS = rng.normal(size=(ROWS, 3)).astype("float32")
SOFT = (np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)).astype("float32")
SIDES = (1 / (1 + np.exp(-2 * LOGITS[:, :1]))).astype("float32")
KINDS = np.argmax(LOGITS + rng.normal(size=(ROWS, 3)), 1)
ONE_HOT = np.eye(3, dtype="float32")[KINDS]
RIGHT = (SIDES + rng.normal(0, 0.3, (ROWS, 1)) > 0.6).astype("float32")
WEIGHTS = rng.uniform(0, 3, ROWS).astype("float32")

OF_SIDES = {
    "auc": lambda: m.AUC(),
    "few thresholds": lambda: m.AUC(num_thresholds=7),
    "precision and recall's area": lambda: m.AUC(curve="PR"),
    "binary accuracy": lambda: m.BinaryAccuracy(threshold=0.3),
    "f1 at a threshold": lambda: m.F1Score(average="micro", threshold=0.4),
    "false negatives": lambda: m.FalseNegatives(),
    "false positives": lambda: m.FalsePositives(thresholds=0.7),
    "log cosh": lambda: m.LogCoshError(),
    "mae": lambda: m.MeanAbsoluteError(),
    "mse": lambda: m.MeanSquaredError(),
    "precision": lambda: m.Precision(),
    "recall": lambda: m.Recall(thresholds=[0.3]),
    "rmse": lambda: m.RootMeanSquaredError(),
    "true negatives": lambda: m.TrueNegatives(),
    "true positives": lambda: m.TruePositives(),
}
OF_ONE_HOT = {
    "auc over all": lambda: m.AUC(num_thresholds=50),
    "categorical accuracy": lambda: m.CategoricalAccuracy(),
    "f1, macro": lambda: m.F1Score(average="macro"),
    "f1, micro": lambda: m.F1Score(average="micro"),
    "f1, weighted": lambda: m.F1Score(average="weighted"),
    "f2": lambda: m.FBetaScore(average="macro", beta=2.0, threshold=0.35),
    "precision of a class": lambda: m.Precision(class_id=1),
    "recall of all": lambda: m.Recall(),
    "rmse of all": lambda: m.RootMeanSquaredError(),
    "top 2": lambda: m.TopKCategoricalAccuracy(2),
}
OF_KINDS = {
    "sparse accuracy": lambda: m.SparseCategoricalAccuracy(),
    "sparse top 2": lambda: m.SparseTopKCategoricalAccuracy(2),
}
CASES = [
    pytest.param(make, y, outputs, id=name)
    for several, y, outputs in (
        (OF_SIDES, RIGHT, SIDES),
        (OF_ONE_HOT, ONE_HOT, SOFT),
        (OF_KINDS, KINDS, SOFT),
    )
    for name, make in several.items()
]


def check(make, y, outputs, weight=None):
    ours = written(make(), ())
    assert ours is not None
    theirs = make()
    theirs.update_state(y, outputs, sample_weight=weight)
    found = np.float32(ours(y, outputs, outputs, weight))
    np.testing.assert_allclose(found, np.asarray(theirs.result()), 1e-5, 1e-6)


@pytest.mark.parametrize(("make", "y", "outputs"), CASES)
class TestAsKeras:
    @pytest.mark.parametrize("weight", [None, WEIGHTS, np.zeros_like(WEIGHTS)])
    def test_weights(self, make, y, outputs, weight):
        check(make, y, outputs, weight)

    def test_one_class_only(self, make, y, outputs):
        for value in (0, 1):
            check(make, np.full_like(y, value), outputs, WEIGHTS)

    def test_outputs_at_the_ends_and_at_thresholds(self, make, y, outputs):
        check(make, y, np.round(4 * outputs).astype("float32") / 4)
        check(make, y, np.round(outputs), WEIGHTS)

    def test_outputs_that_are_no_numbers(self, make, y, outputs):
        outputs = outputs.copy()
        outputs[::7] = np.nan
        ours, theirs = written(make(), ()), make()
        theirs.update_state(y, outputs)
        with np.errstate(all="ignore"):
            found = np.float32(ours(y, outputs, outputs, None))
        np.testing.assert_allclose(found, np.asarray(theirs.result()), 1e-5, 1e-6)


@pytest.mark.parametrize("y", [RIGHT[:, 0], RIGHT.astype("int64"), RIGHT > 0])
@pytest.mark.parametrize("name", OF_SIDES)
def test_targets_of_other_types_and_without_an_axis(name, y):
    if name.startswith("f1") and y.ndim == 1:
        pytest.skip("Keras wants two axes.")
    check(OF_SIDES[name], y, SIDES, WEIGHTS)


@pytest.mark.parametrize(
    ("kind", "y", "options", "outputs"),
    [
        ("BinaryCrossentropy", RIGHT, {"label_smoothing": 0.1}, LOGITS[:, :1]),
        ("CategoricalCrossentropy", ONE_HOT, {"label_smoothing": 0.1}, LOGITS),
        ("SparseCategoricalCrossentropy", KINDS, {}, LOGITS),
    ],
)
def test_cross_entropies_beside_the_loss_of_their_kind(kind, y, options, outputs):
    metric = getattr(m, kind)(from_logits=True, **options)
    name = metric._fn.__name__
    ours = written(metric, {(name, True)})
    metric.update_state(y, outputs, sample_weight=WEIGHTS)
    found = ours(y, outputs, outputs, WEIGHTS)
    np.testing.assert_allclose(found, np.asarray(metric.result()), 1e-5)
    # What they are computed from is known beside such a loss only.
    assert written(metric, {(name, False), ("mean_squared_error", False)}) is None


LEFT = {
    "areas of labels": lambda: m.AUC(multi_label=True),
    "another curve": lambda: m.AUC(curve="PRGAIN"),
    "another sum": lambda: m.AUC(summation_method="majoring"),
    "uneven thresholds": lambda: m.AUC(thresholds=[0.1, 0.2]),
    "several thresholds": lambda: m.Precision(thresholds=[0.2, 0.5]),
    "the first ones only": lambda: m.Recall(top_k=2),
    "of each class": lambda: m.F1Score(),
    "half precision": lambda: m.MeanSquaredError(dtype="float16"),
    "another class": lambda: m.R2Score(),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_keras(name):
    assert written(LEFT[name](), ()) is None


def imbalanced(variant):
    metrics = [
        m.BinaryCrossentropy(name="cross_entropy"),
        m.MeanSquaredError(name="brier"),
        m.TruePositives(name="tp"),
        m.FalsePositives(name="fp"),
        m.BinaryAccuracy(name="accuracy"),
        m.Precision(name="precision"),
        m.Recall(name="recall"),
        m.AUC(name="auc"),
        m.AUC(name="prc", curve="PR"),
    ]
    weighted = [m.BinaryCrossentropy(name="bce"), m.AUC(name="area"), m.Precision(name="share")]
    return one_output(
        hidden=lambda variant: [keras.layers.Dropout(DROPPED[variant], seed=1)],
        loss="binary_crossentropy",
        activation="sigmoid",
        metrics=lambda: metrics,
        weighted_metrics=lambda: weighted,
    )(variant)


def rare():
    x, y = classes(rows=140, count=5)
    return x, (y == 2).astype("float32")[:, None]


def no_trace(*_):
    raise AssertionError("a metric is traced")


class TestTraining:
    FIT = staticmethod(arguments(rare(), class_weight={0: 0.6, 1: 4.0}))

    @pytest.fixture(autouse=True)
    def nothing_is_traced(self, monkeypatch):
        monkeypatch.setattr(measuring, "_Traced", no_trace)

    @pytest.mark.parametrize("variant", [0, 2])
    def test_metrics_of_imbalanced_data(self, variant):
        right = by_fit(imbalanced, self.FIT, variant)
        check_arrays(imbalanced, self.FIT, right, variant, must=True)

    def test_side_by_side(self):
        def build(variant):
            model = imbalanced(0)
            model.optimizer.learning_rate = (0.02, 0.05, 0.01)[variant]
            return model

        check_stacked(build, lambda variant: self.FIT(0), compared=(0, 2))

    def test_cross_entropy_of_outputs_that_are_all_but_sure(self):
        """Keras computes it from what the last activation is given, in metrics, too."""

        def build(variant):
            model = keras.Sequential([keras.Input((6,))])
            model.add(keras.layers.Dense(1, "sigmoid", kernel_initializer="ones"))
            optimizer = keras.optimizers.SGD(1e-4)
            model.compile(optimizer, "binary_crossentropy", metrics=["binary_crossentropy"])
            return model

        x, y = rare()
        fit = arguments((20 * x, y), epochs=2)
        check_arrays(build, fit, by_fit(build, fit), must=True)


def test_written_and_traced_ones_in_one_model():
    x, y = classes()
    build = mlp(
        loss="categorical_crossentropy",
        metrics=lambda: [m.AUC(), m.R2Score(), "accuracy", m.F1Score(), m.CosineSimilarity()],
    )
    fit = arguments((x, keras.utils.to_categorical(y).astype("float32")))
    check_arrays(build, fit, by_fit(build, fit), must=True)
