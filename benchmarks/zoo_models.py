"""The kinds of models that `zoo.py` compares, with the data of each.

Eleven kinds that people tune, and five after public notebooks: the tutorial of KerasTuner on
tensorflow.org (images of 28 x 28, flattened), TensorFlow's tutorial on imbalanced data (class
weights, many metrics), Keras's examples of time series classification with convolutions, of text
classification with a bidirectional LSTM, and of wide and deep networks on tables with categories.
All data are scikit-learn's, or drawn at random with something to learn in them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from quiet_keras import load_keras

Values = dict[str, Any]

EPOCHS = 5
"""As in the tutorials: a search of ten trials, of which each ends early or here."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        name: in the table.
        ask: asks `hp` (of either library) for the values of a trial.
        model: the compiled model for such values.
        data: makes the arguments of `fit` that are data.
        objective: its best epoch counts.
        epochs, executions: how much a trial trains.
        batch_size: Keras's default; None: it is a hyperparameter.
        per_epoch: whether to measure the epochs after the first, too.
    """

    name: str
    ask: Callable[[Any], Values]
    model: Callable[[Values], Any]
    data: Callable[[], dict[str, Any]]
    objective: str = "val_loss"
    epochs: int = EPOCHS
    executions: int = 1
    batch_size: int | None = 32
    per_epoch: bool = False

    def arguments(self, data: dict[str, Any]) -> dict[str, Any]:
        """Of `fit`, but for the epochs."""
        keras = load_keras()
        return {**data, "callbacks": [keras.callbacks.EarlyStopping(patience=2)]}

    def build(self, hp: Any) -> Any:
        return self.model(self.ask(hp))

    def quick(self) -> "Kind":
        """The same for a trial run."""
        return dataclasses.replace(self, epochs=1)


# ---------------------------------------------------------------------- data


def arrays(x: Any, y: Any, held_out: int) -> dict[str, Any]:
    """The last samples are held out."""

    def part(given: Any, rows: slice) -> Any:
        if isinstance(given, dict):
            return {name: part(each, rows) for name, each in given.items()}
        return given[rows]

    training, rest = slice(None, -held_out), slice(-held_out, None)
    return {
        "x": part(x, training),
        "y": part(y, training),
        "validation_data": (part(x, rest), part(y, rest)),
    }


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


def cancer() -> dict[str, Any]:
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x = ((x - x.mean(0)) / x.std(0)).astype("float32")[order]
    return arrays(x, y[order].astype("float32"), 114)


def raw_cancer() -> dict[str, Any]:
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return arrays(x[order].astype("float32"), y[order].astype("float32"), 114)


def flat_digits() -> dict[str, Any]:
    return arrays(*digits(), 360)


def digits_to_digits() -> dict[str, Any]:
    x, _ = digits()
    return arrays(x, x, 360)


def digit_images() -> dict[str, Any]:
    x, y = digits()
    return arrays(x.reshape(-1, 8, 8, 1), y, 360)


def large_images() -> dict[str, Any]:
    """28 x 28 pixels: each of the digits' is repeated, and the edges are cut."""
    x, y = digits()
    larger = np.kron(x.reshape(-1, 8, 8), np.ones((1, 4, 4), "float32"))[:, 2:30, 2:30]
    return arrays(larger[..., None], y, 360)


def flat_large_images() -> dict[str, Any]:
    x, y = digits()
    larger = np.kron(x.reshape(-1, 8, 8), np.ones((1, 4, 4), "float32"))[:, 2:30, 2:30]
    return arrays(larger, y, 360)


