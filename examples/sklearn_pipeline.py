"""A pipeline with a Keras network on scikit-learn's breast cancer data, searched in two ways.

    python examples/sklearn_pipeline.py [--trials 12] [--epochs 20] [--directory runs]

TunerSearchCV reads the space off build(hp) and looks where a Gaussian process sends it;
GridSearchCV gets a grid of as many points. Both train each point on the same five folds, with the
same estimator.
"""

import argparse
import itertools
import time

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV

GRID = {
    "net__hp__learning_rate": [0.0003, 0.003, 0.03],
    "net__hp__units": [16, 64],
    "net__hp__layers": [1, 2],
    "net__hp__activation": ["relu", "tanh"],
}


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


def grid_of(trials):
    """The first so many points of the grid, each as a grid of its own."""
    points = list(itertools.product(*GRID.values()))
    # Spread over the grid, not its first corner.
    chosen = [points[i * len(points) // trials] for i in range(min(trials, len(points)))]
    return [{name: [value] for name, value in zip(GRID, point)} for point in chosen]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12, help="at most 24, the size of the grid")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--directory", help="keep the search there, and go on with it next time")
    arguments = parser.parse_args()

    x, y = load_breast_cancer(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    net = KerasClassifier(build, epochs=arguments.epochs, batch_size=32, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net)])
    shared = {"scoring": "roc_auc", "cv": StratifiedKFold(5, shuffle=True, random_state=0)}
    pipeline.fit(x, y)  # so that neither search pays for loading and warming up TensorFlow

    searches = {
        "TunerSearchCV, bayesian": TunerSearchCV(
            pipeline,
            tuner="bayesian",
            max_trials=arguments.trials,
            random_state=0,
            verbose=1,
            directory=arguments.directory,
            project_name="sklearn_pipeline",
            **shared,
        ),
        "GridSearchCV": GridSearchCV(pipeline, grid_of(arguments.trials), **shared),
    }
    for name, search in searches.items():
        started = time.perf_counter()
        search.fit(x, y)
        seconds = time.perf_counter() - started
        fits = len(search.cv_results_["params"]) * search.n_splits_
        print(
            f"{name}: roc_auc {search.best_score_:.4f} over {search.n_splits_} folds, "
            f"{search.score(x_test, y_test):.4f} on samples it never saw; {fits} fits in "
            f"{seconds:.1f} s"
        )
        print(f"    {search.best_params_}")


if __name__ == "__main__":
    main()
