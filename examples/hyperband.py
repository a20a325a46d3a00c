"""Hyperband and random search on scikit-learn's handwritten digits: epochs spent for one result.

    python examples/hyperband.py [--max-epochs 27] [--times 3] [--seed 1] [--directory runs]

Hyperband goes first. Random search, which trains every trial for all epochs, then has several times
as many epochs to find something as good. Both draw the same values in the same order.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt


def build(hp):
    import keras

    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 32, 256, step=32), activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(
            hp.Float("learning_rate", 1e-4, 1.0, sampling="log"),
            momentum=hp.Float("momentum", 0.0, 0.99),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hp.Choice("batch_size", [32, 64, 128])
    return model


def spent(trials):
    """Epochs of all trials."""
    return sum(execution.epochs for trial in trials for execution in trial.completed_executions)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-epochs", type=int, default=27, help="of the longest trials")
    parser.add_argument("--times", type=int, default=3, help="Hyperband's epochs for random search")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", default="runs", help="where the projects are kept")
    arguments = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(
        np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
    )
    data = {"x": x, "y": y, "validation_data": (x_val, y_val)}
    where = {"seed": arguments.seed, "directory": arguments.directory}

    hyperband = kt.Hyperband(
        build, "val_loss", max_epochs=arguments.max_epochs, project_name="hyperband", **where
    )
    hyperband.search(**data)
    best, epochs = hyperband.get_best_trials()[0], spent(hyperband.trials)

    trials = -(-arguments.times * epochs // arguments.max_epochs)
    random = kt.RandomSearch(
        build, "val_loss", max_trials=trials, project_name="random_search", **where
    )
    random.search(**data, epochs=arguments.max_epochs)
    needed, reached = 0, None
    for trial in random.trials:
        needed += spent([trial])
        if trial.loss is not None and trial.loss <= best.loss:
            reached = trial
            break

    count = len(hyperband.trials)
    print(f"Hyperband: val_loss {best.score:.4f} with {epochs} epochs ({count} trials)")
    if reached is not None:
        print(f"Random search: val_loss {reached.score:.4f} with {needed} epochs")
        print(f"For a result as good it spent {needed / epochs:.1f} times as many epochs.")
    else:
        score = random.get_best_trials()[0].score
        print(f"Random search: val_loss {score:.4f} with {needed} epochs ({trials} trials)")
        print(f"With {needed / epochs:.1f} times as many epochs it found nothing as good.")


if __name__ == "__main__":
    main()
