"""Tunes a neural network on real images: scikit-learn's handwritten digits (1,797 of 8 x 8).

    python examples/digits.py [--trials 20] [--directory runs]

Run it twice: the second run finds the trials of the first and goes on from there.
"""

import argparse
import os
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt


def build(hp):
    # The tuner has loaded Keras by now, without the notes that TensorFlow prints when it starts.
    import keras

    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 32, 256, step=32), activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(
            hp.Float("learning_rate", 1e-3, 1e-1, sampling="log"),
            momentum=hp.Float("momentum", 0.0, 0.95),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hp.Choice("batch_size", [32, 64, 128])
    hp.Int("epochs", 5, 30)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="in all, earlier runs included")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
    )

    tuner = kt.RandomSearch(
        build,
        objective="val_accuracy",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="digits",
    )
    import keras

    early_stopping = keras.callbacks.EarlyStopping(patience=3)
    tuner.search(x, y, validation_split=0.2, callbacks=[early_stopping])

    _, accuracy = tuner.get_best_models()[0].evaluate(x_test, y_test, verbose=0)
    print(f"Accuracy of the best model on {len(x_test)} digits it never saw: {accuracy:.3f}")
    python = os.path.relpath(sys.executable)
    print(f"All trials: {python} -m tensorboard.main --logdir {tuner.project_dir}/tensorboard")


if __name__ == "__main__":
    main()
