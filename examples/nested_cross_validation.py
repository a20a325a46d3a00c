"""What a search promises, and what it keeps: nested cross-validation over a small, noisy table.

    python examples/nested_cross_validation.py [--trials 20] [--outer 5] [--inner 3]

The best score of a search is that of the luckiest of its trials, and too good. Cross-validation of
the whole search scores each winner on samples that its search never saw. The data are made up, so
that the truth is known, too: it is measured on 20,000 more samples.
"""

import argparse
import time

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV

SAMPLES = 200


def build(hp):
    import keras

    model = keras.Sequential([keras.Input((30,))])
    for _ in range(hp.Int("layers", 0, 2)):
        model.add(keras.layers.Dense(hp.Int("units", 4, 64, sampling="log"), activation="relu"))
        model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
    return model


def folds(count):
    return StratifiedKFold(count, shuffle=True, random_state=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--outer", type=int, default=5, help="folds of the cross-validation")
    parser.add_argument("--inner", type=int, default=3, help="folds of each search in it")
    parser.add_argument("--seed", type=int, default=0, help="of the data")
    arguments = parser.parse_args()

    x, y = make_classification(
        SAMPLES + 20_000, 30, n_informative=4, flip_y=0.2, random_state=arguments.seed
    )
    x, x_more, y, y_more = x[:SAMPLES], x[SAMPLES:], y[:SAMPLES], y[SAMPLES:]
    net = KerasClassifier(build, epochs=15, batch_size=16, random_state=0)
    search = TunerSearchCV(
        make_pipeline(StandardScaler(), net),
        tuner="random",
        max_trials=arguments.trials,
        cv=folds(arguments.inner),
        random_state=0,
    )

    started = time.perf_counter()
    outer = cross_validate(search, x, y, cv=folds(arguments.outer), return_estimator=True)
    seconds = time.perf_counter() - started
    searches = outer["estimator"]
    promised = [each.best_score_ for each in searches]
    true = [each.score(x_more, y_more) for each in searches]
    print("search   best score in it   of its winner, on other samples")
    for place, (inside, outside) in enumerate(zip(promised, outer["test_score"])):
        print(f"{place:6}   {inside:16.3f}   {outside:27.3f}")
    trainings = sum(len(s.cv_results_["params"]) * s.n_splits_ + 1 for s in searches)
    print(
        f"Accuracy that the searches promise: {np.mean(promised):.3f}; "
        f"nested cross-validation: {np.mean(outer['test_score']):.3f}; "
        f"truth: {np.mean(true):.3f}"
    )
    print(
        f"{arguments.outer} searches x ({arguments.trials} trials x {arguments.inner} folds + 1) = "
        f"{trainings} trainings in {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
