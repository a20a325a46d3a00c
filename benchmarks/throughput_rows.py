"""What `throughput.py` compares: nine searches, each with its space, model, data, arithmetic."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from quiet_keras import load_keras

import kerastune_lite as kt

Values = dict[str, Any]
Products = list[tuple[int, int, int]]
"""A model's matrix products, one per layer with weights: (rows per sample, inputs, outputs)."""


def drawn(ask: Callable[[Any], Values], count: int) -> list[Values]:
    """The values of so many trials: drawn at random, and the same in each run."""
    rng = np.random.default_rng(0)

    def one() -> Values:
        return ask(kt.HyperParameters(fill=lambda parameter: parameter.domain.sample(rng)))

    return [one() for _ in range(count)]


@dataclasses.dataclass(frozen=True)
class Row:
    """One search.

    Attributes:
        name: in the table.
        ask: asks `hp` (of either library) for the values of a trial.
        model: the compiled model for such values.
        data: x, y, and the same for validation.
        samples: how many of each there are.
        products: of the model for such values; the floor is computed from them.
        epochs, trials, executions: how much is trained.
        structure: the hyperparameters that say which layer follows which, sizes apart.
        peers_every: the peers train every so manieth trial only.
        batch_size: None where it is a hyperparameter.
        objective: its best epoch counts.
        per_epoch: whether to measure the epochs after the first, too.
    """

    name: str
    ask: Callable[[Any], Values]
    model: Callable[[Values], Any]
    data: Callable[[], tuple[np.ndarray, ...]]
    samples: tuple[int, int]
    products: Callable[[Values], Products]
    epochs: int
    trials: int
    structure: tuple[str, ...] = ()
    executions: int = 1
    peers_every: int = 1
    batch_size: int | None = None
    objective: str = "val_accuracy"
    per_epoch: bool = False

    def build(self, hp: Any) -> Any:
        return self.model(self.ask(hp))

    def arguments(self, data: Any) -> dict[str, Any]:
        """Of `fit`, but for the epochs."""
        x, y, held_out, held_out_y = data
        size = {} if self.batch_size is None else {"batch_size": self.batch_size}
        return {"x": x, "y": y, "validation_data": (held_out, held_out_y), **size}

    def drawn(self) -> list[Values]:
        """The values of all trials: drawn at random, and the same in each run."""
        return drawn(self.ask, self.trials)

    def later(self, drawn: list[Values]) -> list[int]:
        """The numbers of the trials whose structure was met before."""
        structures = [tuple(values[name] for name in self.structure) for values in drawn]
        return [i for i, structure in enumerate(structures) if structure in structures[:i]]

    def batches(self, values: Values) -> tuple[list[int], list[int]]:
        """The sizes of an epoch's batches, in training and in validation."""
        size = self.batch_size or values["batch_size"]
        training, validation = (
            [size] * (count // size) + [count % size] * (count % size > 0) for count in self.samples
        )
        return training, validation


def dense_products(sizes: list[int]) -> Products:
    return [(1, inputs, outputs) for inputs, outputs in itertools.pairwise(sizes)]


# ---------------------------------------------------------------------- data


def digits() -> tuple[np.ndarray, ...]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x, held_out, y, held_out_y = train_test_split(
        (x / 16).astype("float32"), y, test_size=360, random_state=0
    )
    return x, y, held_out, held_out_y


def digit_images() -> tuple[np.ndarray, ...]:
    x, y, held_out, held_out_y = digits()
    return x.reshape(-1, 8, 8, 1), y, held_out.reshape(-1, 8, 8, 1), held_out_y


def diabetes() -> tuple[np.ndarray, ...]:
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    x, y = (20 * x).astype("float32"), ((y - y.mean()) / y.std()).astype("float32")
    return x[:353], y[:353], x[353:], y[353:]


def noise(count: int) -> tuple[np.ndarray, ...]:
    """Random pixels with random labels, and 1,000 more to validate on."""
    rng = np.random.default_rng(0)
    x = rng.random((count + 1000, 784), dtype="float32")
    y = rng.integers(0, 10, count + 1000)
    return x[:count], y[:count], x[count:], y[count:]


# ---------------------------------------------------------------------- networks


def ask_mission(hp: Any) -> Values:
    layers = hp.Int("layers", 1, 3)
    return {
        "layers": layers,
        **{f"units_{i}": hp.Int(f"units_{i}", 32, 256, step=32) for i in range(layers)},
        "activation": hp.Choice("activation", ["relu", "tanh"]),
        **ask_rates(hp),
        "batch_size": hp.Choice("batch_size", [32, 64, 128]),
    }


def ask_rates(hp: Any) -> Values:
    return {
        "learning_rate": hp.Float("learning_rate", 1e-3, 1e-1, sampling="log"),
        "momentum": hp.Float("momentum", 0.0, 0.95),
    }


def mission(values: Values) -> Any:
    return classifier(units_of(values), values["activation"], values)


def two_layers(values: Values) -> Any:
    return classifier([128, 128], "relu", values)


def classifier(units: list[int], activation: str, values: Values) -> Any:
    keras = load_keras()
    model = keras.Sequential([keras.Input((64,))])
    for width in units:
        model.add(keras.layers.Dense(width, activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    return compiled(
        model, keras.optimizers.SGD(values["learning_rate"], momentum=values["momentum"])
    )


def compiled(model: Any, optimizer: Any) -> Any:
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def units_of(values: Values) -> list[int]:
    return [values[f"units_{i}"] for i in range(values["layers"])]


def mission_products(values: Values) -> Products:
    return dense_products([64, *units_of(values), 10])


def two_layers_products(values: Values) -> Products:
    return dense_products([64, 128, 128, 10])


def ask_cnn(hp: Any) -> Values:
    convolutions = hp.Int("convolutions", 1, 2)
    return {
        "convolutions": convolutions,
        **{f"filters_{i}": hp.Int(f"filters_{i}", 8, 32, step=8) for i in range(convolutions)},
        "units": hp.Int("units", 32, 128, step=32),
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
    }


def cnn(values: Values) -> Any:
    keras = load_keras()
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for filters in filters_of(values):
        model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D())
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(values["units"], activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    return compiled(model, keras.optimizers.Adam(values["learning_rate"]))


def filters_of(values: Values) -> list[int]:
    return [values[f"filters_{i}"] for i in range(values["convolutions"])]


def cnn_products(values: Values) -> Products:
    """A convolution counts as the product of its patches and its kernel (im2col)."""

    def products() -> Iterator[tuple[int, int, int]]:
        side, channels = 8, 1
        for filters in filters_of(values):
            yield side * side, 9 * channels, filters
            side, channels = side // 2, filters
        yield from dense_products([side * side * channels, values["units"], 10])

    return list(products())


def ask_regression(hp: Any) -> Values:
    layers = hp.Int("layers", 1, 3)
    return {
        "layers": layers,
        **{f"units_{i}": hp.Int(f"units_{i}", 16, 128, step=16) for i in range(layers)},
        "dropout": hp.Float("dropout", 0.05, 0.5),
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        "weight_decay": hp.Float("weight_decay", 1e-5, 1e-2, sampling="log"),
    }


def regression(values: Values) -> Any:
    keras = load_keras()
    model = keras.Sequential([keras.Input((10,))])
    for width in units_of(values):
        model.add(keras.layers.Dense(width))
        model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.Activation("relu"))
        model.add(keras.layers.Dropout(values["dropout"]))
    model.add(keras.layers.Dense(1))
    optimizer = keras.optimizers.AdamW(values["learning_rate"], weight_decay=values["weight_decay"])
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


def regression_products(values: Values) -> Products:
    return dense_products([10, *units_of(values), 1])


def ask_rate(hp: Any) -> Values:
    return {"learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")}


def pixels(units: list[int], dropout: float, values: Values) -> Any:
    keras = load_keras()
    model = keras.Sequential([keras.Input((784,))])
    for width in units:
        model.add(keras.layers.Dense(width, activation="relu"))
        if dropout:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, activation="softmax"))
    return compiled(model, keras.optimizers.Adam(values["learning_rate"]))


