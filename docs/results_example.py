"""Makes the outputs and the picture of docs/results.md: `python docs/results_example.py`.

Searches a network for scikit-learn's digits, twice per trial, and prints what the page shows.
"""

import tempfile
import textwrap
from pathlib import Path

import matplotlib
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

matplotlib.use("agg")
IMAGES = Path(__file__).parent / "images"


def build(hp):
    # The tuner has loaded Keras by now, without the notes that TensorFlow prints when it starts.
    import keras

    model = keras.Sequential([keras.Input((64,))])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(
            keras.layers.Dense(
                hp.Int(f"units_{i}", 8, 128, sampling="log"),
                activation=hp.Choice("activation", ["relu", "tanh", "sigmoid"]),
            )
        )
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(
            hp.Float("learning_rate", 1e-3, 1.0, sampling="log"),
            momentum=hp.Float("momentum", 0.0, 0.95),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main():
    x, y = load_digits(return_X_y=True)
    x_rest, x_test, y_rest, y_test = train_test_split(x / 16.0, y, test_size=600, random_state=0)
    with tempfile.TemporaryDirectory() as directory:
        tuner = kt.RandomSearch(
            build,
            objective="val_accuracy",
            max_trials=100,
            executions_per_trial=2,
            seed=1,
            directory=directory,
            project_name="digits",
        )
        fit = {"epochs": 15, "validation_split": 0.25, "batch_size": 64, "verbose": 0}
        tuner.search(x_rest, y_rest, **fit, confirm=False)
        tuner.results_summary(5)
        print(tuner.importances(), end="\n\n")
        print(tuner.evaluate_best(x_test, y_test, top=5), end="\n\n")
        print(tuner.ensemble(held_out=(x_test, y_test)))
        picture = IMAGES / "learning_curves.png"
        tuner.plot.learning_curves(backend="matplotlib").savefig(picture, dpi=80)
        # A hundred lines in all colours: with 128 of them the file is a third as large.
        Image.open(picture).convert("RGB").quantize(128).save(picture, optimize=True)
        tuner.search(x_rest, y_rest, **fit, confirm=True)
        print(f"\n{textwrap.fill(str(tuner.confirmation()), 100)}")


if __name__ == "__main__":
    main()
