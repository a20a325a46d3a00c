"""tf.data datasets: read once where that gives the same, left to `fit` where it may not."""

import numpy as np
import pytest

from kerastune_lite._src.keras.compat import datasets as parts_of_datasets
from kerastune_lite._src.keras.compat import probes
from kerastune_lite._src.keras.fast import samples
from kerastune_lite._src.keras.fast.datasets import is_lasting
from kerastune_lite._src.keras.fast.fit_call import FitCall, Unsuitable
from kerastune_lite._src.keras.fast.samples import DeviceData
from tests.keras.equality.cases import (
    ARRAYS,
    BATCHES,
    SHARED,
    by_fit,
    check_own,
    check_plain,
    check_same,
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
adapted = keras.layers.Normalization()
adapted.adapt(x)
augmenting = keras.layers.GaussianNoise(0.3, seed=5)


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


def growing_within():
    function = growing()
    return within(lambda inner: inner.map(function))


def of(dataset, **others):
    """The arguments of `fit`; the dataset is a function of the size of batches."""

    def given(variant):
        made = {name: v() if callable(v) else v for name, v in others.items()}
        return {"x": dataset(BATCHES[variant]), "epochs": 2, "verbose": 0, "shuffle": False, **made}

    return given


def counted(dataset, count):
    import tensorflow as tf

    return dataset.apply(tf.data.experimental.assert_cardinality(count))


def doubled(a, b):
    return 2 * a, b


def noisy(a, b):
    """With a seed, and so with the same noise each time."""
    import tensorflow as tf

    return a + tf.random.normal(a.shape, stddev=0.3, seed=3), b


def drawing():
    """A function for `map` that draws other noise each time, in Python."""
    import tensorflow as tf

    rng = np.random.default_rng(0)

    def noise(a):
        return a + rng.normal(0, 0.5, a.shape).astype("float32")

    return lambda a, b: (tf.ensure_shape(tf.numpy_function(noise, [a], tf.float32), a.shape), b)


def growing():
    """A function for `map` that changes a variable each time."""
    import tensorflow as tf

    scale = tf.Variable(1.0)
    return lambda a, b: (a * scale.assign_add(0.01), b)


def within(function):
    """A dataset of datasets, to which a function is applied before they are joined."""
    groups = slices(x.reshape(30, 3, 6), y.reshape(30, 3))
    return counted(groups.flat_map(lambda a, b: function(slices(a, b))), 90)


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
    "mapped": lambda size: slices().map(doubled).batch(size),
    "mapped as batches": lambda size: slices().batch(size).map(doubled, num_parallel_calls=2),
    "repeated": lambda size: slices().repeat(2).batch(size),
    "one after the other": lambda size: slices().concatenate(slices(x[:5], y[:5])).batch(size),
    "filtered, its length said": lambda size: counted(
        slices().filter(lambda a, b: b < 2), int((y < 2).sum())
    ).batch(size),
    "interleaved, its length said": lambda size: counted(
        slices(x.reshape(30, 3, 6), y.reshape(30, 3)).interleave(slices, cycle_length=3), 90
    ).batch(size),
    "random, then cached": lambda size: slices().map(drawing()).cache().batch(size),
    "random batches, then cached": lambda size: slices().map(drawing()).batch(15).cache().prefetch(
        2
    ),
    "mapped within": lambda size: within(lambda inner: inner.map(doubled)).batch(size),
    "by a layer": lambda size: slices().batch(size).map(lambda a, b: (adapted(a), b)),
}  # fmt: skip


# Keras says so of a dataset whose length it does not know, after the first epoch.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    "name",
    rare_is_slow(
        READ,
        [name for name in READ if name not in ("batched", "mapped", "in parallel", "doubles")],
    ),
)
def test_datasets_that_are_read_once(name):
    def held_out():
        return slices(x[:20], y[:20]).filter(lambda a, b: b < 2).batch(6)

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


