"""Builders for the tests of the scikit-learn side."""

import keras


def build(hp, meta):
    """A small network for whatever labels there are."""
    units = hp.Int("units", 4, 64, default=32)
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-2)
    several = meta["target_type_"].startswith("multilabel")
    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(units, activation=hp.Choice("activation", ["relu", "tanh"])),
            keras.layers.Dense(
                max(meta["n_classes_"], 2), activation="sigmoid" if several else "softmax"
            ),
        ]
    )
    loss = "binary_crossentropy" if several else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss=loss)
    return model


def build_sigmoid(hp):
    """Two classes, four features, one output."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(hp.Int("units", 2, 32, default=8), activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(hp.Float("learning_rate", 1e-3, 1e-1, sampling="log", default=1e-2)),
        loss="binary_crossentropy",
    )
    return model


def build_regression(hp, meta):
    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(hp.Int("units", 4, 64, default=32), activation="relu"),
            keras.layers.Dense(meta["n_outputs_"]),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-2), loss="mse")
    return model
