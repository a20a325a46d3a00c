"""Transfer learning: what was learned of the digits 0 to 4 helps to read 5 to 9 from few examples.

    python examples/transfer.py [--trials 15] [--directory runs]

A convolutional network is trained once on the digits 0 to 4. Its base is what all trials start
from; the new task has three examples of each of the digits 5 to 9. Tuned are how much of the base
is frozen (all of it, all but the last layer, or nothing), and the head. The last search begins from
random weights, for comparison. The digits are those of scikit-learn. It takes about a minute.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import kerastune_lite as kt

TRAIN, VALIDATE = 3, 10  # examples of each new digit
FIRST = ("conv_0", "conv_1")  # the layers of the base that have weights


def base():
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name=FIRST[0]),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu", name=FIRST[1]),
            layers.Flatten(),
        ]
    )


def pretrained(x, y, epochs):
    """The weights of the base of a network for the digits 0 to 4."""
    import keras

    keras.utils.set_random_seed(0)
    features = base()
    model = keras.Sequential([features, keras.layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, verbose=0)
    return features.get_weights()


def builder(weights):
    """`build(hp)` that starts from these weights; None: from random ones."""

    def build(hp):
        import keras
        from keras import layers

        features = base()
        if weights is not None:
            features.set_weights(weights)
            frozen = FIRST[: hp.Choice("frozen", [2, 1, 0])]
            for layer in features.layers:
                layer.trainable = layer.name not in frozen
        model = keras.Sequential([features])
        if units := hp.Choice("units", [0, 32, 64]):
            model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dropout(hp.Float("dropout", 0.0, 0.6)))
        model.add(layers.Dense(5, activation="softmax"))
        rate = hp.Float("learning_rate", 3e-4, 3e-2, sampling="log")
        model.compile(
            keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    return build


def few_of_each(digits, rng):
    """Rows to train on, to validate and to test."""
    rows = [rng.permutation(np.flatnonzero(digits == digit)) for digit in range(5, 10)]
    parts = (slice(TRAIN), slice(TRAIN, TRAIN + VALIDATE), slice(TRAIN + VALIDATE, None))
    return [np.concatenate([each[part] for each in rows]) for part in parts]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=15, help="of each search")
    parser.add_argument("--epochs", type=int, default=30, help="of each trial")
    parser.add_argument("--directory", default="runs", help="where the projects are kept")
    arguments = parser.parse_args()

    x, digits = load_digits(return_X_y=True)
    x = np.float32(x / 16).reshape(-1, 8, 8, 1)
    known = digits < 5
    weights = pretrained(x[known], digits[known], arguments.epochs)
    train, validate, test = few_of_each(digits, np.random.default_rng(0))

    for name, start in {"pretrained": weights, "random": None}.items():
        tuner = kt.BayesianOptimization(
            builder(start),
            objective="val_loss",
            max_trials=arguments.trials,
            seed=1,
            directory=arguments.directory,
            project_name=f"transfer_{name}",
        )
        validation = (x[validate], digits[validate] - 5)
        tuner.search(
            x[train], digits[train] - 5, validation_data=validation, epochs=arguments.epochs
        )
        _, accuracy = tuner.get_best_models()[0].evaluate(x[test], digits[test] - 5, verbose=0)
        values = tuner.get_best_hyperparameters()[0].values
        frozen = f", {values['frozen']} layers of the base frozen" if start else ""
        print(f"{name} weights: {accuracy:.3f} of {len(test)} other images are read{frozen}")


if __name__ == "__main__":
    main()
