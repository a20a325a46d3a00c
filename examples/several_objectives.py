"""Accuracy against size: which digits can a network read with few parameters?

    python examples/several_objectives.py [--trials 40] [--directory runs]

The first search has two objectives and finds a front: networks of which none is both smaller and
better than another one. The second one asks for the best network within limits: of size, known
before a network is trained, and of time for a prediction, which is measured after it.
The images are scikit-learn's 1,797 handwritten digits, a fifth of which no search sees.
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
        units = hp.Int(f"units_{i}", 2, 256, sampling="log")
        model.add(keras.layers.Dense(units, activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 3e-2, sampling="log"))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40, help="of each search")
    parser.add_argument("--directory", default="runs", help="where the projects are kept")
    arguments = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
    )
    common = {"max_trials": arguments.trials, "seed": 0, "directory": arguments.directory}
    fit = {"validation_split": 0.2, "epochs": 30, "batch_size": 32, "verbose": 0}

    both = kt.Tuner(
        build,
        objective=[kt.Objective("val_accuracy", "max"), kt.Objective("model_size", "min")],
        project_name="accuracy_and_size",
        **common,
    )
    both.search(x, y, **fit)
    front = both.pareto_front()
    print(f"The front of {len(both.trials)} networks:")
    print("parameters  val_accuracy  on digits never seen")
    for trial in sorted(front, key=lambda trial: trial.metrics["model_size"]):
        size, accuracy = trial.metrics["model_size"], trial.metrics["val_accuracy"]
        _, test = both.load_model(trial).evaluate(x_test, y_test, verbose=0)
        print(f"{size:10,.0f}  {accuracy:12.3f}  {test:20.3f}")

    limited = kt.Tuner(
        build,
        objective="val_accuracy",
        constraints=["model_size <= 3000", "inference_time <= 20"],
        project_name="within_limits",
        **common,
    )
    limited.search(x, y, **fit)
    best = limited.get_best_trials()[0]
    _, test = limited.get_best_models()[0].evaluate(x_test, y_test, verbose=0)
    print(
        f"\nWith at most 3,000 parameters and 20 ms for 32 images: {test:.3f} on digits never "
        f"seen, with {best.metrics['model_size']:,.0f} parameters and "
        f"{best.metrics['inference_time']:.1f} ms."
    )


if __name__ == "__main__":
    main()
