"""Scripts for KerasTuner that search with its tuners and read the results."""

import copy
import json
import pickle

import numpy as np
import pytest
import tensorflow as tf

import kerastune_lite as kt
from tests.compat_kerastuner.small_models import FIT, X, Y, build
from tests.keras.models import keras


def test_a_table_of_all_trials(tmp_path):
    tuner = kt.RandomSearch(build, "val_loss", max_trials=3, seed=1, directory=tmp_path)
    tuner.search(X[:16], Y[:16], epochs=2, **FIT)
    names = [hp.name for hp in tuner.oracle.hyperparameters.space]
    rows = []
    for trial_id, trial in sorted(tuner.oracle.trials.items()):
        last = {name: trial.metrics.get_last_value(name) for name in trial.metrics.metrics}
        history = trial.metrics.get_history("val_loss")
        assert (len(history), history[-1].step) == (1, trial.best_step)
        rows.append({"id": trial_id, "score": trial.score, **trial.hyperparameters.values, **last})
    assert set(rows[0]) == {"id", "score", *names, "loss", "mae", "val_loss", "val_mae"}
    best = min(rows, key=lambda row: row["score"])
    best_trial = tuner.oracle.get_best_trials(num_trials=1)[0]
    assert (best["id"], best["score"]) == (best_trial.trial_id, best["val_loss"])
    stored = best_trial.hyperparameters.get_config()["values"] | {"Score": best_trial.score}
    assert stored == {"units": best["units"], "lr": best["lr"], "Score": best["score"]}
    assert (tuner.oracle.objective.name, tuner.oracle.objective.direction) == ("val_loss", "min")
    assert len(tuner.oracle.get_best_trials(tuner.oracle.max_trials)) == 3


def test_a_search_that_is_reloaded_and_continued(tmp_path):
    def tuner_of(max_trials):
        return kt.RandomSearch(
            build, objective="val_loss", max_trials=max_trials, directory=tmp_path, seed=1,
            project_name="p", overwrite=False,
        )  # fmt: skip

    tuner_of(2).search(X[:16], Y[:16], epochs=1, **FIT)
    tuner = tuner_of(4)
    tuner.reload()
    assert (len(tuner.oracle.trials), tuner.remaining_trials) == (2, 2)
    tuner.search(X[:16], Y[:16], epochs=1, **FIT)
    best = tuner.oracle.get_best_trials(20)
    best.sort(key=lambda trial: trial.metrics.get_best_value("val_mae"), reverse=True)
    assert len(best) == len(tuner.oracle.end_order) == 4


def test_the_best_values_changed_built_and_stored(tmp_path):
    tuner = kt.RandomSearch(build, "val_loss", max_trials=1, directory=tmp_path)
    tuner.search(X[:16], Y[:16], epochs=1, **FIT)
    best = tuner.get_best_hyperparameters(num_trials=1)[0]
    best.values["units"] = 6
    model = tuner.hypermodel.build(best)
    losses = model.fit(X[:16], Y[:16], epochs=2, **FIT).history["val_loss"]
    assert losses.index(min(losses)) + 1 in (1, 2)
    stored = pickle.loads(pickle.dumps(best))  # noqa: S301
    assert json.loads(json.dumps(stored.values)) == best.values
    assert tuner.hypermodel.build(stored).layers[0].units == 6


def test_hyperparameters_copied_merged_and_stored():
    hp = kt.HyperParameters()
    hp.Int("layers", 1, 3)
    hp.Choice("activation", ["relu", "tanh"], default="tanh")
    with hp.conditional_scope("activation", ["tanh"]):
        hp.Float("slope", 1e-4, 1e-1, sampling="log")
    with hp.name_scope("head"):
        hp.Int("units", 1, 5, step=2)
    stored = kt.HyperParameters.from_config(hp.get_config())
    stored.values["layers"] = 3
    assert copy.deepcopy(stored).values == {**hp.values, "layers": 3}
    other = kt.HyperParameters()
    other.Int("layers", 1, 9)
    other.Boolean("new")
    merged = hp.copy()
    merged.merge(other)
    assert merged.values == {**hp.values, "new": False}
    again = kt.HyperParameters()
    again.merge(hp.space)
    assert again.values == {"layers": 1, "activation": "tanh", "slope": 1e-4, "head/units": 1}
    again.values["activation"] = "relu"
    assert not again.is_active("slope")
    assert [len(each.conditions) for each in hp.space] == [0, 0, 1, 0]


def test_several_inputs_outputs_and_objectives(tmp_path):
    def two_outputs(hp):
        a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
        hidden = keras.layers.Dense(hp.Int("units", 2, 4))(keras.layers.Concatenate()([a, b]))
        outputs = {name: keras.layers.Dense(1, name=name)(hidden) for name in ("p", "q")}
        model = keras.Model([a, b], outputs)
        model.compile("sgd", {"p": "mse", "q": "mae"}, metrics={"p": ["mae"]})
        return model

    data = tf.data.Dataset.from_tensor_slices(({"a": X, "b": Y}, {"p": Y, "q": Y})).batch(8)
    objective = kt.objectives.Sum(["val_loss", kt.Objective("val_p_mae", "min")])
    tuner = kt.RandomSearch(two_outputs, objective, max_trials=2, directory=tmp_path)
    tuner.search(data, validation_data=data, epochs=1, verbose=0)
    assert [each.name for each in tuner.oracle.objective.objectives] == ["val_loss", "val_p_mae"]
    for trial in tuner.oracle.trials.values():
        parts = [trial.metrics.get_best_value(name) for name in ("val_loss", "val_p_mae")]
        assert trial.score == pytest.approx(sum(parts))


