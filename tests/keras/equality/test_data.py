"""What `fit` can be given as x, y and weights, and how it is cut into batches."""

import numpy as np
import pandas as pd
import pytest

from tests.keras.equality.cases import (
    UNITS,
    Dispatcher,
    Outcome,
    arguments,
    by_fit,
    check_both,
    check_own,
    check_plain,
    check_same,
    check_same_or_same_error,
    check_shared,
    classes,
    dispatched,
    keras,
    made,
    mlp,
    no_programs,
    numbers,
    one_output,
    rare_is_slow,
    sgd,
    splitted,
)

L = keras.layers
x, y = classes()

TYPES = {
    "float64": x.astype("float64"),
    "float16": x.astype("float16"),
    "uint8": (3 * np.abs(x)).astype("uint8"),
    "int64": (2 * x).astype("int64"),
    "bool": x > 0,
    "fortran order": np.asfortranarray(x),
    "a view": np.repeat(x, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("name", rare_is_slow(TYPES, ["float64", "int64", "bool", "a view"]))
def test_types_of_numbers(name):
    check_shared(mlp(), arguments((TYPES[name], y)))


@pytest.mark.parametrize(
    "dtype", rare_is_slow(["int8", "uint8", "int32", "float64", "bool"], ["int32", "bool"])
)
def test_types_of_targets(dtype):
    build = one_output(loss="binary_crossentropy", activation="sigmoid", metrics=["accuracy"])
    check_shared(build, arguments((x, (y > 0).astype(dtype))))


def test_targets_with_a_dimension_of_one():
    check_shared(mlp(), arguments((x, y[:, None])))


def test_one_feature_without_a_dimension():
    check_shared(mlp(inputs=(1,)), arguments((x[:, 0], y)))


def test_pandas():
    names = [f"column {i}" for i in range(6)]
    fit = arguments(validation_data=...)

    def tables(variant):
        given = fit(variant)
        given["x"] = pd.DataFrame(given["x"], columns=names)
        given["y"] = pd.Series(given["y"])
        return {**given, "validation_split": 0.2}

    check_shared(mlp(), tables)


def test_tensors():
    import tensorflow as tf

    def tensors(variant):
        given = arguments(validation_data=...)(variant)
        x, y = tf.constant(given["x"]), tf.constant(given["y"])
        return {**given, "x": x, "y": y, "validation_split": 0.2}

    check_shared(mlp(), tensors)


def two_inputs(variant):
    one, other = keras.Input((6,), name="one"), keras.Input((6,), name="other")
    hidden = L.Add()([L.Dense(UNITS[variant])(one), L.Dense(UNITS[variant])(other)])
    model = keras.Model([one, other], L.Dense(3, activation="softmax")(hidden))
    model.compile(sgd(variant), loss="sparse_categorical_crossentropy")
    return model


def dict_inputs(variant):
    inputs = {"other": keras.Input((6,), name="other"), "one": keras.Input((6,), name="one")}
    hidden = L.Subtract()([L.Dense(UNITS[variant])(inputs[name]) for name in ("one", "other")])
    model = keras.Model(inputs, L.Dense(3, activation="softmax")(hidden))
    model.compile(sgd(variant), loss="sparse_categorical_crossentropy")
    return model


NESTED = {
    "list": (two_inputs, [x, x[::-1].copy()]),
    "tuple": (two_inputs, (x, x[::-1].copy())),
    "dict for a list": (two_inputs, {"one": x, "other": x[::-1].copy()}),
    "dict": (dict_inputs, {"one": x, "other": x[::-1].copy()}),
    "dict of int and float": (dict_inputs, {"one": x, "other": (9 * x).astype("int32")}),
}


@pytest.mark.parametrize("name", rare_is_slow(NESTED, ["list", "dict", "dict of int and float"]))
def test_nested_inputs(name):
    build, nested = NESTED[name]
    check_shared(build, arguments((nested, y)))


def test_no_targets():
    class Reconstruction(L.Layer):
        def call(self, inputs):
            original, rebuilt = inputs
            self.add_loss(keras.ops.mean((original - rebuilt) ** 2))
            return rebuilt

    def build(variant):
        inputs = keras.Input((6,))
        outputs = Reconstruction()([inputs, L.Dense(6)(L.Dense(UNITS[variant])(inputs))])
        model = keras.Model(inputs, outputs)
        model.compile(sgd(variant))
        return model

    fit = arguments(y=..., validation_data=x[-25:])
    check_own(build, fit, "Reconstruction")


# ------------------------------------------------------------------ weights

(train_x, train_y), (held_x, held_y) = splitted((x, y))
WEIGHTS = np.linspace(0.0, 2.0, 65)
WEIGHTED = {
    "sample weights": {"sample_weight": WEIGHTS},
    "weights as a column": {"sample_weight": WEIGHTS[:, None]},
    "integer weights": {"sample_weight": np.arange(65)},
    "class weights": {"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}},
    "validation weights": {"validation_data": (held_x, held_y, np.linspace(0.5, 2, 25))},
    "both": {
        "sample_weight": WEIGHTS,
        "validation_data": (held_x, held_y, np.linspace(0.5, 2, 25)),
    },
    "split": {"sample_weight": WEIGHTS, "validation_data": ..., "validation_split": 0.3},
    "class weights and a split": {
        "class_weight": {0: 0.5, 1: 2.0, 2: 1.0},
        "validation_data": ...,
        "validation_split": 0.3,
    },
}


COMMON_WEIGHTS = ("sample weights", "class weights", "both", "class weights and a split")


@pytest.mark.parametrize("name", rare_is_slow(WEIGHTED, COMMON_WEIGHTS))
def test_weights(name):
    build = mlp(weighted_metrics=["accuracy"])
    check_shared(build, arguments(**WEIGHTED[name]))


@pytest.mark.parametrize("one_hot", rare_is_slow([False, True], [True]))
def test_class_weights_on_a_trace_of_its_own(one_hot):
    targets = np.eye(3, dtype="float32")[y] if one_hot else y[:, None]
    build = mlp(loss=("" if one_hot else "sparse_") + "categorical_crossentropy")
    fit = arguments((x, targets), class_weight={0: 0.5, 1: 2.0, 2: 1.0})
    check_own(build, fit, fastest="own trace")


# ------------------------------------------------------------------ batches, epochs

CALLS = {
    "batch_size None": {"batch_size": None},
    "larger than the data": {"batch_size": 1000},
    "one by one": {"batch_size": 1, "epochs": 1},
    "a divisor": {"batch_size": 13},
    "validation_split": {"validation_data": ..., "validation_split": 0.25},
    "no validation": {"validation_data": ...},
    "validation data as a list": {"validation_data": [held_x, held_y]},
    "validation_batch_size": {"validation_batch_size": 7},
    "validation_freq": {"validation_freq": 2, "epochs": 5},
    "list of validation_freq": {"validation_freq": [1, 3], "epochs": 4},
    "initial_epoch": {"initial_epoch": 2, "epochs": 4},
    "no epochs": {"epochs": 0},
    "shuffling of one batch": {"shuffle": True, "batch_size": 1000, "epochs": 2},
}


RARE_CALLS = ("larger than the data", "a divisor", "validation data as a list", "no validation")


@pytest.mark.parametrize("name", rare_is_slow(CALLS, [n for n in CALLS if n not in RARE_CALLS]))
def test_calls_of_fit(name):
    check_both(mlp(), arguments(**CALLS[name]))


def test_positional_arguments():
    model, other = made(mlp()), made(mlp())
    rest = {"verbose": 0, "shuffle": False}
    history, taken = Dispatcher().fit(model, (train_x, train_y, 16, 2), rest, [0])
    right = other.fit(train_x, train_y, 16, 2, verbose=0, shuffle=False)
    assert taken.path == "NumPy"
    check_same(Outcome(model, history), Outcome(other, right))


def test_an_array_that_is_changed_in_place_between_two_fits():
    dispatcher, build = Dispatcher(), mlp()
    x, y = classes()
    data = (x.copy(), y.copy())
    fit = arguments(data, validation_data=(data[0][:20], data[1][:20]))
    with no_programs():
        for change in ("nothing", "signs", "one number"):
            if change == "signs":
                np.negative(data[0], out=data[0])
                data[1].fill(1)
            elif change == "one number":
                data[0][3, 2] = 9.0
            outcome = dispatched(build, fit, dispatcher=dispatcher)
            if change != "nothing":
                check_same(outcome, by_fit(build, fit))


def test_the_data_is_put_on_the_device_once():
    dispatcher, build, fit = Dispatcher(), mlp(), arguments()
    with no_programs():
        for variant in (0, 1):
            dispatched(build, fit, variant, dispatcher=dispatcher)
    # Training and validation data.
    assert len(dispatcher._data._kept) == 2


def test_weights_that_are_changed_in_place():
    dispatcher, build = Dispatcher(), mlp()
    weights = np.ones(65)
    fit = arguments(sample_weight=weights)
    with no_programs():
        dispatched(build, fit, dispatcher=dispatcher)
        weights[:30] = 0.0
        check_same(dispatched(build, fit, dispatcher=dispatcher), by_fit(build, fit))


# ------------------------------------------------------------------ left to fit


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return x[i * 20 : i * 20 + 20], y[i * 20 : i * 20 + 20]


def generator():
    while True:
        yield x[:20], y[:20]


def of(**given):
    """The arguments of `fit`, and no others."""
    common = {"epochs": 2, "verbose": 0, "shuffle": False}
    return lambda variant: {
        **common, **{name: v() if callable(v) else v for name, v in given.items()}
    }  # fmt: skip


PLAIN = {
    "PyDataset": (of(x=lambda: Sequence()), "Sequence"),
    "generator": (of(x=generator, steps_per_epoch=3), "steps_per_epoch"),
    "generator for validation": (
        of(x=x, y=y, validation_data=generator, validation_steps=2),
        "validation_steps",
    ),
    "PyDataset for validation": (of(x=x, y=y, validation_data=lambda: Sequence()), "Sequence"),
    "steps_per_epoch": (of(x=x, y=y, steps_per_epoch=2), "steps_per_epoch"),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", rare_is_slow(PLAIN, ["PyDataset", "generator", "PyDataset for validation"])
)
def test_data_that_is_left_to_fit(name):
    fit, reason = PLAIN[name]
    check_plain(mlp(), fit, reason)


def test_sparse_data():
    import tensorflow as tf

    fit = of(x=lambda: tf.sparse.from_dense(np.maximum(x, 0)), y=y, batch_size=20)
    check_plain(mlp(), fit, "Sparse")


WRONG = {
    "different lengths": of(x=x, y=y[:-1]),
    "an unknown argument": of(x=x, y=y, unknown=1),
    "a split without rows": of(x=x[:2], y=y[:2], validation_split=0.1),
    "both weights": of(x=x[:65], y=y[:65], sample_weight=WEIGHTS, class_weight={0: 1, 1: 1, 2: 1}),
    "another number of features": of(x=x[:, :4], y=y),
    "targets of another shape": of(x=x, y=np.zeros((90, 7))),
    "a class without a weight": of(x=x, y=y, class_weight={0: 1.0, 1: 1.0}),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_told_by_fit(name):
    check_same_or_same_error(mlp(), WRONG[name])


def test_numbers_that_are_not_finite():
    data = numbers()
    data[0][3, 2] = np.nan
    check_shared(one_output(), arguments(data))
