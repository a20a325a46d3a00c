import dataclasses
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from kerastune_lite.errors import FatalRuntimeError, StoreError
from kerastune_lite.training.resuming import (
    StateKeeper,
    StateRestorer,
    capture,
    restore_model,
)
from kerastune_lite.training.state_files import read_state, write_state
from tests.training.models import FEATURES, Subclassed, data, keras

EPOCHS = 5
BOUNDARIES = range(1, EPOCHS)
# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X, Y = data(24)
VALIDATION = data(8, seed=1)


def build(optimizer, seed=0, run_eagerly=True, metrics=None):
    """Dropout and batch normalisation; initial weights and random states come from `seed`."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(6, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.4, seed=seed),
            keras.layers.Dense(1),
        ]
    )
    # On so few batches tracing a function takes longer than all of the training.
    model.compile(optimizer(), "mse", metrics=metrics, run_eagerly=run_eagerly)
    return model


def fit(model, callbacks, epochs=EPOCHS, initial_epoch=0, x=X, **arguments):
    arguments.setdefault("validation_data", VALIDATION)
    return model.fit(
        x,
        Y,
        batch_size=8,
        shuffle=False,
        verbose=0,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=callbacks,
        **arguments,
    ).history


def nothing():
    return []


def begin(make_model, make_callbacks, path, end, **arguments):
    """The segment [0, end) and its state in a file; also whatever the callbacks are then."""
    callbacks = make_callbacks()
    keeper = StateKeeper(callbacks, end)
    fit(make_model(0), [*callbacks, keeper], epochs=end, **arguments)
    write_state(keeper.state, path)
    return callbacks


def go_on(make_model, make_callbacks, path, end, **arguments):
    """A segment that begins with the state in the file; leaves its own there."""
    state = read_state(path)
    callbacks = make_callbacks()
    model = make_model(state.epoch)  # other initial weights
    keeper = StateKeeper(callbacks, end)
    last = [StateRestorer(state, callbacks), keeper]
    history = fit(model, [*callbacks, *last], end, state.epoch, **arguments)
    write_state(keeper.state, path)
    return model, callbacks, history


def assert_same(one, other):
    """Two pairs of a model and a history."""
    assert one[1].keys() == other[1].keys()
    for name in one[1]:
        np.testing.assert_allclose(one[1][name], other[1][name], rtol=1e-6, err_msg=name)
    for ours, theirs in zip(one[0].variables, other[0].variables):
        np.testing.assert_allclose(
            ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-7, err_msg=ours.path
        )


def assert_resumes(make_model, make_callbacks, tmp_path, **arguments):
    """A training broken at every boundary has the states from which each rest is the unbroken one.

    Returns:
        The callbacks at the end of the unbroken training, and a list of those that went on.
    """
    model, callbacks = make_model(0), make_callbacks()
    unbroken = model, fit(model, callbacks, **arguments)
    ran = len(unbroken[1]["loss"])
    path = tmp_path / "state"
    begin(make_model, make_callbacks, path, 1, **arguments)
    later = []
    for boundary in range(1, ran):
        assert (read_state(path).epoch, read_state(path).stopped) == (boundary, False)
        rest = tmp_path / f"{boundary}.state"
        shutil.copy(path, rest)
        resumed, theirs, history = go_on(make_model, make_callbacks, rest, EPOCHS, **arguments)
        assert_same(unbroken, (resumed, history))
        later.append(theirs)
        if boundary + 1 < ran:
            go_on(make_model, make_callbacks, path, boundary + 1, **arguments)
    return callbacks, later


def decaying():
    return keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=3, decay_rate=0.8)


def momentum():
    return keras.optimizers.SGD(0.05, momentum=0.9)


OPTIMIZERS = {
    "sgd with momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam with a schedule": lambda: keras.optimizers.Adam(decaying(), amsgrad=True),
    "nadam": lambda: keras.optimizers.Nadam(0.05),
    "adamw with averages": lambda: keras.optimizers.AdamW(
        0.05, weight_decay=0.01, use_ema=True, ema_momentum=0.7
    ),
    # Three batches an epoch: every other boundary lies between the two gradients of a step.
    "adam with accumulated gradients": lambda: keras.optimizers.Adam(
        0.05, gradient_accumulation_steps=2
    ),
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.RMSprop(0.02, momentum=0.5, centered=True), dynamic_growth_steps=4
    ),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_optimizers_go_on(tmp_path, optimizer):
    assert_resumes(lambda seed: build(optimizer, seed), nothing, tmp_path, validation_data=None)


def test_two_segments_are_one_training(tmp_path):
    def make_model(seed):
        return build(momentum, seed)

    model = make_model(0)
    unbroken = model, fit(model, [])
    for boundary in BOUNDARIES:
        begin(make_model, nothing, tmp_path / "state", boundary)
        resumed, _, history = go_on(make_model, nothing, tmp_path / "state", EPOCHS)
        assert_same(unbroken, (resumed, history))


def by_variable():
    from keras.src.optimizers.multi_optimizer import OptimizerMap

    optimizers = OptimizerMap(keras.optimizers.SGD(0.05, momentum=0.9))
    optimizers[".*kernel"] = keras.optimizers.Adam(0.02)
    return keras.optimizers.MultiOptimizer(optimizers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.AdamW(0.05, use_ema=True, ema_overwrite_frequency=4),
        lambda: keras.optimizers.Adafactor(0.05),
        lambda: keras.optimizers.ScheduleFreeAdamW(0.05, warmup_steps=7),
        by_variable,
    ],
    ids=["overwriting averages", "adafactor", "schedule-free", "several in one"],
)
def test_rarer_optimizers_go_on(tmp_path, optimizer):
    try:
        optimizer()
    except (AttributeError, ImportError):
        pytest.skip("not in this version of Keras")
    assert_resumes(lambda seed: build(optimizer, seed), nothing, tmp_path, validation_data=None)


@pytest.mark.slow
def test_a_compiled_training_goes_on(tmp_path):
    def make_model(seed):
        return build(momentum, seed, run_eagerly=False)

    model = make_model(0)
    unbroken = model, fit(model, [])
    begin(make_model, nothing, tmp_path / "state", 2)
    resumed, _, history = go_on(make_model, nothing, tmp_path / "state", EPOCHS)
    assert_same(unbroken, (resumed, history))


def test_only_the_first_fit_of_a_later_segment_is_touched(tmp_path):
    begin(lambda seed: build(momentum, seed), nothing, tmp_path / "state", 2)
    restorer = StateRestorer(read_state(tmp_path / "state"), [])
    model = build(momentum, 1)
    assert len(fit(model, [restorer], 3, 2)["loss"]) == 3
    before = model.get_weights()
    assert len(fit(model, [restorer], 1, 0)["loss"]) == 1
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_a_fit_that_begins_elsewhere_is_an_error(tmp_path):
    begin(lambda seed: build(momentum, seed), nothing, tmp_path / "state", 2)
    restorer = StateRestorer(read_state(tmp_path / "state"), [])
    with pytest.raises(FatalRuntimeError, match=r"initial_epoch=2\)\. Received: epoch 0"):
        fit(build(momentum), [restorer])


def lazy_sequential():
    keras.utils.clear_session()
    return keras.Sequential(
        [
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )


class TwoInputs(keras.Model):
    def __init__(self):
        super().__init__()
        self.left, self.right = keras.layers.Dense(2), keras.layers.Dense(2)
        self.drop = keras.layers.Dropout(0.3)
        self.last = keras.layers.Dense(1)

    def call(self, inputs, training=False):
        product = self.left(inputs["a"]) * self.right(inputs["b"])
        return self.last(self.drop(product, training=training))


@pytest.mark.parametrize(
    ("make", "inputs"),
    [(lazy_sequential, X), (Subclassed, X), (TwoInputs, {"a": X, "b": X[:, :2]})],
    ids=["sequential", "subclass", "dict inputs"],
)
def test_models_that_are_built_by_their_first_batch_go_on(tmp_path, make, inputs):
    def make_model(seed):
        keras.utils.set_random_seed(seed)
        model = make()
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        assert not model.built
        return model

    assert_resumes(make_model, nothing, tmp_path, x=inputs, validation_data=None)


class Adversaries(keras.Model):
    """Two optimizers, each for its own layer, and its own training step."""

    def __init__(self):
        super().__init__()
        self.one, self.other = keras.layers.Dense(1), keras.layers.Dense(1)
        self.one.build((None, FEATURES))
        self.other.build((None, FEATURES))
        self.built = True

    def compile(self, first, second):
        super().compile(run_eagerly=True)
        self.first, self.second = first, second

    def train_step(self, batch):
        import tensorflow as tf

        x, y = batch
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((self.one(x) - y) ** 2)
            other = tf.reduce_mean((self.other(x) - self.one(x)) ** 2)
        for optimizer, layer, value in (
            (self.second, self.other, other),
            (self.first, self.one, loss),
        ):
            weights = layer.trainable_weights
            optimizer.apply(tape.gradient(value, weights), weights)
        return {"loss": loss, "other": other}


def test_a_model_with_two_optimizers_goes_on(tmp_path):
    def make_model(seed):
        keras.utils.set_random_seed(seed)
        model = Adversaries()
        model.compile(keras.optimizers.Adam(0.05), keras.optimizers.SGD(0.05, momentum=0.9))
        return model

    assert_resumes(make_model, nothing, tmp_path, validation_data=None)


def test_a_frozen_layer_stays_where_it_is(tmp_path):
    def make_model(seed):
        model = build(momentum, seed)
        model.layers[0].trainable = False
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        return model

    assert_resumes(make_model, nothing, tmp_path, validation_data=None)


class Averages(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.mean, self.rows = np.zeros(FEATURES), []

    def on_epoch_end(self, epoch, logs=None):
        self.mean += self.model.layers[0].kernel.numpy().mean(axis=1)
        self.rows.append(self.mean.copy())


@pytest.fixture
def state():
    model = build(lambda: keras.optimizers.Adam(0.05))
    callbacks = [Averages()]
    keeper = StateKeeper(callbacks, 1, lambda: {"seconds": 1.5, "shape": (2, np.ones(2))})
    fit(model, [*callbacks, keeper], epochs=1)
    return keeper.state


def assert_equal_states(one, other):
    assert dataclasses.replace(one, arrays={}) == dataclasses.replace(other, arrays={})
    assert list(one.arrays) == list(other.arrays)
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype
        np.testing.assert_array_equal(array, other.arrays[name])


def test_a_file_holds_all_of_a_state(tmp_path, state):
    path = tmp_path / "states" / "trial_0000.state"
    write_state(state, path)
    assert os.listdir(path.parent) == [path.name]
    assert_equal_states(read_state(path), state)
    extra = read_state(path).extra
    assert extra["seconds"] == 1.5
    assert extra["shape"][0] == 2
    np.testing.assert_array_equal(extra["shape"][1], np.ones(2))
    before = path.read_bytes()
    write_state(state, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtypes_survive(tmp_path, dtype):
    def make_model():
        model = keras.Sequential(
            [keras.Input((FEATURES,)), keras.layers.Dense(2, dtype=dtype), keras.layers.Dense(1)]
        )
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        return model

    model = make_model()
    model.fit(X, Y, verbose=0)
    taken = capture(model, [], 1)
    write_state(taken, tmp_path / "state")
    state = read_state(tmp_path / "state")
    assert_equal_states(taken, state)
    assert state.arrays["model/0"].dtype.name == dtype
    other = make_model()
    restore_model(state, other)
    for one, two in zip(model.variables, other.variables):
        assert one.numpy().tobytes() == two.numpy().tobytes()


def test_another_process_goes_on(tmp_path, state):
    write_state(state, tmp_path / "state")
    code = f"""
