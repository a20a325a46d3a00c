"""search(workers=2) over Keras models; the first search starts two processes that load it."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite.schedulers import ASHA

keras = load_keras()

pytestmark = pytest.mark.slow

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 12)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")

ELSEWHERE = {"workers": 2, "trial_timeout": 600, "verbose": 0}


def build(hp):
    model = keras.Sequential([keras.Input((12,))])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 2, 16), "relu"))
    model.add(keras.layers.Dense(1, "sigmoid"))
    optimizer = keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-1, sampling="log"))
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


class Watched(kt.Tuner):
    """Notes in files where its hooks run, with what a class of the user's may hold."""

    def __init__(self, folder, *args, **kwargs):
        self.folder = folder
        super().__init__(*args, **kwargs)

    def note(self, hook, trial):
        with open(self.folder / f"{hook}.txt", "a") as file:
            file.write(f"{trial.number} {os.getpid()}\n")

    def on_epoch_end(self, trial, model, epoch, logs=None):
        assert model.count_params() > 0
        self.note("on_epoch_end", trial)

    def on_trial_end(self, trial):
        self.note("on_trial_end", trial)


class Noted(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        sys.stdout.write(f"epoch {epoch} of {self.params['epochs']}\n")


def noted(folder, hook):
    lines = (folder / f"{hook}.txt").read_text().splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def test_the_search_is_that_of_one_process(tmp_path):
    """Points, curves and weights, with callbacks and hooks, in a space that grows."""

    def searched(name, fit, **arguments):
        tuner = Watched(
            tmp_path,
            build,
            "val_loss",
            6,
            oracle=kt.oracles.RandomOracle(),
            seed=4,
            directory=tmp_path,
            project_name=name,
            **arguments,
        )
        given = [Noted(), keras.callbacks.EarlyStopping(patience=2)]
        tuner.search(X, Y, validation_split=0.3, epochs=3, callbacks=given, **fit)
        return tuner

    one = searched("one", {"verbose": 0})
    before = len(noted(tmp_path, "on_epoch_end"))
    two = searched("two", ELSEWHERE)
    assert [trial.values for trial in two.trials] == [trial.values for trial in one.trials]
    for mine, theirs in zip(one.trials, two.trials):
        assert theirs.path == mine.path == "NumPy"
        np.testing.assert_allclose(theirs.score, mine.score, rtol=1e-6)
        (curves,), (others,) = one.history(mine), two.history(theirs)
        for name, values in curves.items():
            np.testing.assert_allclose(others[name], values, rtol=1e-5)
        log = Path(two.project_dir, theirs.log).read_text()
        assert "epoch 0 of 3\n" in log
    for mine, theirs in zip(one.get_best_models(2), two.get_best_models(2)):
        for weights, others in zip(mine.get_weights(), theirs.get_weights()):
            np.testing.assert_allclose(others, weights, rtol=1e-4, atol=1e-6)
    here = os.getpid()
    assert here not in {pid for _, pid in noted(tmp_path, "on_epoch_end")[before:]}
    assert {pid for _, pid in noted(tmp_path, "on_trial_end")} == {here}


def test_rungs_and_run_trial(tmp_path, forked_workers):
    """Paused trials go on from their states in whichever worker is free."""

    class Mine(kt.RandomSearch):
        def run_trial(self, trial, *args, epochs, initial_epoch=0, **kwargs):
            size = trial.hyperparameters.Int("batch", 16, 64)
            told = {**kwargs, "batch_size": size, "epochs": epochs}
            return super().run_trial(trial, *args, **told)

    tuner = Mine(build, "val_loss", 8, scheduler=ASHA(max_epochs=4), directory=tmp_path, seed=0)
    data = {"x": X, "y": Y, "validation_split": 0.3}
    tuner.search(data_fn=lambda: data, **ELSEWHERE)
    assert [trial.status.value for trial in tuner.trials] == ["COMPLETED"] * 8
    epochs = [trial.epochs for trial in tuner.trials]
    assert set(epochs) <= {1, 2, 4}
    assert max(epochs) == 4
    assert all("batch" in trial.values for trial in tuner.trials)
    for trial in tuner.trials:
        (curves,) = tuner.history(trial)
        assert len(curves["val_loss"]) == trial.epochs
    tuner.get_best_models()[0].predict(X[:3], verbose=0)


def test_weights_are_in_the_project_although_build_changes_the_directory(
    tmp_path, monkeypatch, forked_workers
):
    def moving(hp):
        os.chdir(tmp_path / "elsewhere")
        return build(hp)

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    tuner = kt.RandomSearch(moving, "val_loss", 2, directory=".", project_name="p", seed=0)
    os.chdir(tmp_path)
    tuner.search(X, Y, validation_split=0.3, epochs=1, **ELSEWHERE)
    os.chdir(tmp_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(list((tmp_path / "p" / "checkpoints").iterdir())) == 2


def test_the_race_runs_in_the_workers(tmp_path, forked_workers):
    here, there = (
        kt.RandomSearch(build, "val_loss", 4, seed=5, directory=tmp_path, project_name=name)
        for name in ("here", "there")
    )
    fit = {"epochs": 1, "validation_split": 0.2, "confirm": True}
    here.search(X[:300], Y[:300], verbose=0, **fit)
    there.search(X[:300], Y[:300], **ELSEWHERE, **fit)
    scores = [tuner.confirmation().scores for tuner in (here, there)]
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)
    assert there.confirmation().winner == here.confirmation().winner
    assert there.get_best_models()[0].count_params() > 0
