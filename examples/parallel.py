"""Tunes a convolutional network on all cores: the digits again, in several worker processes.

    python examples/parallel.py [--workers auto] [--trials 24] [--directory runs]

This file has no `if __name__ == "__main__":`, and needs none: workers do not import it.
"""

import argparse
import collections

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--workers", default="auto", help="a number, or 'auto'")
parser.add_argument("--trials", type=int, default=24, help="in all, earlier runs included")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--directory", default="runs", help="where the project is kept")
arguments = parser.parse_args()

images, labels = load_digits(return_X_y=True)
images = np.float32(images / 16).reshape(-1, 8, 8, 1)
x, x_test, y, y_test = train_test_split(
    images, labels, test_size=0.2, stratify=labels, random_state=0
)


def build(hp):
    import keras

    model = keras.Sequential([keras.Input((8, 8, 1))])
    for i in range(hp.Int("blocks", 1, 2)):
        model.add(keras.layers.Conv2D(hp.Int(f"filters_{i}", 8, 32, step=8), 3, activation="relu"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(10, activation="softmax"))
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    model.compile(
        keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


tuner = kt.BayesianOptimization(
    build,
    objective="val_accuracy",
    max_trials=arguments.trials,
    seed=1,
    directory=arguments.directory,
    project_name="digits_parallel",
)
workers = arguments.workers if arguments.workers == "auto" else int(arguments.workers)
tuner.search(x, y, validation_split=0.2, epochs=arguments.epochs, workers=workers)

_, accuracy = tuner.get_best_models()[0].evaluate(x_test, y_test, verbose=0)
print(f"Accuracy of the best model on {len(x_test)} digits it never saw: {accuracy:.3f}")
counts = collections.Counter(trial.status.value for trial in tuner.trials)
print(f"Trials: {dict(counts)}; what each of them printed is in {tuner.project_dir}/logs")
