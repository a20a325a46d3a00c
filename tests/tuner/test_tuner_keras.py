"""Whole searches over Keras models, on data that trains in milliseconds."""

import math

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.util.errors import (
    FatalRuntimeError,
    FatalTypeError,
    FatalValueError,
    StoreError,
)
from tests.keras.models import Subclassed, data, keras, linear

X, Y = data(24)
VALIDATION = data(12, seed=1)
FIT = {"validation_data": VALIDATION, "epochs": 2, "verbose": 0}


def build(hp):
    return linear(hp.Float("learning_rate", 1e-3, 0.9, sampling="log"), metrics=["mae"])


def make(tmp_path, hypermodel=build, objective="val_loss", max_trials=2, **arguments):
    arguments = {"seed": 5, "directory": tmp_path, "project_name": "p", **arguments}
    return kt.RandomSearch(hypermodel, objective, max_trials, **arguments)


def searched(tmp_path, *args, fit=FIT, **arguments):
    tuner = make(tmp_path, *args, **arguments)
    tuner.search(X, Y, **fit)
    return tuner


def weight_files(tuner):
    from pathlib import Path

    return sorted(path.name for path in Path(tuner.project_dir, "checkpoints").glob("*"))


def test_the_score_is_that_of_the_best_epoch(tmp_path):
    for objective, best in (("val_loss", np.argmin), (kt.Objective("val_mae", "max"), np.argmax)):
        name = getattr(objective, "name", objective)
        tuner = searched(tmp_path, build, objective, project_name=name, max_trials=2)
        for trial in tuner.trials:
            (curves,) = tuner.history(trial)
            assert set(curves) == {"loss", "mae", "val_loss", "val_mae"}
            epoch = int(best(curves[name]))
            assert trial.score == curves[name][epoch]
            assert trial.best_step == epoch
            assert trial.metrics == {n: values[epoch] for n, values in curves.items()}
        scores = [trial.score for trial in tuner.get_best_trials(2)]
        assert scores == sorted(scores, reverse=best is np.argmax)


def test_a_score_over_executions_is_their_mean(tmp_path):
    tuner = searched(tmp_path, executions_per_trial=3, max_trials=2, fit={**FIT, "epochs": 2})
    for trial in tuner.trials:
        curves = tuner.history(trial)
        assert len(curves) == len(trial.executions) == 3
        best = [min(curve["val_loss"]) for curve in curves]
        assert len(set(best)) == 3
        assert trial.score == pytest.approx(np.mean(best), rel=1e-12)
        assert [execution.score for execution in trial.executions] == best
    best = tuner.get_best_trials()[0]
    expected = min(execution.score for execution in best.executions)
    loss, _ = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert len(weight_files(tuner)) == 2


@pytest.mark.parametrize("restores", [False, True])
def test_the_best_model_scores_what_its_trial_scored(tmp_path, restores):
    # The callback restores the weights of another epoch than the one that counts.
    stopping = keras.callbacks.EarlyStopping(
        "loss", patience=9, restore_best_weights=restores, start_from_epoch=1
    )
    objective = kt.Objective("val_mae", "max")
    tuner = searched(tmp_path, build, objective, fit={**FIT, "callbacks": [stopping]})
    assert 0 in {trial.best_step for trial in tuner.trials}
    for trial, model in zip(tuner.get_best_trials(3), tuner.get_best_models(3), strict=True):
        _, mae = model.evaluate(*VALIDATION, verbose=0)
        assert mae == pytest.approx(trial.score, rel=1e-5)


def test_early_stopping_works_for_every_trial(tmp_path):
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=1e9)
    tuner = searched(tmp_path, fit={**FIT, "epochs": 9, "callbacks": [stopping]})
    assert [len(tuner.history(trial)[0]["loss"]) for trial in tuner.trials] == [2, 2]


