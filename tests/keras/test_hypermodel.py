"""HyperModel: building, an own fit, and what it may return."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.hypermodel import (
    FunctionHyperModel,
    HyperModel,
    accepts,
    get_hypermodel,
    overrides_fit,
)
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError
from kerastune_lite.hyperparameters import HyperParameters
from tests.keras.models import data, keras, linear

X, Y = data(24)
VALIDATION = data(12, seed=1)
FIT = {"validation_data": VALIDATION, "epochs": 3, "verbose": 0}


class Linear(HyperModel):
    def build(self, hp):
        return linear(hp.Float("learning_rate", 0.01, 0.9))


class Fitting(Linear):
    """Trains in its own way: a function (hp, model, x, y, callbacks, ...) -> the result."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def fit(self, hp, model, *args, **kwargs):
        return self.function(hp, model, *args, **kwargs)


def searched(tmp_path, hypermodel, objective="val_loss", max_trials=2, fit=FIT, **arguments):
    arguments = {"seed": 5, "directory": tmp_path, **arguments}
    tuner = kt.RandomSearch(hypermodel, objective, max_trials, **arguments)
    tuner.search(X, Y, **fit)
    return tuner


# ---------------------------------------------------------------------- what a hypermodel is


def test_what_users_pass():
    given = Linear("name")
    assert get_hypermodel(given) is given
    assert (given.name, given.tunable) == ("name", True)
    assert get_hypermodel(None) is None
    wrapped = get_hypermodel(linear)
    assert isinstance(wrapped, FunctionHyperModel)
    assert wrapped.name == "linear"

    class Duck:
        def build(self, hp): ...

        def fit(self, hp, model): ...

    duck = Duck()
    assert get_hypermodel(duck) is duck


@pytest.mark.parametrize(
    ("wrong", "text"), [(Linear, r"write Linear\(\.\.\.\)"), (3, "Received: 3 of type int")]
)
def test_what_is_no_hypermodel(wrong, text):
    with pytest.raises(TypeError, match=text):
        get_hypermodel(wrong)


def test_build_must_be_defined():
    class Empty(HyperModel):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define build\(self, hp\)"):
        Empty().build(HyperParameters())


def test_whether_fit_is_the_users_own():
    assert not overrides_fit(Linear())
    assert not overrides_fit(FunctionHyperModel(linear))
    assert overrides_fit(Fitting(None))
    patched = Linear()
    patched.fit = lambda hp, model, *args, **kwargs: 0.0
    assert overrides_fit(patched)


def test_which_keywords_a_function_takes():
    assert accepts(lambda verbose: 0, "verbose")
    assert accepts(lambda **kwargs: 0, "verbose")
    assert not accepts(lambda *args: 0, "verbose")


def test_a_hypermodel_that_is_not_tunable_keeps_its_defaults(tmp_path):
    hypermodel = Linear(tunable=False)
    tuner = searched(tmp_path, hypermodel, max_trials=3)
    assert tuner.space.names == []
    assert [trial.values for trial in tuner.trials] == [{}]
    rate = tuner.get_best_models()[0].optimizer.learning_rate
    assert float(rate) == pytest.approx(0.01)
    hp = HyperParameters(fill=lambda parameter: 0.5)
    model = hypermodel.build(hp)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert len(hp.space) == 0


def test_parts_that_are_not_tunable_within_a_model_that_is(tmp_path):
    part = Linear(tunable=False)

    class Whole(HyperModel):
        def build(self, hp):
            model = part.build(hp)
            model.add(keras.layers.Dense(hp.Int("units", 1, 4)))
            return model

    tuner = searched(tmp_path, Whole())
    assert tuner.space.names == ["units"]


def test_hyperparameters_declared_ahead(tmp_path):
    class Declaring(Linear):
        def declare_hyperparameters(self, hp):
            hp.Choice("batch_size", [4, 12])

    tuner = searched(tmp_path, Declaring(), max_trials=3)
    assert tuner.space.names == ["batch_size", "learning_rate"]
    assert all(trial.values["batch_size"] in (4, 12) for trial in tuner.trials)


# ---------------------------------------------------------------------- what fit may return


def plain(hp, model, x, y, **kwargs):
    return model.fit(x, y, **kwargs)


def as_float(*args, **kwargs):
    return float(min(plain(*args, **kwargs).history["val_loss"]))


def as_dict(*args, **kwargs):
    return {"val_loss": as_float(*args, **kwargs), "other": 3}


def as_curves(*args, **kwargs):
    return plain(*args, **kwargs).history


def as_nothing(*args, **kwargs):
    plain(*args, **kwargs)


@pytest.mark.parametrize("function", [plain, as_float, as_dict, as_curves, as_nothing])
def test_results_of_every_kind(tmp_path, function):
    reference = searched(tmp_path, Linear(), project_name="reference")
    tuner = searched(tmp_path, Fitting(function), project_name="own")
    for trial, expected in zip(tuner.trials, reference.trials, strict=True):
        assert trial.score == pytest.approx(expected.score)
        assert trial.best_step == expected.best_step
        assert {"loss", "val_loss"} <= set(trial.metrics)
        assert tuner.history(trial) == reference.history(trial)
    loss = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)


