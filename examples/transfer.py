"""Transfer learning: what was learned of the digits 0 to 4 helps to read 5 to 9 from few examples.

    python examples/transfer.py [--trials 15] [--directory runs]

The digits of scikit-learn lie anywhere in images of 14 x 14 pixels. A convolutional network is
trained once on 9,000 images of the digits 0 to 4. Its base is what all trials start from; the new
task has five images of each of the digits 5 to 9. Tuned are how much of the base is frozen (all of
it, all but the last layer, or nothing), and the head. For comparison, the first search begins from
random weights. It takes about a minute.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import kerastune_lite as kt

TRAIN, VALIDATE = 5, 10  # images of each new digit
SIDE = 14  # pixels; a digit has 8 x 8
LAYERS = ("conv_0", "conv_1", "conv_2")  # those of the base that have weights


def scattered(images, rng):
    """Each image (n, 64), somewhere in a larger one: (n, SIDE, SIDE, 1)."""
    wide = np.zeros((len(images), SIDE, SIDE, 1), "float32")
    rows, columns = rng.integers(SIDE - 8 + 1, size=(2, len(images)))
    for canvas, image, row, column in zip(wide, images, rows, columns):
        canvas[row : row + 8, column : column + 8, 0] = image.reshape(8, 8) / 16
    return wide


def base():
    import keras
    from keras import layers

    convolution = {"padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(16, 3, name=LAYERS[0], **convolution),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, name=LAYERS[1], **convolution),
            layers.Conv2D(64, 3, name=LAYERS[2], **convolution),
            layers.GlobalMaxPooling2D(),
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
            frozen = LAYERS[: hp.Choice("frozen", [3, 2, 0])]
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
    parser.add_argument("--pretrain", type=int, default=5, help="epochs on the digits 0 to 4")
    parser.add_argument("--directory", default="runs", help="where the projects are kept")
    arguments = parser.parse_args()

    images, digits = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    known = np.repeat(np.flatnonzero(digits < 5), 10)
    before = scattered(images[known], rng), digits[known]
    train, validate, test = few_of_each(digits, rng)
    x = scattered(images, rng)

    for name in ("random", "pretrained"):
        # The first tuner loads Keras, without the notes that TensorFlow prints when it starts.
        start = pretrained(*before, arguments.pretrain) if name == "pretrained" else None
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