def texts() -> dict[str, Any]:
    """2,000 texts of 60 words out of 1,000; those of a class prefer some words."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2000)
    common = rng.integers(1, 1000, (2000, 60))
    own = rng.integers(1, 100, (2000, 60)) + 100 * y[:, None]
    x = np.where(rng.random((2000, 60)) < 0.15, own, common)
    return arrays(x.astype("int32"), y.astype("float32"), 400)


def two_and_two() -> dict[str, Any]:
    x, y = digits()
    inputs = {"upper": x[:, :32], "lower": x[:, 32:]}
    return arrays(inputs, {"digit": y, "even": (y % 2 == 0).astype("float32")}, 360)


def series() -> dict[str, Any]:
    """1,500 windows of 24 steps of noisy sums of two waves, and the next value."""
    rng = np.random.default_rng(0)
    phases, periods = rng.uniform(0, 6, (2, 1500, 1)), rng.uniform(4, 20, (2, 1500, 1))
    times = np.arange(25)
    waves = np.sin(times / periods + phases).sum(0) + rng.normal(0, 0.1, (1500, 25))
    waves = waves.astype("float32")
    return arrays(waves[:, :24, None], waves[:, 24], 300)


def labelled_series() -> dict[str, Any]:
    """1,200 series of 128 steps; the class is which of two shapes is hidden in the noise."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1200)
    x = rng.normal(0, 1, (1200, 128))
    shapes = np.sin(np.linspace(0, 6, 32)), np.sign(np.sin(np.linspace(0, 6, 32)))
    for row, label, begin in zip(x, y, rng.integers(0, 96, 1200)):
        row[begin : begin + 32] += 2 * shapes[label]
    return arrays(x.astype("float32")[..., None], y, 240)


def mapped() -> dict[str, Any]:
    import tensorflow as tf

    x, y = digits()

    def scaled(image: Any, label: Any) -> tuple[Any, Any]:
        return 2 * image - 1, label

    def dataset(rows: slice) -> Any:
        return tf.data.Dataset.from_tensor_slices((x[rows], y[rows])).map(scaled)

    return {
        "x": dataset(slice(None, -360)).shuffle(1437).batch(32).prefetch(2),
        "validation_data": dataset(slice(-360, None)).batch(32),
    }


def imbalanced() -> dict[str, Any]:
    """8,000 rows of 29 numbers, of which 2 % are of the second class."""
    rng = np.random.default_rng(0)
    y = (rng.random(8000) < 0.02).astype("float32")
    x = rng.normal(0, 1, (8000, 29)) + 1.5 * y[:, None] * rng.normal(0, 1, 29)
    return {**arrays(x.astype("float32"), y[:, None], 1600), "class_weight": {0: 0.51, 1: 25.0}}


def with_categories() -> dict[str, Any]:
    """3,000 rows of 6 numbers and 3 categories."""
    rng = np.random.default_rng(0)
    x = {"numbers": rng.normal(0, 1, (3000, 6)).astype("float32")}
    effects = np.zeros(3000)
    for name, count in (("city", 40), ("job", 12), ("day", 7)):
        x[name] = rng.integers(0, count, (3000, 1))
        effects += rng.normal(0, 1, count)[x[name][:, 0]]
    noise = rng.normal(0, 0.5, 3000)
    y = effects + x["numbers"] @ rng.normal(0, 1, 6) + noise > 0
    return arrays(x, y.astype("float32"), 600)


# ---------------------------------------------------------------------- models


def rate(hp: Any) -> float:
    return float(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))


def units(hp: Any) -> int:
    return int(hp.Int("units", 16, 128, step=16))


def ask_units(hp: Any) -> Values:
    return {"units": units(hp), "learning_rate": rate(hp)}


def ask_dropout(hp: Any) -> Values:
    return {**ask_units(hp), "dropout": hp.Float("dropout", 0.1, 0.5)}


def ask_layers(hp: Any) -> Values:
    return {"layers": hp.Int("layers", 1, 3), **ask_dropout(hp)}


def ask_filters(hp: Any) -> Values:
    return {"filters": hp.Int("filters", 8, 32, step=8), **ask_units(hp)}


def compiled(model: Any, values: Values, loss: Any, **others: Any) -> Any:
    keras = load_keras()
    model.compile(keras.optimizers.Adam(values["learning_rate"]), loss=loss, **others)
    return model


def classifier(model: Any, values: Values) -> Any:
    return compiled(model, values, "sparse_categorical_crossentropy", metrics=["accuracy"])


