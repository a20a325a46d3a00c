"""Tunes a network with the workers of a Ray cluster; without one, Ray starts on this machine.

    pip install "kerastune_lite[ray]"
    python examples/ray_cluster.py [--address HEAD:6379] [--workers 2] [--trials 8]

docs/scaling.md says how to start a cluster.
"""

import argparse
import os

import numpy as np
from sklearn.datasets import load_digits

import kerastune_lite as kt


def build(hp):
    import keras

    model = keras.Sequential([keras.Input((64,))])
    model.add(keras.layers.Dense(hp.Int("units", 16, 256, step=16), activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", help="of the cluster's head, for example 10.0.0.1:6379")
    parser.add_argument("--workers", default="2", help='how many, or "auto": all that have room')
    parser.add_argument("--trials", type=int, default=8, help="in all, earlier runs included")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()
    if arguments.address:
        os.environ["RAY_ADDRESS"] = arguments.address

    images, labels = load_digits(return_X_y=True)
    tuner = kt.RandomSearch(
        build,
        objective="val_accuracy",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="ray_cluster",
    )
    tuner.search(
        np.float32(images / 16),
        labels,
        epochs=10,
        validation_split=0.2,
        runner="ray",
        workers="auto" if arguments.workers == "auto" else int(arguments.workers),
        resources_per_worker={"cpu": 1},
    )
    best = tuner.get_best_trials()[0]
    print(f"Best: val_accuracy {best.score:.3f} with {best.values}")


if __name__ == "__main__":
    main()