def pixels_products(units: list[int], values: Values) -> Products:
    return dense_products([784, *units, 10])


# ---------------------------------------------------------------------- the rows


def mission_row(epochs: int, **how: Any) -> Row:
    return Row(
        f"digits, {epochs} epochs",
        ask_mission,
        mission,
        digits,
        (1437, 360),
        mission_products,
        epochs,
        trials=30,
        structure=("layers", "activation"),
        **how,
    )


def pixels_row(name: str, count: int, units: list[int], dropout: float, **how: Any) -> Row:
    return Row(
        name,
        ask_rate,
        functools.partial(pixels, units, dropout),
        functools.partial(noise, count),
        (count, 1000),
        functools.partial(pixels_products, units),
        epochs=3,
        objective="val_loss",
        per_epoch=True,
        **how,
    )


rates_only = Row(
    "rates only",
    ask_rates,
    two_layers,
    digits,
    (1437, 360),
    two_layers_products,
    epochs=10,
    trials=30,
    peers_every=3,
    batch_size=64,
)

ROWS = [
    mission_row(3),
    mission_row(10),
    mission_row(30, peers_every=3),
    rates_only,
    dataclasses.replace(rates_only, name="5 executions", trials=6, executions=5, peers_every=1),
    Row(
        "small CNN",
        ask_cnn,
        cnn,
        digit_images,
        (1437, 360),
        cnn_products,
        epochs=10,
        trials=30,
        structure=("convolutions",),
        peers_every=3,
        batch_size=64,
    ),
    Row(
        "regression",
        ask_regression,
        regression,
        diabetes,
        (353, 89),
        regression_products,
        epochs=20,
        trials=30,
        structure=("layers",),
        peers_every=3,
        batch_size=32,
        objective="val_loss",
    ),
    pixels_row("60,000 x 784", 60_000, [128], 0.2, trials=2, batch_size=32),
    pixels_row("wide", 10_000, [1024] * 3, 0.0, trials=2, batch_size=256),
]
