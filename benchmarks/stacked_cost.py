"""What a trial costs that trains beside seven others, by what it costs alone.

    python benchmarks/stacked_cost.py [--trials 24] [--epochs 10] [--turns 5]

Trials of a network for the digits (1,437 x 64, batches of 64) differ in learning rate and momentum
alone. The same search is made in batches of eight, and one by one; they take turns, after one of
each that is not counted. A search's first trial, which trains alone, is not counted either.
`STACKED` in `search_quality_cost.py` holds the ratios.
"""

import argparse
import statistics
import sys
import tempfile
import time

import numpy as np
from quiet_keras import load_keras
from sklearn.datasets import load_digits

import kerastune_lite as kt
from kerastune_lite.oracles import Oracle, draw_distinct

NETWORKS = {"2 x 128": (2, 128), "1 x 32": (1, 32)}
BATCH = 8


class Batches(Oracle):
    """Draws `trials` points after the first, in batches or not, and reads the clocks.

    Attributes:
        began, ended: seconds on the wall and of the processor, when the second trial was asked for
            and when nothing was left to ask for.
    """

    def __init__(self, trials, in_batches):
        self._trials = trials
        self.batch = BATCH if in_batches else 1
        self.began = self.ended = None

    def propose(self, space, history, count, rng):
        if len(history) == 1:
            self.began = clocks()
        if len(history) > self._trials:
            self.ended = self.ended or clocks()
            return []
        return draw_distinct(history.visited, count, lambda: space.sample(rng))

    def propose_alike(self, space, history, point, count, rng):
        count = min(count, BATCH - 1, 1 + self._trials - len(history))
        # The first trial of all trains alone, in both searches.
        if len(history) == 1 or not count:
            return []
        return draw_distinct(history.visited, count, lambda: space.sample(rng))


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


def builder(layers, units):
    keras = load_keras()

    def build(hp):
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        optimizer = keras.optimizers.SGD(rate, momentum=hp.Float("momentum", 0.1, 0.95))
        hidden = [keras.layers.Dense(units, activation="relu") for _ in range(layers)]
        outputs = keras.layers.Dense(10, activation="softmax")
        model = keras.Sequential([keras.Input((64,)), *hidden, outputs])
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def per_trial(network, in_batches, trials, epochs):
    """Seconds of the wall and of the processor per trial, and how the trials were trained."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    oracle = Batches(trials, in_batches)
    with tempfile.TemporaryDirectory() as directory:
        tuner = kt.Tuner(
            builder(*NETWORKS[network]),
            "val_loss",
            oracle=oracle,
            max_trials=None,
            max_time=3600,
            seed=0,
            directory=directory,
        )
        tuner.search(x, y, validation_split=0.2, epochs=epochs, batch_size=64, verbose=0)
        paths = {trial.path for trial in tuner.trials[1:]}
    return (oracle.ended - oracle.began) / trials, paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24, help="in batches of eight")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    print("ms per trial, medians of the turns; of the wall and, in brackets, of all cores")
    print(f"{'network':10}{'alone':>18}{'eight together':>18}{'ratio':>18}")
    for network in NETWORKS:
        alone, together = [], []
        for turn in range(arguments.turns + 1):
            for seconds, in_batches in ((alone, False), (together, True)):
                found, paths = per_trial(network, in_batches, arguments.trials, arguments.epochs)
                if paths != {"stacked" if in_batches else "NumPy"}:
                    return f"{network}: trials were trained {paths}, which is no such comparison"
                if turn:
                    seconds.append(found)
        ratios = [one / other for one, other in zip(together, alone)]
        print(
            f"{network:10}"
            + "".join(_cell(1e3 * np.array(each), ".1f") for each in (alone, together))
            + _cell(ratios, ".2f")
        )
    return 0


def _cell(pairs, digits):
    wall, processor = (statistics.median(column) for column in zip(*pairs))
    return f"{f'{wall:{digits}} ({processor:{digits}})':>18}"


if __name__ == "__main__":
    sys.exit(main())
