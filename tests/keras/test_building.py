import pytest

from kerastune_lite._src.keras.building import ModelFactory, check_compiled, model_size
from kerastune_lite._src.keras.hypermodel import FunctionHyperModel
from kerastune_lite._src.util.errors import FailedTrialError, FatalTypeError, FatalValueError
from kerastune_lite.hyperparameters import HyperParameters
from tests.keras.models import FEATURES, Subclassed, data, keras, linear


def build(function, **options):
    return ModelFactory(FunctionHyperModel(function), **options).build(HyperParameters())


def uncompiled(hp=None):
    return keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])


def compiled(hp=None):
    return linear()


def custom_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)


def custom_metric(y_true, y_pred):
    return keras.ops.mean(y_true)


def train(model):
    x, y = data()
    return model.fit(x, y, verbose=0).history


def test_a_model_passes():
    model = linear()
    assert build(lambda hp: model) is model


@pytest.mark.parametrize("wrong", [0.5, "model", uncompiled, object(), keras.layers.Dense])
def test_what_is_no_model_is_refused(wrong):
    with pytest.raises(FatalTypeError, match=r"build\(hp\) must return a Keras model") as caught:
        build(lambda hp: wrong)
    assert f"of type {type(wrong).__name__}" in str(caught.value)
    assert "forget" not in str(caught.value)


def test_a_forgotten_return_gets_a_hint():
    with pytest.raises(FatalTypeError, match="Did you forget `return model`"):
        build(lambda hp: None)


def test_a_model_must_be_compiled():
    check_compiled(linear())
    with pytest.raises(FatalValueError, match=r"must compile its model.*model.compile\("):
        check_compiled(build(uncompiled))


def test_the_tuner_may_compile():
    model = build(uncompiled, optimizer="adam", loss="mse", metrics=["mae"])
    assert set(train(model)) == {"loss", "mae"}
    assert isinstance(model.optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({"optimizer": "adam"}, "loss"),
        ({"loss": "mse"}, "optimizer"),
        ({"metrics": ["mae"]}, "optimizer and loss"),
    ],
)
def test_half_of_the_arguments_are_not_enough(options, missing):
    with pytest.raises(FatalValueError, match=rf"Missing: {missing}\."):
        build(uncompiled, **options)


def test_each_override_leaves_the_others_as_they_were():
    def builder(hp):
        return linear(
            learning_rate=0.125,
            loss=custom_loss,
            metrics=["mae", custom_metric],
            weighted_metrics=["mse"],
            steps_per_execution=2,
        )

    model = build(builder, optimizer=keras.optimizers.Adam(0.5))
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.loss is custom_loss
    assert model.steps_per_execution == 2
    assert set(train(model)) == {"loss", "mae", "custom_metric", "mse"}
    model = build(builder, loss="mse")
    assert (model.loss, float(model.optimizer.learning_rate)) == ("mse", 0.125)
    model = build(builder, metrics=["cosine_similarity"])
    assert model.loss is custom_loss
    assert set(train(model)) == {"loss", "cosine_similarity", "mse"}


def test_a_loss_may_be_left_out_by_a_builder_that_compiles():
    class Trains(keras.Sequential):
        def train_step(self, batch):
            return {"loss": keras.ops.sum(batch[0])}

    def builder(hp):
        model = Trains([keras.Input((FEATURES,)), keras.layers.Dense(1)])
        model.compile("sgd")
        return model

    assert isinstance(build(builder, optimizer="adam").optimizer, keras.optimizers.Adam)


def test_overrides_are_copied_for_each_model():
    optimizer = keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.25, 10, 0.5), momentum=0.75
    )
    metric = keras.metrics.MeanAbsoluteError(name="off")
    models = [
        build(compiled, optimizer=optimizer, metrics=[metric, "mse"], loss=custom_loss)
        for _ in range(2)
    ]
    for model in models:
        assert set(train(model)) == {"loss", "off", "mse"}
        assert model.optimizer is not optimizer
        assert model.optimizer.momentum == 0.75
        assert int(model.optimizer.iterations) == 1
    assert int(optimizer.iterations) == 0
    assert float(optimizer.learning_rate) == 0.25
    assert float(metric.result()) == 0.0


def test_overrides_by_output():
    def builder(hp):
        inputs = keras.Input((FEATURES,))
        outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")}
        return keras.Model(inputs, outputs)

    metrics = {"a": [keras.metrics.MeanSquaredError(name="off")], "b": ["mae"]}
    model = build(builder, optimizer="sgd", loss={"a": "mse", "b": "mae"}, metrics=metrics)
    x, y = data()
    logs = model.fit(x, {"a": y, "b": y}, verbose=0).history
    assert set(logs) == {"loss", "a_loss", "b_loss", "a_off", "b_mae"}


def test_an_override_that_cannot_be_copied_is_refused():
    class Secretive(keras.metrics.Mean):
        def __init__(self, secret):
            super().__init__(name="secretive")

    with pytest.raises(FatalTypeError, match="Secretive cannot be copied") as caught:
        build(compiled, metrics=[Secretive(1)])
    assert "the tuner's `metrics`" in str(caught.value)
    assert "get_config()" in str(caught.value)


def test_the_size_counts_parameters():
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(2),
            keras.layers.Dropout(0.5),
            keras.layers.BatchNormalization(),
        ]
    )
    assert model_size(model) == model.count_params() == 18
    assert model_size(Subclassed()) == 0


def test_a_model_that_is_too_large_fails_its_trial():
    assert build(compiled, max_model_size=5)
    with pytest.raises(FailedTrialError, match="has 5 parameters, more than the 4 "):
        build(compiled, max_model_size=4)
    assert build(lambda hp: Subclassed(), max_model_size=4)


@pytest.mark.parametrize(
    "module",
    ["tf_keras", "tf_keras.src.engine.training", "keras.engine.sequential", "tf_keras.engine"],
)
def test_a_model_of_keras_2_is_told_from_one_of_keras_3(module):
    base = type("Model", (), {"__module__": module})
    own = type("Own", (base,), {"__module__": "script"})
    for kind in (base, own):
        with pytest.raises(FatalTypeError, match=r"of Keras 2 .*TF_USE_LEGACY_KERAS"):
            build(lambda hp, kind=kind: kind())
    for other in (3, type("Model", (), {"__module__": "tf_keras_extras"})()):
        with pytest.raises(FatalTypeError) as caught:
            build(lambda hp, other=other: other)
        assert "Keras 2" not in str(caught.value)
