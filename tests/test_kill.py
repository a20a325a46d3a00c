"""kill -9 in the middle of a search, again and again: nothing that was finished is ever missing."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import kerastune_lite as kt

FUNCTION = """
import sys, time
import kerastune_lite as kt

class Search(kt.RandomSearch):
    def run_trial(self, trial):
        hp = trial.hyperparameters
        x = hp.Float("x", -1.0, 1.0)
        if hp.Boolean("deep"):
            x += hp.Int("depth", 1, 50)
        time.sleep(0.02)
        return [x**2, x**2 + 1]

    def on_trial_end(self, trial):
        print(trial.trial_id, repr(trial.score), flush=True)

tuner = Search(max_trials=int(sys.argv[2]), seed=11, directory=sys.argv[1], project_name="p")
print("ready", flush=True)
tuner.search(verbose=0)
print("done", flush=True)
"""

KERAS = """
import sys
import numpy as np
import kerastune_lite as kt
from kerastune_lite.training.quiet import load_keras

keras = load_keras()

def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    for i in range(hp.Int("layers", 1, 2)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 2, 16)))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-4, 1e-2, sampling="log")), loss="mse")
    return model

class Search(kt.RandomSearch):
    def on_trial_end(self, trial):
        print(trial.trial_id, repr(trial.score), flush=True)

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
tuner = Search(build, "val_loss", max_trials=int(sys.argv[2]), seed=11, executions_per_trial=2,
               directory=sys.argv[1], project_name="p")
print("ready", flush=True)
tuner.search(x, x[:, :1], validation_split=0.25, epochs=4, verbose=0)
print("done", flush=True)
"""


def start(code, directory, trials):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(directory), str(trials)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )


def lines_of(process):
    """What it printed by the time it died; a line cut in two is none."""
    text = process.stdout.read()
    process.stdout.close()
    process.wait()
    return [line.split() for line in text.split("\n")[:-1]]


def trials_of(directory):
    project = kt.open_project(directory / "p")
    return project.trials


def comparable(trials):
    return [(t.number, dict(t.values), t.score, t.metrics, t.status) for t in trials]


def kill_and_resume(code, tmp_path, trials, kills, longest):
    undisturbed = start(code, tmp_path / "whole", trials)
    assert lines_of(undisturbed)[-1] == ["done"]

    dice = random.Random(1)
    reported = {}
    killed = 0
    for _ in range(kills):
        process = start(code, tmp_path / "killed", trials)
        assert process.stdout.readline() == "ready\n"
        time.sleep(dice.uniform(0.0, longest))
        process.send_signal(signal.SIGKILL)
        for number, *score in lines_of(process):
            if score:
                reported[number] = float(score[0])
        killed += process.returncode == -signal.SIGKILL
    assert lines_of(start(code, tmp_path / "killed", trials))[-1] == ["done"]

    survivors = trials_of(tmp_path / "killed")
    assert [t.number for t in survivors] == list(range(trials)), "each once, none missing"
    assert {n: t.score for t in survivors for n in [t.trial_id] if n in reported} == reported
    assert comparable(survivors) == comparable(trials_of(tmp_path / "whole"))
    assert killed >= kills // 2, "most of the kills came while the search was running"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_ten_kills(tmp_path):
    kill_and_resume(FUNCTION, tmp_path, trials=60, kills=10, longest=0.25)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_kills_while_keras_trains(tmp_path):
    kill_and_resume(KERAS, tmp_path, trials=5, kills=2, longest=1.5)
