"""`tune_function`: a search without Keras."""

import gc
import subprocess
import sys

import pytest

import kerastune_lite as kt
from kerastune_lite.hyperparameters import Float, Int
from kerastune_lite.schedulers import Hyperband


def bowl(point):
    return (point["x"] - 1) ** 2 + (point["kind"] == "b")


SPACE = {"x": Float(-5.0, 5.0), "kind": ["a", "b"]}


def test_a_function_of_a_dict():
    tuner = kt.tune_function(bowl, SPACE, max_trials=30, seed=0, verbose=0)
    best = tuner.get_best_trials()[0]
    assert len(tuner.trials) == 30
    assert best.score == pytest.approx(bowl(best.values))
    assert best.values["kind"] == "a"
    assert tuner.get_best_hyperparameters()[0].values == best.values


def test_a_function_of_hp():
    def function(hp):
        return hp.Float("x", 0, 1) + (hp.Int("n", 1, 3) if hp.Boolean("more") else 0)

    tuner = kt.tune_function(function, max_trials=20, seed=0, verbose=0)
    assert {"n" in trial.values for trial in tuner.trials} == {True, False}


def test_a_metric_to_be_maximised():
    tuner = kt.tune_function(
        lambda point: {"gain": -((point["x"] - 1) ** 2), "other": 3.0},
        {"x": Float(-5.0, 5.0)},
        kt.Objective("gain", "max"),
        20,
        seed=0,
        verbose=0,
    )
    assert tuner.get_best_trials()[0].score == max(t.score for t in tuner.trials)


def test_it_goes_on_in_a_directory(tmp_path):
    calls = []

    def function(point):
        calls.append(point)
        return point["n"]

    for trials in (3, 5):
        tuner = kt.tune_function(
            function, {"n": Int(0, 9)}, None, trials, seed=0, directory=tmp_path, verbose=0
        )
    assert len(calls) == len(tuner.trials) == 5


def test_without_a_directory_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tuner = kt.tune_function(bowl, SPACE, max_trials=2, verbose=0)
    (made,) = tmp_path.iterdir()
    assert made.name.startswith("kerastune_")
    del tuner
    gc.collect()
    assert list(tmp_path.iterdir()) == []


class TestEpochs:
    def test_told_for_how_many(self):
        told = []

        def function(point, epochs):
            told.append(epochs)
            return point["x"] + 1 / epochs

        tuner = kt.tune_function(
            function, {"x": Float(0.0, 1.0)}, None, None, scheduler=Hyperband(9), seed=0, verbose=0
        )
        assert sorted(set(told)) == [1, 3, 9]
        assert {t.epochs for t in tuner.trials} == {1, 3, 9}
        assert tuner.get_best_trials()[0].epochs == 9

    def test_going_on_where_it_stopped(self):
        trained = []

        def function(point, epochs, initial_epoch):
            for epoch in range(initial_epoch, epochs):
                trained.append((point["x"], epoch))
                yield point["x"] + 1 / (1 + epoch)

        tuner = kt.tune_function(
            function, {"x": Float(0.0, 1.0)}, None, None, scheduler=Hyperband(9), seed=0, verbose=0
        )
        assert len(trained) == len(set(trained)) == sum(t.epochs for t in tuner.trials)
        for trial in tuner.trials:
            assert trial.score == pytest.approx(trial.values["x"] + 1 / trial.epochs)
            assert trial.best_step == trial.epochs - 1
            (curves,) = tuner.history(trial)
            assert len(curves["default_objective"]) == trial.epochs

    def test_one_that_cannot_be_told_is_refused(self):
        with pytest.raises(TypeError, match="must be told for how many"):
            kt.tune_function(bowl, SPACE, None, None, scheduler=Hyperband(9), verbose=0)


def test_what_is_no_domain_is_refused():
    with pytest.raises(TypeError, match=r"Received: x=\(?3"):
        kt.tune_function(bowl, {"x": 3})


def test_no_keras_is_loaded():
    code = (
        "import sys, kerastune_lite as kt; "
        "from kerastune_lite.hyperparameters import Float; "
        "kt.tune_function(lambda p: p['x'], {'x': Float(0.0, 1.0)}, max_trials=3, verbose=0); "
        "print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
