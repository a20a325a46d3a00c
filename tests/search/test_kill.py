"""kill -9 in the middle of a search, again and again: nothing that was finished is ever missing."""

import random
import signal
import time

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.lineage import first_epoch
from tests.processes import Forked

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
from kerastune_lite._src.keras.loading import load_keras

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

RUNGS = """
import sys
import numpy as np
import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(8, activation=hp.Choice("activation", ["relu", "tanh"])))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 0.1, sampling="log")), loss="mse")
    return model

class Tells(keras.callbacks.Callback):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def on_epoch_end(self, epoch, logs=None):
        print("trained", self.number, epoch, flush=True)

tuner = kt.Hyperband(build, "val_loss", max_epochs=int(sys.argv[2]), seed=11,
                     directory=sys.argv[1], project_name="p")
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
print("ready", flush=True)
tuner.search(x, x[:, :1], validation_split=0.25, verbose=0,
             callbacks=lambda trial: [Tells(trial.number)])
print("done", flush=True)
"""


POPULATION = RUNGS.replace(
    'kt.Hyperband(build, "val_loss", max_epochs=int(sys.argv[2]), ',
    'kt.Tuner(build, "val_loss", oracle=kt.oracles.RandomOracle(), '
    "scheduler=kt.schedulers.PopulationBasedTraining(int(sys.argv[2]), 6, 3), ",
)


def lines_of(process):
    """What it printed by the time it died; a line cut in two is none."""
    return [line.split() for line in process.read().split("\n")[:-1]]


def trials_of(directory):
    project = kt.open_project(directory / "p")
    return project.trials


def comparable(trials):
    return [(t.number, dict(t.values), t.score, t.metrics, t.status) for t in trials]


def learned(code):
    """The same search with a model that says what to try next."""
    changed = code.replace("kt.RandomSearch", "kt.BayesianOptimization")
    assert changed != code
    return changed


def kill_and_resume(code, tmp_path, trials, kills, longest):
    undisturbed = Forked(code, tmp_path / "whole", trials)
    assert lines_of(undisturbed)[-1] == ["done"]

    dice = random.Random(1)
    reported = {}
    killed = 0
    for _ in range(kills):
        process = Forked(code, tmp_path / "killed", trials)
        assert process.stdout.readline() == "ready\n"
        time.sleep(dice.uniform(0.0, longest))
        process.kill()
        for number, *score in lines_of(process):
            if score:
                reported[number] = float(score[0])
        killed += process.returncode == -signal.SIGKILL
    assert lines_of(Forked(code, tmp_path / "killed", trials))[-1] == ["done"]

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


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_kills_of_a_search_that_learns(tmp_path):
    kill_and_resume(learned(FUNCTION), tmp_path, trials=40, kills=3, longest=0.6)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_kills_while_keras_trains_what_was_learned(tmp_path):
    kill_and_resume(learned(KERAS), tmp_path, trials=12, kills=2, longest=2.5)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("code", [RUNGS, POPULATION], ids=["rungs", "population"])
def test_kills_between_and_within_rungs(tmp_path, code):
    """No rung that was trained is trained again, and the search goes on to the same end."""
    undisturbed = Forked(code, tmp_path / "whole", 9)
    lines = lines_of(undisturbed)
    assert lines[-1] == ["done"]
    whole = trials_of(tmp_path / "whole")
    own = [(t.number, e) for t in whole for e in range(first_epoch(t), t.epochs)]
    assert sorted(trained(lines)) == sorted(own)

    dice = random.Random(2)
    killed = 0
    done: dict[int, int] = {}
    stood = set()
    for kill in range(6):
        process = Forked(code, tmp_path / "killed", 9)
        assert process.stdout.readline() == "ready\n"
        seen = []
        if kill < 5:
            seen = [process.stdout.readline().split() for _ in range(dice.randint(1, 16))]
            process.kill()
        places = trained([*seen, *lines_of(process)])
        assert [place for place in places if place[1] < done.get(place[0], 0)] == []
        killed += process.returncode == -signal.SIGKILL
        left = trials_of(tmp_path / "killed")
        done = {t.number: t.epochs for t in left}
        stood |= {t.status for t in left}
    assert killed >= 3
    assert stood == {"RUNNING", "PAUSED", "COMPLETED"}, "it was killed within rungs"

    survivors = trials_of(tmp_path / "killed")
    assert list(map(rung_of, survivors)) == list(map(rung_of, whole))
    # Trained side by side with others, or alone, differs in the last digits.
    assert [t.score for t in survivors] == pytest.approx([t.score for t in whole], rel=1e-4)


def rung_of(trial):
    return trial.number, dict(trial.values), trial.epochs, trial.status, trial.bracket, trial.parent


def trained(lines):
    """(trial, epoch) in the order in which they were trained."""
    return [(int(line[1]), int(line[2])) for line in lines if line[:1] == ["trained"]]
