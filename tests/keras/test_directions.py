import inspect

import pytest

from kerastune_lite._src.core.goals import Goals, create_objective
from kerastune_lite._src.core.objective import (
    DefaultObjective,
    Objective,
)
from kerastune_lite._src.keras.metric_directions import resolved
from tests.keras.models import keras, linear

ARGUMENTS = {
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanMetricWrapper": {"fn": keras.losses.mean_squared_error},
}


def instances():
    """One metric of every public class."""
    keras.utils.clear_session(free_memory=False)
    for name, kind in sorted(vars(keras.metrics).items()):
        if inspect.isclass(kind) and kind is not keras.metrics.Metric:
            yield name, kind(**ARGUMENTS.get(name, {}))


WITH_DIRECTION = [
    (kind, str(metric.name), {"up": "max", "down": "min"}[metric._direction])
    for kind, metric in instances()
    if hasattr(metric, "_direction") and kind != "MeanMetricWrapper"
]
WITHOUT = [
    (kind, str(metric.name)) for kind, metric in instances() if not hasattr(metric, "_direction")
]


def direction(name, model=None):
    return resolved(Objective(name), model).direction


def custom(y_true, y_pred):
    return keras.ops.mean(y_true - y_pred)


def test_keras_has_the_metrics_that_this_is_about():
    names = {kind for kind, _, _ in WITH_DIRECTION}
    assert {"AUC", "F1Score", "R2Score", "MeanIoU", "CosineSimilarity", "LogCoshError"} <= names
    assert len(names) > 30
    assert {"Mean", "Sum", "FalsePositives"} <= {kind for kind, _ in WITHOUT}


@pytest.mark.parametrize(("kind", "name", "expected"), WITH_DIRECTION)
def test_each_metric_of_keras_under_the_name_it_logs(kind, name, expected):
    assert direction(name) == expected
    assert direction(f"val_{name}") == expected
    assert direction(f"val_{name}_2") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("accuracy", "max"),
        ("val_acc", "max"),
        ("val_mse", "min"),
        ("mae", "min"),
        ("auc_1", "max"),
        ("val_auc_12", "max"),
    ],
)
def test_short_names(name, expected):
    assert direction(name) == expected


@pytest.mark.parametrize(("kind", "name"), WITHOUT)
def test_metrics_without_a_direction_are_never_guessed(kind, name):
    with pytest.raises(ValueError, match="minimised or maximised"):
        direction(f"val_{name}")


@pytest.mark.parametrize("name", ["val_profit", "my_loss", "lossy", "val_", "perplexity"])
def test_an_unknown_name_is_an_error_that_shows_the_fix(name):
    with pytest.raises(ValueError, match="minimised or maximised") as caught:
        direction(name)
    assert f'kerastune_lite.Objective({name!r}, direction="max")' in str(caught.value)


def test_a_name_that_is_nearly_that_of_a_measured_metric():
    with pytest.raises(ValueError, match=r"Did you mean .model_size.\?"):
        direction("modelsize")


def test_a_given_direction_is_kept():
    assert resolved(Objective("val_loss", "max")) == Objective("val_loss", "max")
    assert resolved(DefaultObjective()) == DefaultObjective()


def test_each_part_of_several_objectives_is_resolved():
    several = resolved(create_objective(["val_loss", "val_accuracy", Objective("cost", "min")]))
    assert isinstance(several, Goals)
    assert [part.direction for part in several.parts] == ["min", "max", "min"]
    with pytest.raises(ValueError, match="'cost'"):
        resolved(create_objective(["val_loss", "cost"]))


def two_outputs(**compile_arguments):
    inputs = keras.Input((4,))
    price = keras.layers.Dense(1, name="price")(inputs)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(inputs)
    model = keras.Model(inputs, {"price": price, "kind": kind})
    model.compile(
        "sgd", {"price": "mse", "kind": "sparse_categorical_crossentropy"}, **compile_arguments
    )
    return model


def test_losses_and_metrics_of_named_outputs():
    model = two_outputs(metrics={"price": ["mae", custom], "kind": "accuracy"})
    assert direction("val_price_loss", model) == "min"
    assert direction("kind_loss", model) == "min"
    assert direction("val_kind_accuracy", model) == "max"
    assert direction("price_mae", model) == "min"
    with pytest.raises(ValueError, match="'val_price_custom'"):
        direction("val_price_custom", model)
    with pytest.raises(ValueError, match="'stock_loss'"):
        direction("stock_loss", model)


def test_named_outputs_of_a_subclassed_model():
    class Twice(keras.Model):
        def call(self, inputs):
            return {"price": inputs, "kind": inputs}

    model = Twice()
    model.compile("sgd", {"price": "mse", "kind": "mae"}, metrics={"kind": ["r2_score"]})
    assert direction("val_price_loss", model) == "min"
    assert direction("kind_r2_score", model) == "max"


def test_metrics_with_names_of_the_users_own():
    model = linear(
        metrics=[
            keras.metrics.AUC(name="ranking"),
            keras.metrics.MeanSquaredError(name="energy"),
            keras.metrics.Mean(name="level"),
        ],
        weighted_metrics=[keras.metrics.R2Score(name="explained")],
    )
    assert direction("val_ranking", model) == "max"
    assert direction("energy", model) == "min"
    assert direction("val_explained", model) == "max"
    with pytest.raises(ValueError, match="'val_level'"):
        direction("val_level", model)


def test_a_subclass_says_its_own_direction_or_inherits_it():
    class Pinball(keras.metrics.Mean):
        def __init__(self, name="pinball", **kwargs):
            super().__init__(name=name, **kwargs)
            self._direction = "down"

    class Ranked(keras.metrics.AUC):
        pass

    model = linear(metrics=[Pinball(), Ranked(name="ranked")])
    assert direction("val_pinball", model) == "min"
    assert direction("val_ranked", model) == "max"


def test_functions_of_the_users_are_unknown_and_those_of_keras_are_losses():
    model = linear(metrics=[custom, keras.losses.huber, keras.losses.LogCosh(name="smooth")])
    assert direction("val_huber", model) == "min"
    assert direction("val_smooth", model) == "min"
    with pytest.raises(ValueError, match="'val_custom'"):
        direction("val_custom", model)


def test_a_metric_of_the_users_hides_the_one_of_keras():
    def recall(y_true, y_pred):
        return keras.ops.mean(y_true)

    assert direction("val_recall", linear()) == "max"
    with pytest.raises(ValueError, match="'val_recall'"):
        direction("val_recall", linear(metrics=[recall]))


def test_a_mistyped_name_is_told_what_there_is():
    with pytest.raises(ValueError, match=r"mistyped\? The model reports loss, and each with val_"):
        resolved(Objective("val_los"), linear())
