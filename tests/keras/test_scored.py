"""The model that is kept evaluates to the score on record, whatever `fit` returns."""

import copy

import keras
import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.keras.scored import EpochWeights, epochs_of
from kerastune_lite._src.search.execution.returned import Result

RNG = np.random.default_rng(1)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("float32")
TRAIN, VALID = (X[:40], Y[:40]), (X[40:], Y[40:])
EPOCHS = 6


def build(hp):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(hp.Int("units", 2, 6)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    # So large a rate makes the epochs go up and down.
    model.compile(keras.optimizers.Adam(0.8), "mse", metrics=["mae"])
    return model


class OfFunction(kt.HyperModel):
    def __init__(self, fit):
        super().__init__()
        self.function = fit

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return self.function(model, args, kwargs)


def last(model, args, kwargs):
    return {n: v[-1] for n, v in model.fit(*args, **kwargs).history.items()}


def last_as_number(model, args, kwargs):
    return model.fit(*args, **kwargs).history["val_loss"][-1]


def second(model, args, kwargs):
    return np.float32(model.fit(*args, **kwargs).history["val_loss"][1])


def worst_of_a_list(model, args, kwargs):
    return [max(model.fit(*args, **kwargs).history["val_loss"])]


def at_best_mae(model, args, kwargs):
    history = model.fit(*args, **kwargs).history
    return history["val_loss"][int(np.argmin(history["val_mae"]))]


def last_though_restored(model, args, kwargs):
    kwargs["callbacks"].insert(0, keras.callbacks.EarlyStopping(restore_best_weights=True))
    return last(model, args, kwargs)


def evaluated_by_itself(model, args, kwargs):
    model.fit(*args, **kwargs)
    model.set_weights([w * 0.5 for w in model.get_weights()])
    return model.evaluate(*VALID, verbose=0, return_dict=True)["loss"]


def second_training(model, args, kwargs):
    model.fit(*args, **kwargs)
    return model.fit(*args, **{**kwargs, "epochs": 3})


def first_training(model, args, kwargs):
    history = copy.deepcopy(model.fit(*args, **kwargs).history)
    model.fit(*args, **{**kwargs, "epochs": 2})
    return history


def with_copies(model, args, kwargs):
    kwargs["callbacks"] = copy.deepcopy(kwargs["callbacks"])
    return last_as_number(model, args, kwargs)


def by_hand(model, args, kwargs):
    callbacks = [copy.copy(each) for each in kwargs["callbacks"]]
    for callback in callbacks:
        callback.set_model(model)
    losses = []
    for epoch in range(kwargs["epochs"]):
        model.train_on_batch(*TRAIN)
        losses.append(model.evaluate(*VALID, verbose=0, return_dict=True)["loss"])
        for callback in callbacks:
            callback.on_epoch_end(epoch, {"val_loss": losses[-1]})
    return losses[2]


FITS = [
    last,
    last_as_number,
    second,
    worst_of_a_list,
    at_best_mae,
    last_though_restored,
    evaluated_by_itself,
    second_training,
    first_training,
    with_copies,
    by_hand,
]


def check(tuner):
    for trial in tuner.trials:
        loss, _ = tuner.load_model(trial).evaluate(*VALID, verbose=0)
        assert loss == pytest.approx(trial.score, rel=1e-4), trial


SLOWLY = [last, last_though_restored, at_best_mae, second_training]


@pytest.mark.parametrize(
    ("fit", "fast"), [*((fit, True) for fit in FITS), *((fit, False) for fit in SLOWLY)]
)
def test_what_is_kept_evaluates_to_what_fit_returned(tmp_path, fit, fast):
    tuner = kt.RandomSearch(OfFunction(fit), "val_loss", max_trials=2, seed=4, directory=tmp_path)
    tuner.search(*TRAIN, epochs=EPOCHS, validation_data=VALID, verbose=0, fast=fast)
    check(tuner)


def test_a_number_without_a_name_is_looked_for_among_all_metrics(tmp_path):
    def best_loss(model, args, kwargs):
        return min(model.fit(*args, **kwargs).history["val_loss"])

    tuner = kt.RandomSearch(OfFunction(best_loss), max_trials=2, seed=4, directory=tmp_path)
    tuner.search(*TRAIN, epochs=EPOCHS, validation_data=VALID, verbose=0)
    check(tuner)


def test_rungs_keep_the_epoch_that_is_on_record(tmp_path):
    tuner = kt.Hyperband(
        OfFunction(last), "val_loss", max_epochs=4, factor=2, seed=4, directory=tmp_path
    )
    tuner.search(*TRAIN, validation_data=VALID, verbose=0)
    loss, _ = tuner.get_best_models()[0].evaluate(*VALID, verbose=0)
    assert loss == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-4)


@pytest.mark.parametrize("executions", [1, 2])
@pytest.mark.parametrize("pick", [lambda v: v[-1], lambda v: v[1], max, min])
def test_what_is_kept_evaluates_to_what_run_trial_returned(tmp_path, pick, executions):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            histories = super().run_trial(trial, *args, **kwargs)
            return pick(histories[-1].history["val_loss"])

    tuner = Own(
        build, "val_loss", max_trials=2, seed=4, directory=tmp_path, executions_per_trial=executions
    )
    tuner.search(*TRAIN, epochs=EPOCHS, validation_data=VALID, verbose=0)
    check(tuner)
    if executions == 1:
        for trial in tuner.trials:
            assert trial.best_step is not None


def test_the_epoch_on_record_is_that_of_the_score(tmp_path):
    tuner = kt.RandomSearch(OfFunction(second), "val_loss", max_trials=1, directory=tmp_path)
    tuner.search(*TRAIN, epochs=EPOCHS, validation_data=VALID, verbose=0)
    assert tuner.trials[0].best_step == 1


# ------------------------------------------------------------------ which epochs

EPOCHS_SEEN = {
    0: {"val_loss": 0.5, "val_accuracy": 0.9},
    1: {"val_loss": 0.4, "val_accuracy": 0.8},
    2: {"val_loss": 0.6, "val_accuracy": 0.9},
}


def result(score, **metrics):
    return Result(score, metrics)


def test_metrics_beside_the_objective_tell_equal_scores_apart():
    objective = Objective("val_accuracy", "max")
    found = epochs_of(result(0.9, val_accuracy=0.9, val_loss=0.6), objective, EPOCHS_SEEN)
    assert found == [2]
    assert epochs_of(result(0.9, val_accuracy=0.9), objective, EPOCHS_SEEN) == [0, 2]
    # A loss of another kind is no reason to take neither.
    other = result(0.9, val_accuracy=0.9, val_loss=7.0)
    assert epochs_of(other, objective, EPOCHS_SEEN) == [0, 2]
    assert epochs_of(result(0.7), objective, EPOCHS_SEEN) == []


def test_a_number_to_be_minimised_may_be_the_negative_of_a_metric():
    assert epochs_of(result(-0.8), DefaultObjective(), EPOCHS_SEEN) == [1]
    assert epochs_of(result(0.6), DefaultObjective(), EPOCHS_SEEN) == [2]


def test_weights_that_are_too_large_for_all_epochs_are_the_latest():
    kept = EpochWeights(memory=100)
    for epoch in range(4):
        kept.add(epoch, [np.full(10, float(epoch), "float32")])
    assert [kept.of(epoch) is not None for epoch in range(4)] == [False, False, True, True]
    assert kept.epoch_of([np.full(10, 3.0, "float32")]) == 3
    assert kept.epoch_of([np.zeros(10)]) is None
    assert kept.epoch_of([]) is None