ANEW = {
    "random": lambda size: slices().map(noisy).batch(size),
    "in Python": lambda size: slices().map(drawing()).batch(size),
    "by a variable": lambda size: slices().map(growing()).batch(size),
    "by a variable within": lambda size: growing_within().batch(size),
    "cached in part": lambda size: slices().map(drawing()).cache().take(50).batch(size),
}  # fmt: skip
SHUFFLED = {
    "in part": lambda size: slices().shuffle(10, seed=1).batch(size),
    "once": lambda size: slices().shuffle(90, seed=1, reshuffle_each_iteration=False).batch(size),
    "as batches": lambda size: slices().batch(size, drop_remainder=True).shuffle(9, seed=1),
    "and taken": lambda size: slices().shuffle(90, seed=1).take(50).batch(size),
    "and mapped": lambda size: slices().shuffle(90, seed=1).map(doubled).batch(size),
    "without a remainder": lambda size: slices().shuffle(90, seed=1).batch(
        size, drop_remainder=True
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", rare_is_slow(ANEW, ["in Python", "by a variable within"]))
def test_datasets_that_are_read_in_each_epoch(name):
    """The histories are those of `fit`, so each epoch has had the samples that it has there."""

    def held_out():
        return slices(x[:20], y[:20]).map(drawing()).batch(6)

    check_shared(mlp(), of(ANEW[name], validation_data=held_out, epochs=3))


@pytest.mark.parametrize("name", SHUFFLED)
def test_shuffled_datasets_are_read_in_each_epoch(name):
    def batches(dataset):
        return np.concatenate([part.numpy() for part, _ in dataset])

    read = DeviceData().of(FitCall(SHUFFLED[name](16)))[0]
    other = SHUFFLED[name](16)
    for _ in range(3):
        np.testing.assert_array_equal(read.tensors[0], batches(other))
        read = read.again()


@pytest.mark.parametrize("fastest", [SHARED, ARRAYS])
def test_shuffled_datasets_are_trained_on_fast_paths(fastest):
    assert dispatched(mlp(), of(SHUFFLED["in part"]), fastest=fastest).path == fastest


def files_in_a_new_order(folder):
    import tensorflow as tf

    (folder / "numbers.txt").write_text("1\n2\n")
    return tf.data.TextLineDataset(tf.data.Dataset.list_files(str(folder / "*.txt")))


def inner_order_left_open(folder):
    return within(lambda inner: inner.map(doubled, num_parallel_calls=2, deterministic=False))


def zipped_with_fewer(folder):
    import tensorflow as tf

    kept = slices().map(drawing()).cache()
    return tf.data.Dataset.zip((kept, tf.data.Dataset.range(50)))


@pytest.mark.parametrize(
    "dataset",
    [
        lambda folder: slices().map(drawing()).cache().take(50),
        lambda folder: slices().map(drawing()).cache().take_while(lambda a, b: b < 2),
        zipped_with_fewer,
        lambda folder: growing_within(),
        inner_order_left_open,
        files_in_a_new_order,
    ],
)
def test_datasets_that_are_not_taken_for_repeatable(dataset, tmp_path):
    assert not is_lasting(dataset(tmp_path).batch(5))


def test_each_epoch_has_other_samples():
    def augmented(size):
        return slices().batch(size).map(lambda a, b: (augmenting(a, training=True), b))

    fit = of(augmented, epochs=2)
    build = mlp(optimizer=lambda variant: keras.optimizers.SGD(0.0))
    losses = dispatched(build, fit).history.history["loss"]
    assert losses[0] != losses[1]


def test_a_dataset_whose_batches_change_is_an_error_that_says_so():
    import tensorflow as tf

    count = tf.Variable(0)

    def fewer(a, b):
        kept = 10 - (count.assign_add(1) - 1) // 9  # nine batches are an epoch
        return a[:kept], b[:kept]

    fit = of(lambda size: slices().batch(10).map(fewer), epochs=4)
    with pytest.raises(RuntimeError, match=r"batches of one size .* search\(fast=False\)"):
        dispatched(mlp(), fit)


class Pieces(keras.utils.PyDataset):
    """Other samples in each epoch; in batches."""

    def __init__(self, size, **others):
        super().__init__(**others)
        self.size, self.epoch = size, 0

    @property
    def num_batches(self):
        return -(-len(x) // self.size)

    def __getitem__(self, i):
        rows = slice(i * self.size, (i + 1) * self.size)
        return x[rows] * (1 + self.epoch), y[rows]

    def on_epoch_begin(self):
        self.epoch += 1


@pytest.mark.parametrize("path", [SHARED, ARRAYS])
def test_py_datasets_are_read_in_each_epoch(path):
    fit = of(Pieces, epochs=3, validation_data=lambda: Pieces(7))
    outcome = dispatched(mlp(), fit, fastest=path)
    assert outcome.path == path
    check_same(outcome, by_fit(mlp(), fit))


class Calls(Pieces):
    """Notes how its epochs begin and end, and takes its samples in another order in each."""

    def __init__(self, size):
        super().__init__(size)
        self.calls, self.rng, self.order = [], np.random.default_rng(0), np.arange(len(x))

    def __getitem__(self, i):
        rows = self.order[i * self.size : (i + 1) * self.size]
        return x[rows], y[rows]

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")
        self.rng.shuffle(self.order)


def test_epochs_of_py_datasets_begin_and_end_as_in_fit():
    seen = []

    def fit(variant):
        seen.extend([Calls(10), Calls(7)])
        return of(lambda size: seen[-2], epochs=3, validation_data=lambda: seen[-1])(variant)

    check_same(dispatched(mlp(), fit), by_fit(mlp(), fit))
    training, validation, training_by_fit, validation_by_fit = (each.calls for each in seen)
    assert training == training_by_fit
    assert validation == validation_by_fit


def test_batches_of_py_datasets_are_shuffled():
    read = DeviceData().of(FitCall(Pieces(10)))[0]
    batches = read.tensors[0].numpy().reshape(9, 10, 6)
    kept = {tuple(batch.ravel()) for batch in x.reshape(9, 10, 6) * 2}
    assert {tuple(batch.ravel()) for batch in batches} == kept
    assert not np.array_equal(batches, x.reshape(9, 10, 6) * 2)
    assert not np.array_equal(read.again().tensors[0] / 3, read.tensors[0] / 2)


PLAIN = {
    "PyDataset with workers": (lambda size: Pieces(size, workers=2), "workers"),
    "filtered at random": (
        lambda size: slices().map(noisy).filter(lambda a, b: a[0] < 1).batch(size), "unknown length"
    ),
    "filtered": (
        lambda size: slices().filter(lambda a, b: b < 2).batch(size), "unknown length"
    ),
    "from a generator": (lambda size: generated().batch(size), "unknown length"),
    "of several sizes": (
        lambda size: slices().batch(7).concatenate(slices().batch(5)), "differ in size"
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("name", rare_is_slow(PLAIN, ["filtered at random", "of several sizes"]))
def test_datasets_that_are_left_to_fit(name):
    dataset, reason = PLAIN[name]
    check_plain(mlp(), of(dataset), reason)


@pytest.mark.slow
def test_an_endless_dataset():
    fit = of(lambda size: slices().repeat().batch(size), steps_per_epoch=3)
    check_plain(mlp(), fit, "steps_per_epoch")


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


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_test_begin"])
def test_callbacks_may_change_what_an_epoch_reads(hook):
    import tensorflow as tf

    scale = tf.Variable(1.0)

    def fit(variant):
        def change(*args, **kwargs):
            scale.assign_add(1.0)

        scale.assign(1.0)
        change_at = type("Changes", (keras.callbacks.Callback,), {hook: change})()
        dataset = of(lambda size: slices().map(lambda a, b: (a * scale, b)).batch(size))
        return {**dataset(variant), "callbacks": [change_at]}

    check_plain(mlp(), fit, "Changes, which acts before epochs")


def test_callbacks_that_act_after_epochs_are_no_hindrance():
    class Counts(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    fit = of(Pieces, callbacks=lambda: [Counts()])
    assert dispatched(mlp(), fit).path == SHARED


@pytest.mark.parametrize("kind", ["tf.data", "PyDataset"])
def test_what_is_too_large_is_not_read_in_vain(kind, monkeypatch):
    monkeypatch.setattr(samples, "total_memory", lambda: 4.0 * (x[:30].nbytes + y[:30].nbytes))
    read = []

    def noted(a, b):
        import tensorflow as tf

        return tf.ensure_shape(tf.numpy_function(noting, [a], tf.float32), (None, 6)), b

    def noting(a):
        read.append(len(a))
        return a

    class Noted(Pieces):
        def __getitem__(self, i):
            read.append(self.size)
            return super().__getitem__(i)

    dataset = Noted(10) if kind == "PyDataset" else slices().batch(10).map(noted)
    with pytest.raises(Unsuitable, match="larger than"):
        DeviceData().of(FitCall(dataset))
    assert len(read) <= 2  # the dataset may read a batch ahead


def test_datasets_are_left_to_fit_where_their_parts_cannot_be_seen(monkeypatch):
    def unknown(dataset):
        raise AttributeError("_inputs")

    monkeypatch.setattr(parts_of_datasets, "dataset_inputs", unknown)
    monkeypatch.setattr(probes, "missing_for_datasets", lambda: "Datasets changed")
    assert DeviceData().may_change(FitCall(slices().batch(10)))
    check_plain(mlp(), of(READ["batched"]), "Datasets changed")
