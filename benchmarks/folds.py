"""What five folds side by side cost, by what they cost one by one, and by a single fit.

    python benchmarks/folds.py [--trials 8] [--epochs 20] [--turns 5]

The pipeline and the space of `examples/sklearn_pipeline.py` on scikit-learn's breast cancer data:
a scaler and a network of 1 to 3 layers with dropout, some 455 samples of 30 features in batches of
32. The same random search is made three times: with five folds side by side, with the same ones one
by one, and with the first of them alone, a single fit per trial. Folds are trained one by one where
an estimator has a `fit` of its own. The three take turns, after one of each that is not counted.
Nothing is refitted.
"""

import argparse
import logging
import os
import statistics
import sys
import time

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV

FOLDS = 5
KINDS = ("five side by side", "five one by one", "one fit")


def build(hp):
    import keras

    model = keras.Sequential([keras.Input((30,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    units = hp.Int("units", 8, 128, sampling="log", default=32)
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(units, activation=activation))
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3)
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
    return model


class OneByOne(KerasClassifier):
    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)


class Paths(logging.Handler):
    """Keeps which paths trainings took, as the library logs them."""

    def __init__(self):
        super().__init__()
        self.taken = set()
        logger = logging.getLogger("kerastune_lite.training")
        logger.setLevel(logging.INFO)
        logger.addHandler(self)

    def emit(self, record):
        self.taken.add(record.getMessage())


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


def searched(kind, data, arguments):
    """Seconds of the wall and of the processor per trial, and the scores of the first fold."""
    x, y = data
    splits = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y))
    estimator = OneByOne if kind == KINDS[1] else KerasClassifier
    net = estimator(build, epochs=arguments.epochs, batch_size=32)
    search = TunerSearchCV(
        Pipeline([("scale", StandardScaler()), ("net", net)]),
        tuner="random",
        max_trials=arguments.trials,
        cv=splits[:1] if kind == KINDS[2] else splits,
        scoring="roc_auc",
        refit=False,
        random_state=0,
    )
    started = clocks()
    search.fit(x, y)
    seconds = clocks() - started
    return seconds / arguments.trials, search.cv_results_["split0_test_score"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    data = load_breast_cancer(return_X_y=True)
    seconds, paths = {kind: [] for kind in KINDS}, Paths()
    for turn in range(arguments.turns + 1):
        scores = []
        for kind in KINDS:
            paths.taken.clear()
            found, first = searched(kind, data, arguments)
            if paths.taken != {"stacked" if kind == KINDS[0] else "NumPy"}:
                return f"{kind} were trained {paths.taken}, which is no such comparison"
            scores.append(first)
            if turn:
                seconds[kind].append(found)
        if any(abs(scores[0] - other).max() > 2e-3 for other in scores[1:]):
            return f"the first fold scored otherwise, so this is no comparison: {scores}"
    print(
        f"{arguments.trials} trials of {arguments.epochs} epochs, {arguments.turns} turns, "
        f"{os.cpu_count()} cores"
    )
    print("medians of the turns; of the wall and, in brackets, of all cores")
    print(f"{'':18}{'ms per trial':>18}{'by one fit':>18}{'by side by side':>18}")
    for kind in KINDS:
        of_one, of_five = (
            [one / other for one, other in zip(seconds[kind], seconds[by])]
            for by in (KINDS[2], KINDS[0])
        )
        milliseconds = cell(1e3 * np.array(seconds[kind]), ".0f")
        print(f"{kind:18}{milliseconds}{cell(of_one, '.2f')}{cell(of_five, '.2f')}")
    return 0


def cell(pairs, digits):
    wall, processor = (statistics.median(column) for column in zip(*pairs))
    return f"{f'{wall:{digits}} ({processor:{digits}})':>18}"


if __name__ == "__main__":
    sys.exit(main())