def test_validation_that_is_rare(tmp_path):
    tuner = searched(tmp_path, fit={**FIT, "epochs": 4, "validation_freq": 2}, max_trials=2)
    for trial in tuner.trials:
        (curves,) = tuner.history(trial)
        assert [math.isnan(value) for value in curves["val_loss"]] == [True, False] * 2
        assert trial.best_step in (1, 3)
        assert trial.metrics["loss"] == curves["loss"][trial.best_step]
    loss, _ = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
    assert loss == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)


def outcome(tuner):
    return [(dict(trial.values), trial.score) for trial in tuner.trials]


def test_the_same_seed_gives_the_same_search(tmp_path):
    def dropping(hp):
        model = keras.Sequential(
            [keras.layers.Dense(hp.Int("units", 2, 9)), keras.layers.Dropout(0.5)]
        )
        model.compile("adam", "mse", run_eagerly=True)
        return model

    first = searched(tmp_path, dropping, seed=0, project_name="1")
    keras.layers.Dense(1)
    second = searched(tmp_path, dropping, seed=0, project_name="2")
    other = searched(tmp_path, dropping, seed=2, project_name="3", max_trials=2)
    assert outcome(first) == outcome(second)
    assert not {score for _, score in outcome(first)} & {score for _, score in outcome(other)}
    assert first.seed == 0


def test_weights_are_kept_for_the_best_trials_only(tmp_path):
    tuner = searched(tmp_path, max_trials=4, keep_checkpoints=2)
    best = tuner.get_best_trials(4)
    kept = [f"trial_{trial.trial_id}_execution0.weights.h5" for trial in best[:2]]
    assert weight_files(tuner) == sorted(kept)
    for trial, model in zip(best, tuner.get_best_models(2), strict=False):
        assert model.evaluate(*VALIDATION, verbose=0)[0] == pytest.approx(trial.score, rel=1e-5)
    with pytest.raises(StoreError, match="only the best 2 trials keep theirs"):
        tuner.load_model(best[2])

    assert main(["prune", tuner.project_dir, "--keep", "1", "--yes", "--quiet"]) == 0
    assert weight_files(tuner) == kept[:1]
    with pytest.raises(StoreError, match="were deleted, by `kerastune prune`"):
        tuner.load_model(best[1])


def test_no_weights_at_all(tmp_path):
    tuner = searched(tmp_path, keep_checkpoints=0)
    assert weight_files(tuner) == []
    with pytest.raises(StoreError, match="only the best 0 trials"):
        tuner.get_best_models()


def test_best_models_of_a_reopened_project(tmp_path):
    score = searched(tmp_path).get_best_trials()[0].score
    again = make(tmp_path)
    assert again.get_best_models()[0].evaluate(*VALIDATION, verbose=0)[0] == pytest.approx(score)
    project = kt.open_project(tmp_path / "p")
    assert project.get_best_trials()[0].score == score


def test_a_model_that_its_builder_leaves_unbuilt(tmp_path):
    def lazily(hp):
        model = Subclassed(hp.Int("units", 2, 5))
        model.compile("adam", "mse", run_eagerly=True)
        return model

    tuner = searched(tmp_path, lazily)
    for _ in range(2):
        loss = tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)
        assert loss == pytest.approx(tuner.get_best_trials()[0].score, rel=1e-5)
        tuner = make(tmp_path, lazily)


@pytest.mark.slow
def test_a_limit_on_the_size_of_models(tmp_path):
    def growing(hp, **arguments):
        layers = [keras.layers.Dense(hp.Int("units", 1, 3)), keras.layers.Dense(1)]
        model = keras.Sequential([*arguments.get("first", []), *layers])
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    for name, first in (("late", []), ("at once", [keras.Input((4,))])):
        tuner = searched(
            tmp_path, lambda hp, first=first: growing(hp, first=first), max_trials=3,
            max_model_size=13, max_retries_per_trial=2, project_name=name,
        )  # fmt: skip
        for trial in tuner.trials:
            assert (trial.status == "COMPLETED") == (trial.values["units"] <= 2)
            assert len(trial.executions) == 1
        assert {t.failure for t in tuner.trials} - {None} == {
            "kerastune_lite.errors.FailedTrialError: The model has 19 parameters, more than "
            "the 13 that max_model_size or a constraint allows."
        }


