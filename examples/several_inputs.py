"""A network with two inputs: which of two handwritten digits is the larger one?

    python examples/several_inputs.py [--trials 15] [--directory runs]

Pairs are made of scikit-learn's 1,797 digits; training, validation and test have different images.
Whether both images pass through the same layers is a hyperparameter (a twin network: what is
learned of one place is known at the other), and so is how the two are joined. Data are a dict by
the names of the inputs, as for `model.fit`. It takes less than a minute.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt


def pairs(images, digits, count, rng):
    """`count` pairs of different digits, and whether the left one is larger."""
    left, right = rng.integers(len(digits), size=(2, 2 * count))
    differ = np.flatnonzero(digits[left] != digits[right])[:count]
    left, right = left[differ], right[differ]
    return {"left": images[left], "right": images[right]}, digits[left] > digits[right]


def data():
    x, y = load_digits(return_X_y=True)
    x = np.float32(x / 16)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    rng = np.random.default_rng(0)
    return (
        pairs(x, y, 3000, rng),
        pairs(x_val, y_val, 1000, rng),
        pairs(x_test, y_test, 1000, rng),
    )


def build(hp):
    import keras
    from keras import layers

    left, right = keras.Input((64,), name="left"), keras.Input((64,), name="right")
    units = hp.Int("units", 16, 128, sampling="log")
    depth = hp.Int("depth", 1, 2)

    def reader():
        return keras.Sequential([layers.Dense(units, activation="relu") for _ in range(depth)])

    first = reader()
    second = first if hp.Boolean("shared", default=True) else reader()
    join = layers.Subtract() if hp.Choice("join", ["both", "minus"]) == "minus" else None
    seen = [first(left), second(right)]
    features = join(seen) if join else layers.Concatenate()(seen)
    features = layers.Dense(hp.Int("units_after", 8, 64, sampling="log"), "relu")(features)
    features = layers.Dropout(hp.Float("dropout", 0.0, 0.5))(features)
    larger = layers.Dense(1, activation="sigmoid")(features)
    model = keras.Model({"left": left, "right": right}, larger)
    rate = hp.Float("learning_rate", 1e-3, 3e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=15, help="in all, earlier runs included")
    parser.add_argument("--epochs", type=int, default=15, help="of each trial")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    (x, y), validation, (x_test, y_test) = data()
    tuner = kt.BayesianOptimization(
        build,
        objective="val_accuracy",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="several_inputs",
    )
    tuner.search(x, y, validation_data=validation, epochs=arguments.epochs)

    best = tuner.get_best_trials()[0]
    _, accuracy = tuner.get_best_models()[0].evaluate(x_test, y_test, verbose=0)
    print(f"Accuracy of the best network on {len(y_test)} pairs of other images: {accuracy:.3f}")
    print(f"Both images through the same layers: {'yes' if best.values['shared'] else 'no'}")
    for shared in (True, False):
        scores = [trial.score for trial in tuner.trials if trial.values["shared"] is shared]
        if scores:
            print(f"  best of {len(scores)} trials with shared={shared}: {max(scores):.3f}")


if __name__ == "__main__":
    main()
