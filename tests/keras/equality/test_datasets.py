"""tf.data datasets: read once where that gives the same, left to `fit` where it may not."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    BATCHES,
    by_fit,
    check_own,
    check_plain,
    check_same_or_same_error,
    check_shared,
    classes,
    dispatched,
    keras,
    mlp,
    numbers,
    one_output,
    rare_is_slow,
)

x, y = classes()


def slices(*arrays):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(arrays or (x, y))


def zipped():
    import tensorflow as tf

    parts = (tf.data.Dataset.from_tensor_slices(part) for part in (x, y))
    return tf.data.Dataset.zip(tuple(parts))


def generated():
    import tensorflow as tf

    specs = tf.TensorSpec((6,), "float32"), tf.TensorSpec((), "int64")
    return tf.data.Dataset.from_generator(lambda: iter(zip(x, y)), output_signature=specs)


def of(dataset, **others):
    """The arguments of `fit`; the dataset is a function of the size of batches."""

    def given(variant):
        made = {name: v() if callable(v) else v for name, v in others.items()}
        return {"x": dataset(BATCHES[variant]), "epochs": 2, "verbose": 0, "shuffle": False, **made}

    return given


READ = {
    "batched": lambda size: slices().batch(size),
    "prefetched": lambda size: slices().batch(size).prefetch(2),
    "cached": lambda size: slices().cache().batch(size),
    "taken and skipped": lambda size: slices().skip(3).take(50).batch(size),
    "without a remainder": lambda size: slices().batch(size, drop_remainder=True),
    "in parallel": lambda size: slices().batch(size, num_parallel_calls=2),
    "zipped": lambda size: zipped().batch(size),
    "with weights": lambda size: slices(x, y, np.linspace(0, 2, 90)).batch(size),
    "doubles": lambda size: slices(x.astype("float64"), y).batch(size),
    "one batch, shuffled": lambda size: slices().shuffle(90).batch(90),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    rare_is_slow(
        READ,
        ["prefetched", "cached", "zipped", "with weights", "without a remainder"],
    ),
)
def test_datasets_that_are_read_once(name):
    def held_out():
        return slices(x[:20], y[:20]).batch(6)

    check_shared(mlp(), of(READ[name], validation_data=held_out))


def test_a_dataset_for_validation_only():
    def given(variant):
        held_out = slices(x[:20], y[:20]).batch(6)
        common = {"batch_size": BATCHES[variant], "epochs": 2, "verbose": 0, "shuffle": False}
        return {"x": x, "y": y, "validation_data": held_out, **common}

    check_shared(mlp(), given)


def worst(y_true, y_pred):
    return keras.ops.max(keras.ops.abs(y_true - y_pred))


def test_arrays_for_validation_of_a_dataset_come_in_batches_of_32():
    """Not of the size of the dataset's batches."""
    x, y = numbers()

    def given(variant):
        return {
            "x": slices(x, y).batch(10), "epochs": 2, "verbose": 0, "shuffle": False,
            "validation_data": (x[:60], y[:60]),
        }  # fmt: skip

    check_own(one_output(metrics=[worst]), given)


@pytest.mark.parametrize("one_hot", rare_is_slow([False, True], [False]))
def test_class_weights(one_hot):
    targets = np.eye(3, dtype="float32")[y] if one_hot else y
    build = mlp(loss=("" if one_hot else "sparse_") + "categorical_crossentropy")
    weights = {0: 0.5, 1: 2.0, 2: 1.0}
    check_shared(build, of(lambda size: slices(x, targets).batch(size), class_weight=weights))


def test_each_epoch_of_a_shuffled_dataset_has_an_order_of_its_own():
    fit = of(lambda size: slices().shuffle(90).batch(size), epochs=6)
    outcome = dispatched(mlp(), fit)
    assert outcome.path == "shared trace"
    right = by_fit(mlp(), of(READ["batched"], epochs=6))
    # Not the order of the data; the same number of steps, and as good a result.
    assert int(outcome.model.optimizer.iterations) == int(right.model.optimizer.iterations)
    assert outcome.history.history["loss"] != right.history.history["loss"]
    assert abs(outcome.history.history["loss"][-1] - right.history.history["loss"][-1]) < 0.2


PLAIN = {
    "mapped": (lambda size: slices().map(lambda a, b: (a, b)).batch(size), "map"),
    "mapped as batches": (lambda size: slices().batch(size).map(lambda a, b: (-a, b)), "map"),
    "filtered": (lambda size: slices().filter(lambda a, b: b < 2).batch(size), "filter"),
    "from a generator": (lambda size: generated().batch(size), ""),
    "repeated": (lambda size: slices().repeat(2).batch(size), "repeat"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("name", rare_is_slow(PLAIN, ["mapped", "filtered", "repeated"]))
def test_datasets_that_are_left_to_fit(name):
    dataset, reason = PLAIN[name]
    check_plain(mlp(), of(dataset), reason)


@pytest.mark.slow
def test_an_endless_dataset():
    fit = of(lambda size: slices().repeat().batch(size), steps_per_epoch=3)
    check_plain(mlp(), fit, "steps_per_epoch")


SHUFFLED = {
    "in part": (lambda size: slices().shuffle(10, seed=1).batch(size), "in part"),
    "once": (
        lambda size: slices().shuffle(90, seed=1, reshuffle_each_iteration=False).batch(size),
        "once",
    ),
    "batches": (lambda size: slices().batch(size).shuffle(9, seed=1), "shuffled"),
    "and taken": (lambda size: slices().shuffle(90, seed=1).take(50).batch(size), "shuffled"),
    "and cached": (lambda size: slices().shuffle(90, seed=1).cache().batch(size), "shuffled"),
    "without a remainder": (
        lambda size: slices().shuffle(90, seed=1).batch(size, drop_remainder=True),
        "remainder",
    ),
}


@pytest.mark.parametrize("name", SHUFFLED)
def test_shuffled_datasets_that_are_left_to_fit(name):
    dataset, reason = SHUFFLED[name]
    outcome = dispatched(mlp(), of(dataset))
    assert outcome.path == "model.fit"
    assert reason in outcome.reason


WRONG = {
    "targets besides": {"y": y},
    "weights besides": {"sample_weight": np.ones(90)},
    "a split": {"validation_split": 0.2},
    "a size of batches": {"batch_size": 10},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_fit_does_not_take_with_a_dataset(name):
    fit = of(READ["batched"], **WRONG[name])
    check_same_or_same_error(mlp(), fit)