# ---------------------------------------------------------------------- arguments that cannot work


def test_a_wrong_metric_fails_in_the_first_trial(tmp_path):
    tuner = make(tmp_path, objective=kt.Objective("val_acc", "max"))
    with pytest.raises(FatalValueError, match="no 'val_acc'; there are: loss, mae, val_loss, val_"):
        tuner.search(X, Y, **{**FIT, "epochs": 1000})
    assert len(tuner.trials) == 1


@pytest.mark.parametrize(
    ("hypermodel", "error", "text"),
    [
        (lambda hp: None, FatalTypeError, "forget `return model`"),
        (lambda hp: 3, FatalTypeError, "must return a Keras model"),
    ],
)
def test_a_builder_that_builds_nothing(tmp_path, hypermodel, error, text):
    with pytest.raises(error, match=text):
        make(tmp_path, hypermodel)


def test_an_uncompiled_model(tmp_path):
    with pytest.raises(FatalValueError, match="must compile its model"):
        make(tmp_path, lambda hp: keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))


def test_an_unknown_direction(tmp_path):
    with pytest.raises(ValueError, match=r"minimised or maximised.*mistyped\? .*reports .*loss"):
        make(tmp_path, objective="val_profit")


def test_callbacks_that_cannot_be_copied(tmp_path):
    class Locked(keras.callbacks.Callback):
        def __init__(self, generator):
            super().__init__()
            self.generator = generator

    callback = Locked(iter(i for i in range(3)))
    tuner = make(tmp_path, max_trials=2)
    with pytest.raises(FatalValueError, match="Locked cannot be copied"):
        tuner.search(X, Y, callbacks=[callback], **FIT)
    assert tuner.trials == []
    seen = []

    def make_callbacks(trial):
        seen.append(dict(trial.values))
        return [callback]

    tuner.search(X, Y, callbacks=make_callbacks, **FIT)
    assert seen == [trial.values for trial in tuner.trials]


# ---------------------------------------------------------------------- spaces that grow


@pytest.mark.slow
def test_a_space_of_python_branches_grows_with_the_search(tmp_path):
    def branching(hp):
        hp.Choice("kind", ["plain", "deep"])
        layers = [keras.Input((4,))]
        if hp.get("kind") == "deep":
            for index in range(hp.Int("layers", 1, 2)):
                layers.append(keras.layers.Dense(hp.Int(f"units_{index}", 2, 6)))
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    tuner = make(tmp_path, branching, max_trials=8)
    assert tuner.space.names == ["kind"]
    tuner.search(X, Y, validation_data=VALIDATION, verbose=0)
    assert tuner.space.names == ["kind", "layers", "units_0", "units_1"]
    for trial in tuner.trials:
        values = dict(trial.values)
        expected = ["kind"]
        if values["kind"] == "deep":
            expected += ["layers", *(f"units_{i}" for i in range(values["layers"]))]
        assert list(values) == expected
    assert sum(trial.values == {"kind": "plain"} for trial in tuner.trials) == 1
    for trial, model in zip(tuner.get_best_trials(8), tuner.get_best_models(8), strict=True):
        assert len(model.layers) == 1 + trial.values.get("layers", 0)
        assert model.evaluate(*VALIDATION, verbose=0) == pytest.approx(trial.score, rel=1e-5)


def test_a_space_that_may_not_grow(tmp_path):
    given = kt.HyperParameters()
    given.Float("learning_rate", 0.01, 0.1)

    class Late(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Choice("size", [2, 4]), **kwargs)

    tuner = make(tmp_path, Late(), hyperparameters=given, allow_new_entries=False)
    with pytest.raises(FatalRuntimeError, match=r"asked for \['size'\]"):
        tuner.search(X, Y, **FIT)


