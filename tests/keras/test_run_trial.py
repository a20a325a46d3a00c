"""Tuners that override run_trial, and the guide on trials that fail."""

from pathlib import Path

import pytest

import kerastune_lite as kt
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError, StoreError
from tests.keras.models import Subclassed, data, keras, linear

X, Y = data(24)
VALIDATION = data(12, seed=1)
FIT = {"validation_data": VALIDATION, "epochs": 2, "verbose": 0}


def build(hp):
    return linear(hp.Float("learning_rate", 0.01, 0.9))


def tuner_with(run_trial, tmp_path, hypermodel=build, objective="val_loss", **arguments):
    kind = type("Own", (kt.RandomSearch,), {"run_trial": run_trial})
    arguments = {"max_trials": 2, "seed": 5, "directory": tmp_path, **arguments}
    return kind(hypermodel, objective, **arguments)


def weight_files(tuner):
    return sorted(path.name for path in Path(tuner.project_dir, "checkpoints").glob("*"))


class BatchSizes(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        kwargs["batch_size"] = trial.hyperparameters.Int("batch_size", 4, 12, step=4)
        kwargs["epochs"] = trial.hyperparameters.Int("epochs", 1, 3)
        return super().run_trial(trial, *args, **kwargs)


@pytest.mark.parametrize("executions", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_fit_arguments_changed_in_run_trial(tmp_path, executions):
    tuner = BatchSizes(
        build, "val_loss", 3, seed=1, directory=tmp_path, executions_per_trial=executions
    )
    tuner.search(X, Y, validation_data=VALIDATION, verbose=0)
    for trial in tuner.trials:
        assert set(trial.values) == {"batch_size", "epochs", "learning_rate"}
        curves = tuner.history(trial)
        assert [len(curve["loss"]) for curve in curves] == [trial.values["epochs"]] * executions
        best = [min(curve["val_loss"]) for curve in curves]
        assert trial.score == pytest.approx(sum(best) / executions)
    best = tuner.get_best_trials()[0]
    loss = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(min(e.score for e in best.executions), rel=1e-5)


def test_a_mean_returned_for_several_executions(tmp_path):
    def run_trial(self, trial, *args, **kwargs):
        histories = kt.RandomSearch.run_trial(self, trial, *args, **kwargs)
        return sum(min(h.history["val_loss"]) for h in histories) / len(histories)

    tuner = tuner_with(run_trial, tmp_path, executions_per_trial=3)
    tuner.search(X, Y, **FIT)
    for trial in tuner.trials:
        best = [min(curve["val_loss"]) for curve in tuner.history(trial)]
        assert trial.score == pytest.approx(sum(best) / 3)
        loss = tuner.load_model(trial).evaluate(*VALIDATION, verbose=0)
        assert loss == pytest.approx(min(best), rel=1e-5)
    assert len(weight_files(tuner)) == 2


@pytest.mark.parametrize("lazy", [False, True])
def test_weights_saved_by_hand(tmp_path, lazy):
    def build(hp):
        model = Subclassed(hp.Int("units", 2, 5)) if lazy else linear(hp.Float("rate", 0.01, 0.9))
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    def run_trial(self, trial, x, y):
        model = self.hypermodel.build(trial.hyperparameters)
        history = model.fit(x, y, epochs=2, validation_data=VALIDATION, verbose=0)
        self.save_model(trial.trial_id, model, step=1)
        return history

    tuner = tuner_with(run_trial, tmp_path, build, keep_checkpoints=1)
    tuner.search(X, Y, verbose=0)
    for trial in tuner.trials:
        assert set(tuner.history(trial)[0]) == {"loss", "val_loss"}
    best = tuner.get_best_trials()[0]
    assert weight_files(tuner) == [f"trial_{best.trial_id}_execution0.weights.h5"]
    loss = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(tuner.history(best)[0]["val_loss"][-1], rel=1e-5)


def test_weights_that_nobody_names_do_not_stay(tmp_path):
    def run_trial(self, trial, *args, **kwargs):
        kt.RandomSearch.run_trial(self, trial, *args, **kwargs)
        raise ValueError("after training")

    tuner = tuner_with(run_trial, tmp_path, max_trials=1)
    with pytest.raises(RuntimeError, match="after training"):
        tuner.search(X, Y, **FIT)
    assert tuner.trials[0].status == "FAILED"
    assert weight_files(tuner) == []


def test_callbacks_and_verbose_reach_run_trial(tmp_path):
    seen = []

    def run_trial(self, trial, x, **kwargs):
        seen.append((x, sorted(kwargs), kwargs.get("verbose")))
        return 1.0

    callback = keras.callbacks.EarlyStopping()
    tuner = tuner_with(run_trial, tmp_path, max_trials=1)
    tuner.search("x", callbacks=[callback], anything=1, verbose=0)
    assert seen == [("x", ["anything", "callbacks", "verbose"], 0)]


def test_a_run_trial_without_keywords(tmp_path):
    tuner = tuner_with(
        lambda self, trial: trial.hyperparameters.Float("x", 0, 1), tmp_path, None, None
    )
    tuner.search(verbose=0)
    assert [trial.score for trial in tuner.trials] == [t.values["x"] for t in tuner.trials]
    with pytest.raises(StoreError, match="has no weights"):
        tuner.get_best_models()
    with pytest.raises(ValueError, match="This tuner has no hypermodel"):
        tuner.retrain(None, X, Y)


def test_training_by_a_tuner_without_a_hypermodel(tmp_path):
    def run_trial(self, trial, *args, **kwargs):
        return kt.RandomSearch.run_trial(self, trial, *args, **kwargs)

    tuner = tuner_with(run_trial, tmp_path, None)
    with pytest.raises(FatalValueError, match="This tuner has no hypermodel"):
        tuner.search(X, Y, **FIT)


def test_wrong_arguments_to_super(tmp_path):
    def run_trial(self, trial, *args, **kwargs):
        return kt.RandomSearch.run_trial(self, trial, *args, epoch=3, **kwargs)

    with pytest.raises(FatalTypeError, match="unexpected keyword argument 'epoch'"):
        tuner_with(run_trial, tmp_path).search(X, Y, **FIT)


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (None, FatalTypeError, r"Own.run_trial\(\) must return a float.*forget to return"),
        ({"loss": 1.0}, FatalValueError, r"that Own.run_trial\(\) reports. There is no 'val_loss'"),
    ],
)
def test_results_that_mean_nothing(tmp_path, returned, error, text):
    tuner = tuner_with(lambda self, trial, *args, **kwargs: returned, tmp_path)
    with pytest.raises(error, match=text):
        tuner.search(X, Y, **FIT)


