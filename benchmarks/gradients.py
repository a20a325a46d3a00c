"""Rates by gradient, by a model and at random: the best loss by trials, and by cost.

    python benchmarks/gradients.py [--trials 15] [--seeds 5] [--network dense]

A network for scikit-learn's digits (1,257 x 64 to train on, 10 epochs in batches of 32) with four
rates: learning rate, momentum, L2, dropout. "dense" has a hidden layer of 64 units and is trained
in NumPy; "conv" has 8 filters and is trained in TensorFlow. The objective is the cross-entropy of
the validation data, without the penalty. The gradient search trains `--trials` trials, the others
three times as many. Costs are the seconds of trials, with all that gradients take, by the median of
those of the random search of the same seed, so 1 is what a plain training costs. A first search
of each kind is not counted: traces are made once per process.
"""

import argparse
import logging
import os
import statistics
import tempfile

import numpy as np
from sklearn.datasets import load_digits

import kerastune_lite as kt
from kerastune_lite.oracles import BayesianOracle, GradientOracle, RandomOracle

CONTENDERS = {"gradient": GradientOracle, "Bayesian": BayesianOracle, "random": RandomOracle}
OBJECTIVE = kt.Objective("val_sparse_categorical_crossentropy", "min")
MORE = 3
"""How many more trials the others have."""


def build_of(network):
    """The builder of a network."""
    import keras

    def build(hp):
        penalty = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-2, sampling="log"))
        layers = [keras.Input((64,))]
        if network == "conv":
            layers += [
                keras.layers.Reshape((8, 8, 1)),
                keras.layers.Conv2D(8, 3, activation="relu", kernel_regularizer=penalty),
                keras.layers.Flatten(),
            ]
        else:
            layers += [keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty)]
        layers += [
            keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)),
            keras.layers.Dense(10, activation="softmax"),
        ]
        model = keras.Sequential(layers)
        rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
        optimizer = keras.optimizers.SGD(rate, hp.Float("momentum", 0.0, 0.98))
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer, loss, metrics=[loss])
        return model

    return build


def searched(build, make, trials, seed):
    """The losses of a search and the seconds of its trials, in the order of the trials."""
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int32")
    with tempfile.TemporaryDirectory() as folder:
        tuner = kt.Tuner(build, OBJECTIVE, trials, oracle=make(), directory=folder, seed=seed)
        tuner.search(x, y, validation_split=0.3, epochs=10, verbose=0)
        done = tuner.trials
    losses = [np.inf if trial.score is None else trial.score for trial in done]
    return losses, [sum(each.seconds for each in trial.executions) for trial in done]


def best_after(losses, costs, budget):
    """The best loss of the trials that a budget pays for; NaN without any."""
    paid = [loss for loss, cost in zip(losses, np.cumsum(costs)) if cost <= budget]
    return min(paid, default=np.nan)


def table(title, results, budgets, costs_of):
    """Print means over seeds and their standard errors."""
    print(f"\n{title:22}" + "".join(f"{budget:>16}" for budget in budgets))
    for name in CONTENDERS:
        cells = []
        for budget in budgets:
            found = [best_after(each[name][0], costs_of(each, name), budget) for each in results]
            error = np.std(found, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
            cells.append(f"{np.mean(found):.4f} ({error:.4f})")
        print(f"{name:22}" + "".join(f"{cell:>16}" for cell in cells))


def by_cost(result, name):
    """The costs of the trials of a contender, in plain trainings."""
    unit = statistics.median(result["random"][1])
    return [seconds / unit for seconds in result[name][1]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--network", choices=["dense", "conv"], default="dense")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("kerastune_lite").setLevel(logging.ERROR)
    build = build_of(options.network)
    counts = {n: options.trials * (1 if n == "gradient" else MORE) for n in CONTENDERS}
    for make in CONTENDERS.values():
        searched(build, make, 2, seed=1000)
    results = [
        {name: searched(build, make, counts[name], seed) for name, make in CONTENDERS.items()}
        for seed in range(options.seeds)
    ]
    print(f"{options.network}, {options.seeds} seeds, {os.cpu_count()} cores")
    shares = [statistics.median(by_cost(result, "gradient")) for result in results]
    print(f"a trial with its gradient costs {statistics.mean(shares):.1f} plain trainings")
    trials = sorted({max(1, options.trials * share // 3) for share in (1, 2, 3)})
    table("after so many trials", results, trials, lambda each, name: [1] * len(each[name][0]))
    costs = [options.trials * share for share in (1, 2, 3)]
    table("after so many trainings", results, costs, by_cost)


if __name__ == "__main__":
    main()