def test_validation_that_is_rare_in_an_own_fit(tmp_path):
    fit = {**FIT, "epochs": 4, "validation_freq": 2}
    tuner = searched(tmp_path, Fitting(plain), fit=fit)
    for trial in tuner.trials:
        (curves,) = tuner.history(trial)
        assert trial.best_step in (1, 3)
        assert trial.metrics["loss"] == curves["loss"][trial.best_step]


def test_folds_of_a_cross_validation_are_averaged(tmp_path):
    def folds(hp, model, x, y, callbacks, **kwargs):
        return [{"val_loss": 1.0, "a": 2.0}, 2.0, {"val_loss": 6.0, "a": 4.0}]

    tuner = searched(tmp_path, Fitting(folds), max_trials=1)
    assert tuner.trials[0].score == 3.0
    assert len(tuner.trials[0].executions) == 1


def test_training_twice_in_one_execution(tmp_path):
    def twice(hp, model, x, y, **kwargs):
        model.fit(x, y, **{**kwargs, "epochs": 2})
        model.optimizer.learning_rate = 0.001
        model.fit(x, y, **kwargs)

    tuner = searched(tmp_path, Fitting(twice))
    for trial in tuner.trials:
        (curves,) = tuner.history(trial)
        assert len(curves["loss"]) == 5
        assert trial.score == min(curves["val_loss"])
        assert trial.best_step == int(np.argmin(curves["val_loss"]))
    loss = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)


def test_pretraining_another_model_with_the_same_callbacks(tmp_path):
    def pretrain(hp, model, x, y, **kwargs):
        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        other.compile("sgd", "mse", run_eagerly=True)
        other.fit(x, x, validation_data=(x, x), callbacks=kwargs["callbacks"], verbose=0)
        return model.fit(x, y, **kwargs)

    tuner = searched(tmp_path, Fitting(pretrain))
    loss = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)


def test_arguments_are_handed_over_as_they_are(tmp_path):
    seen = []

    def noting(hp, model, *args, callbacks, **kwargs):
        seen.append((len(args), sorted(kwargs), len(callbacks)))
        return 1.0

    tuner = kt.RandomSearch(Fitting(noting), "val_loss", 1, directory=tmp_path)
    tuner.search("data", anything=3, verbose=0)
    assert seen == [(1, ["anything", "verbose"], 1)]


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda *args, **kwargs: None, FatalTypeError, "Did you forget to return the result"),
        (lambda *args, **kwargs: "good", FatalTypeError, "Received: 'good' of type str"),
        (lambda *args, **kwargs: {"loss": 1.0}, FatalValueError, "no 'val_loss'; there are: loss"),
        (
            lambda hp, model, x, y, callbacks, **kwargs: callbacks[0].on_epoch_end(0, {"a": 1.0}),
            FatalValueError,
            "no 'val_loss'; there are: a",
        ),
    ],
)
def test_results_that_mean_nothing(tmp_path, function, error, text):
    with pytest.raises(error, match=text) as caught:
        searched(tmp_path, Fitting(function))
    assert "HyperModel.fit()" in str(caught.value)


def test_a_fit_that_takes_no_callbacks(tmp_path):
    class Closed(Linear):
        def fit(self, hp, model, x, y, validation_data, epochs):
            return 0.0

    with pytest.raises(FatalTypeError, match=r"Closed.fit\(\) does not take them: write def fit"):
        searched(tmp_path, Closed())


def test_an_own_fit_without_our_callbacks_is_reported_late(tmp_path):
    def forgetful(hp, model, x, y, callbacks, **kwargs):
        return model.fit(x, y, **kwargs)

    tuner = searched(tmp_path, Fitting(forgetful))
    for trial in tuner.trials:
        (curves,) = tuner.history(trial)
        assert trial.score == min(curves["val_loss"])
        assert trial.executions[0].epochs == 3


def test_conditional_epochs_in_an_own_fit(tmp_path):
    def long(hp, model, x, y, **kwargs):
        if hp.Boolean("long"):
            kwargs["epochs"] = hp.Int("epochs", 4, 5)
        return model.fit(x, y, **kwargs)

    tuner = searched(tmp_path, Fitting(long), max_trials=4)
    for trial in tuner.trials:
        epochs = len(tuner.history(trial)[0]["loss"])
        assert epochs == (trial.values["epochs"] if trial.values["long"] else 3)
        assert ("epochs" in trial.values) == trial.values["long"]


@pytest.mark.parametrize("model", [linear, keras.Sequential])
def test_a_model_is_no_hypermodel(model):
    with pytest.raises(TypeError, match=r"Received a model: <Sequential.*pass build, without"):
        get_hypermodel(model())
