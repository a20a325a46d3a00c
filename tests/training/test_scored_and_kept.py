"""What is kept of a trial evaluates to the score on record, whatever the user's code returns."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite.training import callbacks as module
from tests.training.models import data, keras, linear

X, Y = data(24)
VALIDATION = data(12, seed=1)


def build(hp):
    # Of the trials of a search some diverge and some do not: their best epochs are all over.
    return linear(hp.Float("learning_rate", 0.3, 1.1))


def last(series):
    return series[-1]


def middle(series):
    return series[2]


class Returning(kt.HyperModel):
    """A `fit` that returns one epoch's metrics, as `made` makes them of the History."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return self.made(model, model.fit(*args, **kwargs), args, kwargs)


def searched(hypermodel, tmp_path, fast=True, kind=kt.RandomSearch, epochs=4, **arguments):
    tuner = kind(
        hypermodel,
        "val_loss",
        **{"max_trials": 3, "seed": 3, "directory": tmp_path, **arguments},
    )
    tuner.search(
        X, Y, epochs=epochs, validation_data=VALIDATION, verbose=0, shuffle=False, fast=fast
    )
    return tuner


def check_kept(tuner):
    for trial in tuner.trials:
        loss = tuner.load_model(trial).evaluate(*VALIDATION, verbose=0)
        assert trial.score == pytest.approx(loss, rel=1e-4, abs=1e-5)


def retrained(model, history, args, kwargs):
    return model.fit(*args, **{**kwargs, "epochs": 3})


def evaluated(model, history, args, kwargs):
    model.set_weights([weight * 0.5 for weight in model.get_weights()])
    return model.evaluate(*kwargs["validation_data"], verbose=0)


RETURNED = {
    "last": lambda model, history, *_: {n: last(v) for n, v in history.history.items()},
    "middle": lambda model, history, *_: {"val_loss": middle(history.history["val_loss"])},
    "last as a number": lambda model, history, *_: last(history.history["val_loss"]),
    "rounded": lambda model, history, *_: round(last(history.history["val_loss"]), 5),
    "worst": lambda model, history, *_: max(history.history["val_loss"]),
    "best": lambda model, history, *_: min(history.history["val_loss"]),
    "the second of two fits": retrained,
    "weights set by hand": evaluated,
}


@pytest.mark.parametrize("fast", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("returned", RETURNED)
def test_a_fit_of_the_users_own(tmp_path, returned, fast):
    tuner = searched(Returning(RETURNED[returned]), tmp_path, fast)
    check_kept(tuner)
    if returned == "middle":
        assert {trial.best_step for trial in tuner.trials} == {2}


def test_the_last_epoch_though_a_callback_took_back_the_best(tmp_path):
    class Stopping(Returning):
        def fit(self, hp, model, *args, callbacks, **kwargs):
            stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
            kwargs["callbacks"] = [*callbacks, stop]
            return super().fit(hp, model, *args, **kwargs)

    check_kept(searched(Stopping(RETURNED["last"]), tmp_path, epochs=9))


@pytest.mark.parametrize("returned", ["last", "middle", "best"])
def test_a_run_trial_of_the_users_own(tmp_path, returned):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            (history,) = super().run_trial(trial, *args, **kwargs)
            return RETURNED[returned](None, history)

    tuner = searched(build, tmp_path, kind=Own)
    check_kept(tuner)
    names = [trial.executions[0].weights.rsplit("/", 1)[-1] for trial in tuner.trials]
    kept = {path.name for path in (tmp_path / "untitled_project" / "checkpoints").iterdir()}
    assert kept == set(names)


def test_of_several_executions_each_keeps_its_own(tmp_path):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            histories = super().run_trial(trial, *args, **kwargs)
            return [RETURNED["last"](None, history) for history in histories]

    tuner = searched(build, tmp_path, kind=Own, executions_per_trial=2)
    for trial in tuner.trials:
        best = min(each.score for each in trial.executions)
        loss = tuner.load_model(trial).evaluate(*VALIDATION, verbose=0)
        assert best == pytest.approx(loss, rel=1e-4, abs=1e-5)


def test_where_scores_are_equal_the_other_metrics_tell_the_epochs_apart():
    reporter = module.EpochReporter(kt.Objective("gain", "max"), lambda *_: True, None, False, True)
    model = linear()
    reporter.set_model(model)
    for epoch, other in enumerate([5.0, 7.0, 6.0]):
        model.set_weights([np.full((4, 1), other), np.zeros(1)])
        reporter.on_epoch_end(epoch, {"gain": 1.0, "other": other})
    assert reporter.moment_of({"gain": 1.0, "other": 7.0}, -1.0).epoch == 1
    assert reporter.moment_of({"gain": 1.0}, -1.0).epoch == 0
    assert reporter.moment_of({"gain": 2.0}, -2.0) is None


def test_of_large_models_the_best_and_the_last_epoch_stay(monkeypatch):
    monkeypatch.setattr(module, "_KEPT_BYTES", 50)  # a linear model has twenty bytes
    reporter = module.EpochReporter(kt.Objective("loss", "min"), lambda *_: True, None, False, True)
    model = linear()
    reporter.set_model(model)
    for epoch, loss in enumerate([4.0, 1.0, 3.0, 2.0, 5.0]):
        model.set_weights([np.full((4, 1), loss), np.zeros(1)])
        reporter.on_epoch_end(epoch, {"loss": loss})
    assert reporter.moment_of({}, 1.0).weights[0][0] == 1.0
    assert reporter.moment_of({}, 5.0).weights[0][0] == 5.0
    assert reporter.moment_of({}, 4.0) is None