from pathlib import Path
from kerastune_lite.training.resuming import restore_model
from kerastune_lite.training.state_files import read_state
from tests.training.test_resuming import build, keras
model = build(lambda: keras.optimizers.Adam(0.05), seed=3)
restore_model(read_state(Path({str(tmp_path / "state")!r})), model)
print(int(model.optimizer.iterations), model.layers[0].kernel.numpy().tobytes().hex())
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == ["3", state.arrays["model/0"].tobytes().hex()]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"0007\.state cannot be read: .*No such file"):
        read_state(tmp_path / "0007.state")


def test_a_damaged_file_is_refused(tmp_path, state):
    path = tmp_path / "state"
    write_state(state, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError, match=r"cannot be read: .*Put it back from a copy"):
            read_state(path)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 200):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            read = read_state(path)
        except StoreError:
            continue
        # Dates and flags in the table of contents, of which nothing depends.
        assert_equal_states(read, state)


def archive_of(path, head, **members):
    with zipfile.ZipFile(path, "w") as archive:
        if head is not None:
            archive.writestr("state.json", json.dumps(head))
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def head_of(**fields):
    return {
        "format": "kerastune_lite training state",
        "version": 1,
        "epoch": 1,
        "stopped": False,
        "data": {},
        "arrays": [],
        **fields,
    }


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (None, "state.json"),
        ([], "no state"),
        ({"format": "another"}, "no state"),
        (head_of(version=2), "version 2, and version 1 is known"),
        (head_of(epoch="1"), "no state"),
        (head_of(data=[]), "no state"),
        (head_of(arrays=[["missing", None]]), "0.npy"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, head, why):
    archive_of(tmp_path / "state", head)
    with pytest.raises(StoreError, match=why):
        read_state(tmp_path / "state")