def test_run_trial_is_not_called_by_hand(tmp_path):
    tuner = kt.RandomSearch(build, "val_loss", directory=tmp_path)
    with pytest.raises(RuntimeError, match=r"called by search\(\)"):
        tuner.run_trial(None, X, Y)


# ---------------------------------------------------------------------- the guide on failed trials


def fragile(hp):
    model = keras.Sequential([keras.Input((4,))])
    for index in range(hp.Int("layers", 1, 2)):
        units = hp.Int(f"units_{index}", 1, 3)
        model.add(keras.layers.Dense(units))
    if model.count_params() > 15:
        raise kt.errors.FailedTrialError("The model is too large.")
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def test_failed_trials_are_marked_and_left_behind(tmp_path):
    tuner = kt.RandomSearch(
        hypermodel=fragile,
        objective="val_loss",
        max_trials=6,
        seed=2,
        overwrite=True,
        max_retries_per_trial=3,
        max_consecutive_failed_trials=8,
        directory=tmp_path,
    )
    tuner.search(X, Y, **FIT)
    statuses = {str(trial.status) for trial in tuner.trials}
    assert statuses == {"COMPLETED", "FAILED"}
    for trial in tuner.trials:
        assert len(trial.executions) == 1
        if trial.status == "FAILED":
            assert trial.failure.endswith("FailedTrialError: The model is too large.")
    assert all(trial.status == "COMPLETED" for trial in tuner.get_best_trials(6))