def test_a_metric_written_as_a_function(tmp_path):
    def explained(y_true, y_pred):
        ops = keras.ops
        rest = ops.sum(ops.square(y_true - y_pred))
        return 1 - rest / ops.sum(ops.square(y_true - ops.mean(y_true)))

    def build_explained(hp):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hp.Int("units", 1, 3))])
        model.add(keras.layers.Dense(1))
        model.compile("sgd", "mse", metrics=[explained])
        return model

    tuner = kt.BayesianOptimization(
        build_explained, kt.Objective("val_explained", direction="max"), max_trials=2,
        num_initial_points=1, alpha=1e-4, beta=2.6, directory=tmp_path,
    )  # fmt: skip
    tuner.search(X, Y, validation_split=0.3, epochs=1, batch_size=8, verbose=0)
    scores = [trial.score for trial in tuner.oracle.trials.values()]
    assert tuner.oracle.get_best_trials()[0].score == max(scores)


def test_several_trainings_in_fit(tmp_path):
    class Repeated(kt.HyperModel):
        def __init__(self, repeats, **kwargs):
            super().__init__(name="repeated", tunable=True)
            self.repeats = repeats

        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, x, y, validation_data=None, callbacks=None, **kwargs):
            batch_size = hp.Choice("batch_size", [8, 16])
            losses = [
                model.fit(
                    x, y, batch_size=batch_size, validation_data=validation_data,
                    callbacks=callbacks, **kwargs,
                ).history["val_loss"]
                for _ in range(self.repeats)
            ]  # fmt: skip
            return {"val_loss": float(np.min(losses)), "extra": 1.0}

    hypermodel = Repeated(2)
    tuner = kt.RandomSearch(
        hypermodel, "val_loss", max_trials=2, executions_per_trial=2, directory=tmp_path
    )
    tuner.search(X[:16], Y[:16], epochs=1, **FIT)
    assert (tuner.hypermodel is hypermodel, hypermodel.name) == (True, "repeated")
    for trial in tuner.oracle.trials.values():
        assert trial.score == trial.metrics.get_best_value("val_loss")
        assert trial.metrics.get_best_value("extra") == 1.0
        assert "batch_size" in trial.hyperparameters.values


def test_a_callback_that_reads_the_tuner(tmp_path):
    class Best(keras.callbacks.Callback):
        def __init__(self, tuner):
            super().__init__()
            self.tuner, self.seen = tuner, []

        def __deepcopy__(self, memo):
            return self

        def on_epoch_end(self, epoch, logs=None):
            best = self.tuner.oracle.get_best_trials(1)
            if best:
                assert self.tuner.get_best_hyperparameters(1)[0].values == best[0].values
            self.seen.append((len(self.tuner.oracle.trials), bool(best)))

    tuner = kt.RandomSearch(build, "val_loss", max_trials=3, directory=tmp_path)
    watching = Best(tuner)
    tuner.search(X[:16], Y[:16], epochs=1, callbacks=[watching], **FIT)
    assert watching.seen == [(1, False), (2, True), (3, True)]


def test_generators_and_steps(tmp_path):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, place):
            return X[place * 8 : place * 8 + 8], Y[place * 8 : place * 8 + 8]

    tuner = kt.RandomSearch(build, "loss", max_trials=2, directory=tmp_path)
    stopping = keras.callbacks.EarlyStopping("loss", patience=1)
    tuner.search(Batches(), epochs=1, steps_per_epoch=2, callbacks=[stopping], verbose=0)
    assert all(trial.score is not None for trial in tuner.oracle.trials.values())


def test_the_summary_of_a_trial_is_printed(tmp_path, capsys):
    hp = kt.HyperParameters()
    hp.Fixed("lr", 1e-2)
    hp.Int("units", 2, 8, step=2)
    tuner = kt.RandomSearch(
        build, "val_loss", max_trials=1, hyperparameters=hp, tune_new_entries=False,
        directory=tmp_path,
    )  # fmt: skip
    tuner.search(X[:16], Y[:16], epochs=1, **FIT)
    best = tuner.oracle.get_best_trials(1)[0]
    capsys.readouterr()
    best.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"Trial {best.trial_id} summary", "Hyperparameters:"]
    assert set(lines[2:4]) == {f"units: {best.values['units']}", "lr: 0.01"}
    assert lines[4] == f"Score: {best.score}"


def test_the_tutorial_of_tensorflow(tmp_path):
    tuner = kt.Hyperband(
        build, objective="val_loss", max_epochs=4, factor=3, directory=tmp_path,
        project_name="intro_to_kt",
    )  # fmt: skip
    stop_early = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5)
    tuner.search(X, Y, epochs=50, validation_split=0.2, callbacks=[stop_early], verbose=0)
    best_hps = tuner.get_best_hyperparameters(num_trials=1)[0]
    assert best_hps.get("units") in (2, 4, 6, 8)
    model = tuner.hypermodel.build(best_hps)
    history = model.fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    losses = history.history["val_loss"]
    best_epoch = losses.index(min(losses)) + 1
    hypermodel = tuner.hypermodel.build(best_hps)
    hypermodel.fit(X, Y, epochs=best_epoch, validation_split=0.2, verbose=0)
    assert len(hypermodel.evaluate(X, Y, verbose=0)) == 2
    assert max(trial.epochs for trial in tuner.trials) == 4