def test_saved_models_and_text_are_refused(tmp_path):
    build(momentum).save(tmp_path / "model.keras")
    (tmp_path / "text").write_text("epoch: 3")
    for name in ("model.keras", "text"):
        with pytest.raises(StoreError, match="cannot be read"):
            read_state(tmp_path / name)


class Bomb:
    def __reduce__(self):
        return (os._exit, (3,))


def test_pickled_content_is_refused(tmp_path):
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    content = (tmp_path / "bomb.npy").read_bytes()
    for dtype in (None, "O"):
        archive_of(tmp_path / "state", head_of(arrays=[["a", dtype]]), **{"0": content})
        with pytest.raises(StoreError, match="allow_pickle=False"):
            read_state(tmp_path / "state")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk(tmp_path, state):
    (tmp_path / "state.partial").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"state cannot be written: .*Free some space"):
        write_state(state, tmp_path / "state")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("limit", [10, 1_000, 5_000])
def test_a_limit_of_the_system_leaves_the_earlier_file(tmp_path, state, limit):
    resource = pytest.importorskip("resource")
    path = tmp_path / "state"
    write_state(state, path)
    before = path.read_bytes()
    assert len(before) > limit
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            write_state(state, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_folder_that_cannot_be_made(tmp_path, state):
    (tmp_path / "states").write_text("a file stands in the way")
    with pytest.raises(StoreError, match="may be written to"):
        write_state(state, tmp_path / "states" / "state")


def small(units=3, optimizer=None, dtype=None, layers=1):
    dense = [keras.layers.Dense(units, dtype=dtype) for _ in range(layers)]
    model = keras.Sequential([keras.Input((FEATURES,)), *dense])
    model.compile(optimizer or keras.optimizers.Adam(), "mse", run_eagerly=True)
    return model


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (lambda: small(units=4), r"variable 0 of model .*shape \(4, 3\).* has \(4, 4\)"),
        (lambda: small(layers=2), "model should have 2 variables and has 4"),
        (lambda: small(optimizer=momentum()), "'optimizer' should have 6 variables and has 4"),
        (lambda: small(dtype="float64"), "dtype float32, and has .* float64"),
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), "no optimizer"),
        (Subclassed, "should have 2 variables"),
    ],
)
def test_a_builder_that_has_changed_is_named_as_the_cause(other, why):
    model = small()
    model.fit(X, Y, verbose=0)
    state = capture(model, [], 3)
    changed = other()
    before = changed.get_weights()
    with pytest.raises(StoreError, match=why) as caught:
        restore_model(state, changed)
    assert "at epoch 3" in str(caught.value)
    assert "Has the builder changed" in str(caught.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, changed.get_weights()))


def test_a_model_that_cannot_be_built_says_so():
    model = Subclassed()
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(X, Y, verbose=0)
    state = capture(model, [], 1)
    for config in (None, {"input_shape": [3, [4]]}):
        other = Subclassed()
        other.compile("adam", "mse")
        unusable = dataclasses.replace(state, data={**state.data, "build_config": config})
        with pytest.raises(StoreError, match="by calling it on an example"):
            restore_model(unusable, other)


def test_a_model_that_has_not_trained_yet():
    model = small()
    state = capture(model, [], 0)
    other = small()
    restore_model(state, other)
    assert not other.optimizer.built
    assert np.array_equal(model.get_weights()[0], other.get_weights()[0])


def test_a_history_that_is_no_plain_data_is_let_go(tmp_path):
    class Odd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["odd"] = object()

    begin(lambda seed: build(momentum, seed), lambda: [Odd()], tmp_path / "state", 2)
    _, _, history = go_on(
        lambda seed: build(momentum, seed), lambda: [Odd()], tmp_path / "state", EPOCHS
    )
    assert len(history["loss"]) == EPOCHS - 2
