"""KerasTuner's trials, which are kept in files of JSON."""

import json
import math
import random

import pytest

import kerastune_lite as kt
from kerastune_lite.engine.trial import Trial, TrialStatus


@pytest.fixture
def trial():
    hp = kt.HyperParameters()
    hp.Int("units", 8, 32, step=8)
    made = Trial(hp, "0007", TrialStatus.COMPLETED)
    made.metrics.register("val_accuracy", "max")
    for step, value in enumerate((0.25, 0.75, 0.5)):
        made.metrics.update("val_accuracy", value, step)
    made.score, made.best_step = 0.75, 1
    return made


def test_a_file_holds_the_whole_trial(trial, tmp_path):
    trial.save(str(tmp_path / "trial.json"))
    loaded = Trial.load(str(tmp_path / "trial.json"))
    assert loaded.get_state() == trial.get_state()
    assert loaded.hyperparameters.values == {"units": 8}
    assert loaded.metrics.get_best_step("val_accuracy") == 1
    assert loaded.status is TrialStatus.COMPLETED
    other = Trial(kt.HyperParameters())
    other.reload(str(tmp_path / "trial.json"))
    assert other.get_state() == trial.get_state()


def test_files_go_between_here_and_kerastuner(trial, tmp_path):
    theirs = pytest.importorskip("keras_tuner").engine.trial.Trial
    file = str(tmp_path / "trial.json")
    trial.save(file)
    there = theirs.load(file)
    assert there.metrics.get_best_value("val_accuracy") == 0.75
    assert there.hyperparameters.values == {"units": 8}
    there.save(file)
    assert Trial.load(file).get_state() == trial.get_state()


def test_a_state_of_a_failed_trial(trial):
    state = json.loads(json.dumps(trial.get_state()))
    state |= {"status": "FAILED", "message": "ValueError: too large", "score": None}
    made = Trial.from_state(state)
    assert (str(made.status), made.message, made.score) == ("FAILED", "ValueError: too large", None)


@pytest.mark.parametrize("direction", ["min", "max"])
def test_an_update_says_whether_the_best_value_has_changed(direction):
    rng = random.Random(0)
    metrics = Trial(kt.HyperParameters()).metrics
    metrics.register("m", direction)
    changes = []
    for _ in range(200):
        before = metrics.get_best_value("m")
        value = math.nan if rng.random() < 0.2 else rng.random()
        changed = metrics.update("m", value, rng.randrange(60))
        best = metrics.get_best_value("m")
        assert changed == (best != before)
        assert best is None or metrics["m"] == best
        changes.append(changed)
    assert {True, False} == set(changes)
