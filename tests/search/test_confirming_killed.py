"""kill -9 in the middle of a race: it goes on, and trains nothing twice."""

import dataclasses
import random
import signal

import pytest

import kerastune_lite as kt
from tests.processes import Forked

RACE = """
import sys
import numpy as np
import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(hp.Int("units", 2, 9), activation="tanh"))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), loss="mse")
    return model

class Tells(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        print("begins", flush=True)

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32")
y = x[:, :1] + rng.normal(size=(64, 1)).astype("float32")
tuner = kt.RandomSearch(build, "val_loss", max_trials=5, seed=11, directory=sys.argv[1],
                        project_name="p")
print("ready", flush=True)
tuner.search(x, y, validation_split=0.25, epochs=3, verbose=0, callbacks=[Tells()], confirm=True)
print("done", flush=True)
"""


def rounds_of(directory):
    rounds = kt.open_project(directory / "p")._rounds()
    return {(each.trial, each.number): each for each in rounds}


def without_times(rounds):
    return {place: dataclasses.replace(each, seconds=0.0) for place, each in rounds.items()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_kills_during_a_race(tmp_path):
    assert Forked(RACE, tmp_path / "whole").read().splitlines()[-1] == "done"
    whole, killed, known = rounds_of(tmp_path / "whole"), 0, {}
    dice = random.Random(3)
    for kill in range(5):
        process = Forked(RACE, tmp_path / "killed")
        assert process.stdout.readline() == "ready\n"
        if kill < 4:
            for _ in range(dice.randint(6, 12) if kill == 0 else dice.randint(2, 9)):
                process.stdout.readline()
            process.kill()
        process.read()
        killed += process.returncode == -signal.SIGKILL
        found = rounds_of(tmp_path / "killed")
        # Also the seconds are the same: none of these was trained again.
        assert {place: found[place] for place in known} == known
        known = found
    assert killed >= 2
    assert set(known) == set(whole)
    one, other = without_times(known), without_times(whole)
    for place, each in one.items():
        # Trained side by side with others, or alone, differs in the last digits.
        assert each.score == pytest.approx(other[place].score, rel=1e-4)
        assert (each.seed, each.split) == (other[place].seed, other[place].split)
    results = [kt.open_project(tmp_path / name / "p") for name in ("whole", "killed")]
    winners = [project.get_best_trials()[0].number for project in results]
    assert winners[0] == winners[1] == results[0].confirmation().winner
