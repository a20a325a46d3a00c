"""A search that remembers: the digits of last year help to read those of this year.

    python examples/warm_start.py [--trials 12] [--directory runs]

Last year a network was tuned on 400 of scikit-learn's handwritten digits. Now there are 1,400, and
dropout is tuned, too. Two searches begin with the same seed: one knows nothing, one remembers the
former project. Its best points are tried first, and its results tell the model where to look, as
long as they agree with the new ones. 397 digits are seen by no search.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import kerastune_lite as kt


def build(hp, dropout=True):
    import keras

    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int("units", 8, 128, sampling="log"), activation))
        if dropout:
            model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(10, "softmax"))
    rate, momentum = hp.Float("learning_rate", 1e-4, 1.0, sampling="log"), hp.Float("m", 0.0, 0.95)
    optimizer = keras.optimizers.SGD(rate, momentum=momentum)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def best_so_far(tuner):
    """The best loss after each trial."""
    losses = [np.inf if trial.score is None else trial.score for trial in tuner.trials]
    return np.minimum.accumulate(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12, help="of each new search")
    parser.add_argument("--directory", default="runs", help="where the projects are kept")
    arguments = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    x, y = np.float32(images / 16), labels
    fit = {"epochs": 10, "batch_size": 32, "validation_split": 0.25, "verbose": 0}
    common = {"objective": "val_loss", "directory": arguments.directory}

    last_year = kt.BayesianOptimization(
        lambda hp: build(hp, dropout=False),
        max_trials=2 * arguments.trials,
        seed=0,
        project_name="last_year",
        **common,
    )
    last_year.search(x[:400], y[:400], **fit)

    settings = {"max_trials": arguments.trials, "seed": 1, **common}
    cold = kt.BayesianOptimization(build, project_name="cold", **settings)
    warm = kt.BayesianOptimization(
        build, project_name="warm", warm_start_from=[last_year], **settings
    )
    for tuner in (cold, warm):
        tuner.search(x[:1400], y[:1400], **fit)

    print("The best validation loss after each trial:")
    print("trial  knows nothing  remembers")
    for number, (one, other) in enumerate(zip(best_so_far(cold), best_so_far(warm)), 1):
        print(f"{number:5}  {one:13.4f}  {other:9.4f}")
    from_former = [trial.number for trial in warm.trials if trial.origin == "former"]
    print(f"Points of the former project: trials {from_former}")
    for name, tuner in (("knows nothing", cold), ("remembers", warm)):
        _, accuracy = tuner.get_best_models()[0].evaluate(x[1400:], y[1400:], verbose=0)
        print(f"{name}: accuracy {accuracy:.3f} on digits never seen")


if __name__ == "__main__":
    main()
