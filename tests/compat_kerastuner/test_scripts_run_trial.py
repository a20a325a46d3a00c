"""Scripts for KerasTuner whose tuners override `run_trial` and other methods."""

from __future__ import annotations

import json
import os
import pickle

import numpy as np
import pytest
from sklearn import linear_model, model_selection

import kerastune_lite as kt
from tests.compat_kerastuner.small_models import FIT, X, Y, build
from tests.keras.models import keras


def space():
    hp = kt.HyperParameters()
    hp.Int("x", 0, 9)
    return hp


def trials_of(tuner):
    return list(tuner.oracle.trials.values())


def test_cross_validation_reported_to_the_oracle(tmp_path):
    class CVTuner(kt.engine.tuner.Tuner):
        def run_trial(self, trial, x, y, batch_size=32, epochs=1):
            losses = []
            for train, test in model_selection.KFold(2).split(x):
                model = self.hypermodel.build(trial.hyperparameters)
                model.fit(x[train], y[train], batch_size=batch_size, epochs=epochs, verbose=0)
                losses.append(model.evaluate(x[test], y[test], verbose=0)[0])
            self.oracle.update_trial(trial.trial_id, {"val_loss": np.mean(losses)})
            self.save_model(trial.trial_id, model)

    tuner = CVTuner(
        hypermodel=build,
        oracle=kt.oracles.BayesianOptimizationOracle(objective="val_loss", max_trials=2),
        directory=tmp_path,
    )
    tuner.search(X, Y, batch_size=8, epochs=1)
    assert [trial.metrics.get_last_value("val_loss") for trial in trials_of(tuner)] == [
        trial.score for trial in trials_of(tuner)
    ]
    assert tuner.get_best_models()[0].predict(X[:2], verbose=0).shape == (2, 1)


def test_batch_size_and_epochs_tuned(tmp_path):
    seen = []

    class Tuned(kt.tuners.BayesianOptimization):
        def run_trial(self, trial, *args, **kwargs):
            kwargs["batch_size"] = trial.hyperparameters.Int("batch_size", 4, 8, step=4)
            kwargs["epochs"] = trial.hyperparameters.Int("epochs", 1, 3)
            histories = super(Tuned, self).run_trial(trial, *args, **kwargs)  # noqa: UP008
            seen.append(len(histories[0].history["loss"]))
            return histories

    tuner = Tuned(build, objective="val_loss", max_trials=3, directory=tmp_path)
    tuner.search(X[:16], Y[:16], **FIT)
    assert seen == [trial.hyperparameters.get("epochs") for trial in trials_of(tuner)]
    assert {"batch_size", "epochs"} < set(tuner.get_best_hyperparameters()[0].values)


def test_several_trainings_in_one_trial(tmp_path):
    means = []

    class Folds(kt.RandomSearch):
        def run_trial(self, trial, x, y, **kwargs):
            losses = []
            for train, test in model_selection.KFold(2).split(x):
                validation = (x[test], y[test])
                histories = super().run_trial(
                    trial, x[train], y[train], validation_data=validation, **kwargs
                )
                losses.append(min(histories[0].history["val_loss"]))
            means.append(float(np.mean(losses)))
            return means[-1]

    tuner = Folds(build, objective="val_loss", max_trials=2, directory=tmp_path)
    tuner.search(X, Y, epochs=2, verbose=0)
    assert [trial.score for trial in trials_of(tuner)] == means