@pytest.mark.slow
def test_points_of_the_users_own(tmp_path):
    class Late(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Choice("size", [2, 4, 8]), **kwargs)

    tuner = make(tmp_path, Late(), max_trials=2)
    with pytest.raises(ValueError, match=r"does not use \['size'\]"):
        tuner.enqueue({"size": 8})
    tuner.enqueue({"learning_rate": 0.125})
    tuner.search(X, Y, **FIT)
    assert tuner.trials[0].values["learning_rate"] == 0.125
    tuner = make(tmp_path, Late(), max_trials=3)
    tuner.enqueue({"learning_rate": 0.25, "size": 8})
    tuner.search(X, Y, **FIT)
    assert tuner.trials[2].values == {"learning_rate": 0.25, "size": 8}
    with pytest.raises(ValueError, match=r"enqueue\(\): 'size'"):
        tuner.enqueue({"learning_rate": 0.25, "size": 5})


# ---------------------------------------------------------------------- retraining


def test_retraining(tmp_path):
    def tuned(hp):
        hp.Choice("batch_size", [4, 6])
        hp.Fixed("epochs", 3)
        return build(hp)

    tuner = searched(tmp_path, tuned, fit={"validation_data": VALIDATION, "verbose": 0})
    best = tuner.get_best_trials()[0]
    model = tuner.retrain(None, X, Y, verbose=0)
    assert len(model.history.epoch) == best.best_step + 1
    assert model.history.params["steps"] == math.ceil(24 / best.values["batch_size"])
    rate = best.values["learning_rate"]
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
    worst = tuner.get_best_trials(2)[-1]
    model = tuner.retrain(worst, X, Y, 12, 5, verbose=0)
    assert (len(model.history.epoch), model.history.params["steps"]) == (5, 2)
    with pytest.raises(TypeError, match=r"Write tuner.retrain\(None, x, y\)"):
        tuner.retrain(X, Y)


def test_retraining_needs_a_trial(tmp_path):
    with pytest.raises(ValueError, match="no completed trial"):
        make(tmp_path).retrain(None, X, Y)


# ---------------------------------------------------------------------- hooks, settings


def test_hooks_of_a_subclass(tmp_path):
    calls = []

    class Hooked(kt.RandomSearch):
        def on_trial_begin(self, trial):
            calls.append(("trial", trial.number))

        def on_epoch_end(self, trial, model, epoch, logs=None):
            calls.append((trial.number, epoch, isinstance(model, keras.Model), "val_loss" in logs))

    tuner = Hooked(build, "val_loss", 2, seed=1, directory=tmp_path)
    tuner.search(X, Y, **{**FIT, "epochs": 2})
    expected = [[("trial", n), (n, 0, True, True), (n, 1, True, True)] for n in range(2)]
    assert calls == [*expected[0], *expected[1]]


def test_mixed_precision_stays_in_force(tmp_path):
    seen = []

    def noting(hp):
        seen.append(keras.config.dtype_policy().name)
        return build(hp)

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        tuner = searched(tmp_path, noting, max_trials=2)
    finally:
        keras.config.set_dtype_policy(before)
    assert set(seen) == {"mixed_bfloat16"}
    assert len(tuner.get_best_trials(2)) == 2


def test_metrics_per_class_do_no_harm(tmp_path):
    def classes(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])
        return model

    y = np.eye(3, dtype="float32")[np.arange(24) % 3]
    tuner = make(tmp_path, classes, max_trials=1)
    tuner.search(X, y, validation_split=0.5, verbose=0)
    assert set(tuner.trials[0].metrics) == {"loss", "val_loss"}


def test_overrides_of_compile(tmp_path):
    tuner = searched(
        tmp_path,
        lambda hp: keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("u", 1, 3))]),
        kt.Objective("val_off", "min"),
        optimizer=keras.optimizers.Adam(0.01),
        loss="mse",
        metrics=[keras.metrics.MeanAbsoluteError(name="off")],
    )
    (curves,) = tuner.history(0)
    assert set(curves) == {"loss", "off", "val_loss", "val_off"}
    assert tuner.get_best_models()[0].evaluate(*VALIDATION, verbose=0)[1] == pytest.approx(
        tuner.get_best_trials()[0].score, rel=1e-5
    )
