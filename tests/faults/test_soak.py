"""Long searches: memory does not grow with the number of trials."""

import sys

import pytest

from tests.faults.scenes import FUNCTION, WORKERS

pytestmark = [pytest.mark.slow, pytest.mark.soak]

FROM = 200
"""The trial from which on nothing should grow."""

MEMORY = """
import psutil
import sklearn.ensemble  # The importances of a long search load it, once.

class Weighed:
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if trial.number % 100 == 99:
            this = psutil.Process()
            note("memory", trial.number, [p.memory_info().rss for p in [this, *this.children()]])

Class = Search

class Search(Weighed, Class):
    pass
"""

NETWORKS = """
import numpy as np
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
DATA, OBJECTIVE = (x, x), "val_loss"

def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    for layer in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int("units", 2, 64)))
    model.add(keras.layers.Dense(4))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 0.1, sampling="log")), loss="mse")
    return model

class Search(Told, kt.RandomSearch):
    pass

BEFALL

def make(**arguments):
    return Search(build, max_trials=TRIALS, **arguments)
"""


@pytest.mark.parametrize(
    ("script", "trials", "search"),
    [
        (FUNCTION, 2000, WORKERS),
        (NETWORKS, 300, f"{WORKERS}, validation_split=0.25, epochs=2"),
    ],
    ids=["functions", "networks"],
)
def test_memory_does_not_grow(scene, script, trials, search, capsys):
    long = scene(MEMORY, trials=trials, script=script, search=search)
    assert long.run() == 0, long.output
    assert len(long.trials) == trials
    assert len(long.notes("told")) == trials
    long.check_stored()
    long.check_no_process_is_left()
    at = {note.number + 1: note.value for note in long.notes("memory")}
    assert len(at[trials]) == 3, "the search and its two workers"
    with capsys.disabled():
        for number in sorted(at):
            sizes = ", ".join(f"{rss / 2**20:.0f} MiB" for rss in at[number])
            sys.stdout.write(f"{number} trials: {sizes}\n")
    search_then, *workers_then = at[FROM]
    search_now, *workers_now = at[trials]
    assert search_now < 1.2 * search_then
    assert max(workers_now) < 1.2 * max(workers_then)