def test_epochs_that_hyperband_asks_for(tmp_path):
    trained = []

    class Own(kt.Hyperband):
        def run_trial(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            kwargs["epochs"] = hp["tuner/epochs"]
            kwargs["initial_epoch"] = hp["tuner/initial_epoch"]
            model = self.hypermodel.build(hp)
            history = model.fit(*args, batch_size=hp.Choice("batch_size", [8, 16]), **kwargs)
            trained.append((hp.get("tuner/epochs"), len(history.epoch)))
            self.oracle.update_trial(trial.trial_id, {"val_loss": min(history.history["val_loss"])})
            self.oracle._save_trial(trial)

    tuner = Own(build, "val_loss", max_epochs=2, factor=2, seed=42, directory=tmp_path)
    tuner.search(X[:16], Y[:16], **FIT)
    assert {epochs for epochs, _ in trained} == {1, 2}
    assert all(count <= epochs for epochs, count in trained)
    assert all(trial.score is not None for trial in trials_of(tuner))
    assert tuner.get_best_hyperparameters()[0].get("tuner/epochs") == 2


def test_hooks_called_by_hand(tmp_path):
    called = []

    class Loop(kt.Tuner):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            super().on_epoch_end(trial, model, epoch, logs=logs)
            called.append((trial.trial_id, epoch, logs["loss"]))

        def run_trial(self, trial, x):
            model = self.hypermodel.build(trial.hyperparameters)
            for epoch in range(2):
                self.on_epoch_begin(trial, model, epoch, logs={})
                self.on_batch_begin(trial, model, 0, logs={})
                loss = model * x / (epoch + 1)
                self.on_batch_end(trial, model, 0, logs={"loss": loss})
                self.on_epoch_end(trial, model, epoch, logs={"loss": loss})
            self.oracle.update_trial(trial.trial_id, {"loss": loss})

    tuner = Loop(
        oracle=kt.oracles.BayesianOptimization(objective=kt.Objective("loss", "min"), max_trials=2),
        hypermodel=lambda hp: hp.Int("model", 1, 5),
        directory=tmp_path,
    )
    tuner.search(10.0)
    assert [loss for _, epoch, loss in called if epoch == 1] == [t.score for t in trials_of(tuner)]


def test_metrics_reported_step_by_step(tmp_path):
    class Steps(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            x = trial.hyperparameters.Int("x", 0, 9)
            for step in range(3):
                metrics = {"val_loss": x + abs(step - 1), "accuracy": step / 10}
                self.oracle.update_trial(trial.trial_id, metrics, step=step)

    tuner = Steps(objective="val_loss", max_trials=3, directory=tmp_path)
    tuner.search()
    best = tuner.oracle.get_best_trials(1)[0]
    assert (best.best_step, best.score) == (1, best.hyperparameters.get("x"))
    history = best.metrics.get_history("val_loss")
    assert [(each.step, each.value[0] - best.score) for each in history] == [(0, 1), (1, 0), (2, 1)]
    assert best.metrics.get_last_value("val_loss") == best.score + 1
    stored = best.get_state()["metrics"]["metrics"]["accuracy"]
    assert stored["direction"] == "max"
    assert [each["value"] for each in stored["observations"]] == [[0.0], [0.1], [0.2]]
    assert {name: len(each.get_history()) for name, each in best.metrics.metrics.items()} == {
        "val_loss": 3,
        "accuracy": 3,
    }
    assert best.metrics.metrics["accuracy"].get_best_value() == 0.2


def test_models_of_other_libraries(tmp_path):
    class Sklearn(kt.engine.base_tuner.BaseTuner):
        def run_trial(self, trial, x, y, validation_data):
            model = self.hypermodel.build(trial.hyperparameters).fit(x, y)
            self.oracle.update_trial(trial.trial_id, {"score": model.score(*validation_data)})
            self.save_model(trial.trial_id, model)

        def _file(self, trial_id):
            return os.path.join(self.get_trial_dir(trial_id), "model.pickle")

        def save_model(self, trial_id, model, step=0):
            with open(self._file(trial_id), "wb") as file:
                pickle.dump(model, file)

        def load_model(self, trial):
            with open(self._file(trial.trial_id), "rb") as file:
                return pickle.load(file)  # noqa: S301

    tuner = Sklearn(
        kt.oracles.BayesianOptimizationOracle(kt.Objective("score", "max"), max_trials=3),
        lambda hp: linear_model.Ridge(alpha=hp.Float("alpha", 1e-3, 1e3, sampling="log")),
        directory=tmp_path,
        project_name="p",
    )
    tuner.search(X[:16], Y[:16], validation_data=(X[16:], Y[16:]))
    models = tuner.get_best_models(2)
    assert [model.score(X[16:], Y[16:]) for model in models] == [
        trial.score for trial in tuner.oracle.get_best_trials(2)
    ]
    assert len(list(tmp_path.glob("p/trial_*/model.pickle"))) == 3


def test_a_constructor_that_passes_everything_on(tmp_path):
    class Full(kt.Tuner):
        def __init__(
            self, oracle, hypermodel, max_model_size=None, optimizer=None, loss=None, metrics=None,
            distribution_strategy=None, directory=None, project_name=None, logger=None,
            tuner_id=None, overwrite=False,
        ):  # fmt: skip
            super().__init__(
                oracle, hypermodel, max_model_size=max_model_size, optimizer=optimizer, loss=loss,
                metrics=metrics, distribution_strategy=distribution_strategy, directory=directory,
                project_name=project_name, logger=logger, tuner_id=tuner_id, overwrite=overwrite,
            )  # fmt: skip

        def run_trial(self, trial, epochs=1):
            return {"val_loss": trial.hyperparameters.get("x") / epochs, "deviation": 0.1}

    tuner = Full(
        kt.oracles.RandomSearchOracle("val_loss", max_trials=2, hyperparameters=space()),
        None, directory=tmp_path, project_name="p", tuner_id="tuner7",
    )  # fmt: skip
    tuner.search(epochs=2)
    assert [t.score for t in trials_of(tuner)] == [
        t.hyperparameters.get("x") / 2 for t in trials_of(tuner)
    ]
    assert (tuner.tuner_id, tuner.logger, tuner.project_name) == ("tuner7", None, "p")


def test_what_is_noted_when_trials_end(tmp_path):
    class Noting(kt.RandomSearch):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.noted = []

        def on_trial_begin(self, trial):
            if self.logger:
                self.logger.register_trial(trial.trial_id, trial.get_state())
            super().on_trial_begin(trial)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            held = self.oracle.get_trial(trial.trial_id)
            self.noted.append((held.score, trial.score, trial.status == "COMPLETED"))
            self.best = self.oracle.get_best_trials(1)[0].score

        def run_trial(self, trial, *args, **kwargs):
            return float(trial.hyperparameters.get("x"))

    tuner = Noting(max_trials=3, hyperparameters=space(), directory=tmp_path)
    tuner.search()
    assert all(held == own and completed for held, own, completed in tuner.noted)
    assert tuner.best == min(score for score, _, _ in tuner.noted)


def test_curves_collected_epoch_by_epoch(tmp_path):
    class Collecting(kt.GridSearch):
        histories = {}  # noqa: RUF012

        def on_epoch_end(self, trial, model, epoch, logs=None):
            curves = self.histories.setdefault(trial.trial_id, {})
            for name, value in logs.items():
                curves.setdefault(name, []).append(value)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            path = os.path.join(self.get_trial_dir(trial.trial_id), "history.json")
            with open(path, "w") as file:
                json.dump(self.histories[trial.trial_id], file)

    tuner = Collecting(build, "val_loss", max_trials=2, directory=tmp_path, project_name="p")
    tuner.search(X[:16], Y[:16], epochs=2, **FIT)
    files = sorted(tmp_path.glob("p/trial_*/history.json"))
    losses = [min(json.loads(path.read_text())["val_loss"]) for path in files]
    assert losses == pytest.approx([trial.score for trial in trials_of(tuner)])


def test_callbacks_made_for_each_trial(tmp_path):
    class OfTrial(kt.BayesianOptimization):
        def run_trial(self, trial, *args, **kwargs):
            folder = tmp_path / f"run_{trial.trial_id}"
            folder.mkdir()
            kwargs["callbacks"] = [
                keras.callbacks.CSVLogger(str(folder / "log.csv")),
                keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
            ]
            return super().run_trial(trial, *args, **kwargs)

    tuner = OfTrial(build, "val_loss", max_trials=2, directory=tmp_path)
    tuner.search(X[:16], Y[:16], epochs=2, **FIT)
    logs = [path.read_text().splitlines() for path in sorted(tmp_path.glob("run_*/log.csv"))]
    assert [len(lines) for lines in logs] == [3, 3]


def test_the_model_of_the_running_trial_is_loaded(tmp_path):
    class Saving(kt.RandomSearch):
        losses = ()

        def run_trial(self, trial, *args, **kwargs):
            histories = super().run_trial(trial, *args, **kwargs)
            assert self.oracle.get_trial(trial.trial_id).status == "RUNNING"
            loss = self.load_model(trial).evaluate(X[16:], Y[16:], verbose=0)[0]
            self.losses += (loss,)
            return histories

    tuner = Saving(build, "val_loss", max_trials=2, directory=tmp_path)
    tuner.search(X[:16], Y[:16], epochs=2, **FIT)
    assert tuner.losses == pytest.approx([trial.score for trial in trials_of(tuner)], rel=1e-5)


def test_a_model_built_and_checked_by_the_tuner(tmp_path):
    class Building(kt.BayesianOptimization):
        def _build_and_fit_model(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            model = self._try_build(hp)
            batch_size = hp.Choice("batch_size", [8, 16])
            return self.hypermodel.fit(hp, model, *args, batch_size=batch_size, **kwargs)

    tuner = Building(build, "val_loss", max_trials=5, max_model_size=26, seed=0, directory=tmp_path)
    tuner.search(X[:16], Y[:16], epochs=1, **FIT)
    sizes = {trial.hyperparameters.get("units"): str(trial.status) for trial in trials_of(tuner)}
    assert sizes == {u: "COMPLETED" if u * 4 + u + 1 <= 26 else "FAILED" for u in sizes}
    assert all("batch_size" in t.values for t in trials_of(tuner) if t.status == "COMPLETED")


def test_attributes_set_on_a_running_trial(tmp_path):
    class Setting(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            x = trial.hyperparameters.get("x")
            trial.my_notes = [x]
            if x % 2:
                trial.status = kt.engine.trial.TrialStatus.INVALID
                raise kt.errors.FailedTrialError("odd")
            return {"val_loss": float(x), "seen": np.float32(len(trial.my_notes))}

    tuner = Setting(
        objective="val_loss", max_trials=6, seed=1, hyperparameters=space(), directory=tmp_path,
        max_consecutive_failed_trials=7,
    )  # fmt: skip
    tuner.search()
    for trial in trials_of(tuner):
        odd = trial.hyperparameters.get("x") % 2
        assert trial.status == ("FAILED" if odd else "COMPLETED")
        assert ("odd" in (trial.message or "")) == bool(odd)
    assert {str(trial.status) for trial in trials_of(tuner)} == {"FAILED", "COMPLETED"}


def test_values_set_in_run_trial(tmp_path):
    class Setting(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            trial.hyperparameters.values["x"] = 5
            return float(trial.hyperparameters.get("x"))

    tuner = Setting(max_trials=1, hyperparameters=space(), directory=tmp_path)
    tuner.search()
    assert tuner.get_best_hyperparameters()[0].values == {"x": 5}


def test_search_is_not_replaced(tmp_path):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            return 1.0

        def search(self, *args, **kwargs):
            self.oracle.create_trial(self.tuner_id)

    tuner = Own(max_trials=2, hyperparameters=space(), directory=tmp_path)
    with pytest.raises(RuntimeError, match=r"override run_trial\(trial, ...\)"):
        tuner.search()