def binary(model: Any, values: Values) -> Any:
    return compiled(model, values, "binary_crossentropy", metrics=["accuracy"])


def sequential(shape: tuple[int, ...], *made: Any) -> Any:
    keras = load_keras()
    return keras.Sequential([keras.Input(shape), *made])


def table(values: Values) -> Any:
    layers = load_keras().layers
    hidden = []
    for _ in range(values["layers"]):
        hidden += [
            layers.Dense(values["units"], activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(values["dropout"]),
        ]
    return binary(sequential((30,), *hidden, layers.Dense(1, activation="sigmoid")), values)


def autoencoder(values: Values) -> Any:
    layers = load_keras().layers
    made = [
        layers.Dense(values["units"], activation="relu"),
        layers.Dense(8, activation="relu"),
        layers.Dense(values["units"], activation="relu"),
        layers.Dense(64, activation="sigmoid"),
    ]
    return compiled(sequential((64,), *made), values, "mse")


def subclassed(values: Values) -> Any:
    keras = load_keras()

    class Subclassed(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = keras.layers.Dense(values["units"], activation="relu")
            self.dropout = keras.layers.Dropout(values["dropout"])
            self.last = keras.layers.Dense(10, activation="softmax")

        def call(self, x: Any, training: bool = False) -> Any:
            return self.last(self.dropout(self.hidden(x), training=training))

    return classifier(Subclassed(), values)


def adapted(values: Values) -> Any:
    layers = load_keras().layers
    normalization = layers.Normalization()
    normalization.adapt(raw_cancer()["x"])
    made = [
        normalization,
        layers.Dense(values["units"], activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
    return binary(sequential((30,), *made), values)


def text(values: Values) -> Any:
    layers = load_keras().layers
    made = [
        layers.Embedding(1000, values["units"]),
        layers.GlobalAveragePooling1D(),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
    return binary(sequential((60,), *made), values)


def two_inputs(values: Values) -> Any:
    keras = load_keras()
    inputs = {name: keras.Input((32,), name=name) for name in ("upper", "lower")}
    halves = [keras.layers.Dense(values["units"], "relu")(each) for each in inputs.values()]
    both = keras.layers.Concatenate()(halves)
    outputs = {
        "digit": keras.layers.Dense(10, activation="softmax", name="digit")(both),
        "even": keras.layers.Dense(1, activation="sigmoid", name="even")(both),
    }
    losses = {"digit": "sparse_categorical_crossentropy", "even": "binary_crossentropy"}
    return compiled(keras.Model(inputs, outputs), values, losses)


def augmented(values: Values) -> Any:
    layers = load_keras().layers
    made = [
        layers.RandomRotation(0.05),
        layers.RandomTranslation(0.1, 0.1),
        layers.Conv2D(values["filters"], 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(values["units"], activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return classifier(sequential((8, 8, 1), *made), values)


def frozen(values: Values) -> Any:
    keras = load_keras()
    layers = keras.layers
    base = sequential(
        (28, 28, 1),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(32, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
    )
    base.trainable = False
    inputs = keras.Input((28, 28, 1))
    hidden = layers.Dense(values["units"], activation="relu")(base(inputs, training=False))
    outputs = layers.Dense(10, activation="softmax")(layers.Dropout(values["dropout"])(hidden))
    return classifier(keras.Model(inputs, outputs), values)


def cnn(values: Values) -> Any:
    layers = load_keras().layers
    made = [
        layers.Conv2D(values["filters"], 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(2 * values["filters"], 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(values["units"], activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return classifier(sequential((28, 28, 1), *made), values)


def lstm(values: Values) -> Any:
    layers = load_keras().layers
    made = [layers.LSTM(values["units"] // 2), layers.Dense(1)]
    return compiled(sequential((24, 1), *made), values, "mse")


def dense(values: Values) -> Any:
    layers = load_keras().layers
    made = [
        layers.Dense(values["units"], activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return classifier(sequential((64,), *made), values)


def tutorial(values: Values) -> Any:
    keras = load_keras()
    made = [
        keras.layers.Flatten(),
        keras.layers.Dense(values["units"], activation="relu"),
        keras.layers.Dense(10),
    ]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return compiled(sequential((28, 28), *made), values, loss, metrics=["accuracy"])


def ask_tutorial(hp: Any) -> Values:
    return {
        "units": hp.Int("units", 32, 512, step=32),
        "learning_rate": hp.Choice("learning_rate", [1e-2, 1e-3, 1e-4]),
    }


def rare(values: Values) -> Any:
    keras = load_keras()
    made = [
        keras.layers.Dense(values["units"], activation="relu"),
        keras.layers.Dropout(values["dropout"]),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
    metrics = [
        keras.metrics.BinaryCrossentropy(name="cross_entropy"),
        keras.metrics.MeanSquaredError(name="brier"),
        keras.metrics.TruePositives(name="tp"),
        keras.metrics.FalsePositives(name="fp"),
        keras.metrics.BinaryAccuracy(name="accuracy"),
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(name="auc"),
        keras.metrics.AUC(name="prc", curve="PR"),
    ]
    return compiled(sequential((29,), *made), values, "binary_crossentropy", metrics=metrics)


def convolutional_series(values: Values) -> Any:
    layers = load_keras().layers
    made = []
    for _ in range(3):
        made += [
            layers.Conv1D(values["filters"], 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    made += [layers.GlobalAveragePooling1D(), layers.Dense(2, activation="softmax")]
    return classifier(sequential((128, 1), *made), values)


def bidirectional(values: Values) -> Any:
    layers = load_keras().layers
    made = [
        layers.Embedding(1000, 32),
        layers.Bidirectional(layers.LSTM(values["units"] // 4)),
        layers.Dense(1, activation="sigmoid"),
    ]
    return binary(sequential((60,), *made), values)


def wide_and_deep(values: Values) -> Any:
    keras = load_keras()
    layers = keras.layers
    inputs = {"numbers": keras.Input((6,), name="numbers")}
    parts = [inputs["numbers"]]
    for name, count in (("city", 40), ("job", 12), ("day", 7)):
        inputs[name] = keras.Input((1,), name=name, dtype="int64")
        parts.append(layers.Flatten()(layers.Embedding(count, 4)(inputs[name])))
    wide = layers.Concatenate()(parts)
    deep = layers.Dense(values["units"], activation="relu")(wide)
    deep = layers.BatchNormalization()(layers.Dropout(values["dropout"])(deep))
    outputs = layers.Dense(1, activation="sigmoid")(layers.Concatenate()([wide, deep]))
    return binary(keras.Model(inputs, outputs), values)


KINDS = [
    Kind("table: Dense, BatchNormalization, Dropout", ask_layers, table, cancer),
    Kind("autoencoder", ask_units, autoencoder, digits_to_digits),
    Kind("subclassed model", ask_dropout, subclassed, flat_digits),
    Kind("adapted Normalization first", ask_units, adapted, raw_cancer),
    Kind("text: Embedding, pooling, Dense", ask_units, text, texts),
    Kind("two inputs, two outputs", ask_units, two_inputs, two_and_two),
    Kind("images with augmentation layers", ask_filters, augmented, digit_images),
    Kind("frozen base, new head", ask_dropout, frozen, large_images),
    Kind("CNN 28 x 28", ask_filters, cnn, large_images),
    Kind("LSTM", ask_units, lstm, series),
    Kind("tf.data with map", ask_units, dense, mapped),
    Kind("tutorial: 28 x 28, flattened", ask_tutorial, tutorial, flat_large_images),
    Kind("imbalanced: class weights, 9 metrics", ask_dropout, rare, imbalanced),
    Kind("series: Conv1D, BatchNormalization", ask_filters, convolutional_series, labelled_series),
    Kind("text: bidirectional LSTM", ask_units, bidirectional, texts),
    Kind("wide and deep, categories", ask_dropout, wide_and_deep, with_categories),
]
