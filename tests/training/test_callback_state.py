import collections
import csv
import enum
import json
import logging
import math
import os
import queue
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kerastune_lite.errors import StoreError
from kerastune_lite.objective import Objective
from kerastune_lite.training.callback_state import (
    _KERAS,
    NotPlainError,
    cannot_resume,
    pack,
    put_back,
    take,
    unpack,
)
from kerastune_lite.training.callbacks import EpochReporter
from kerastune_lite.training.resuming import capture, restore_callbacks
from kerastune_lite.training.state_files import read_state, write_state
from tests.training.models import FEATURES, keras
from tests.training.test_resuming import (
    EPOCHS,
    assert_resumes,
    assert_same,
    begin,
    build,
    fit,
    go_on,
    momentum,
)

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def restless():
    """With which the validation loss goes up and down."""
    return keras.optimizers.SGD(0.05, momentum=0.9)


class Noted(keras.callbacks.Callback):
    """A user's callback with all kinds of memory, in which the training depends on it."""

    def __init__(self):
        super().__init__()
        self.epochs, self.losses, self.best = 0, [], np.float32("inf")
        self.by_epoch, self.pair, self.seen = {}, (0, None), set()
        self.mean = np.zeros(FEATURES)

    def on_train_begin(self, logs=None):
        self.epochs, self.pair = 0, (0, None)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.losses.append(logs["loss"])
        self.best = min(self.best, np.float32(logs["loss"]))
        self.by_epoch[epoch] = dict(logs)
        self.pair = (epoch, logs["val_loss"])
        self.seen.add(epoch)
        self.mean += self.model.layers[0].kernel.numpy().mean(axis=1)
        self.model.optimizer.learning_rate = 0.1 / (self.epochs + len(self.losses))


CALLBACKS = {
    "early stopping": lambda: [
        keras.callbacks.EarlyStopping(patience=2, min_delta=0.01, restore_best_weights=True)
    ],
    "more is better": lambda: [
        keras.callbacks.EarlyStopping(
            "val_mae", mode="max", patience=4, min_delta=0.01, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("val_mae", patience=1, min_delta=0.01, mode="max"),
    ],
    "reducing the rate": lambda: [
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, cooldown=1, min_delta=0.01),
        keras.callbacks.History(),
    ],
    "a schedule": lambda: [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7 + 0.01 * epoch),
        keras.callbacks.TerminateOnNaN(),
    ],
    "averages in the model": lambda: [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
    "averages in validation": lambda: [keras.callbacks.SwapEMAWeights()],
    "the user's": lambda: [Noted(), keras.callbacks.History()],
}


def assert_alike(one, other):
    """Equal in type and structure, floats nearly so in value."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_alike(one[name], other[name])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other):
            assert_alike(ours, theirs)
    elif isinstance(one, (float, np.generic, np.ndarray)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    else:
        assert one == other


def remembered(callback):
    of_others = ("params", "_model", "schedule")
    return {name: value for name, value in vars(callback).items() if name not in of_others}


@pytest.mark.parametrize("make", CALLBACKS.values(), ids=CALLBACKS.keys())
def test_callbacks_go_on(tmp_path, make):
    def optimizer():
        averages = any(isinstance(c, keras.callbacks.SwapEMAWeights) for c in make())
        return keras.optimizers.SGD(0.05, momentum=0.9, use_ema=averages, ema_momentum=0.8)

    whole, later = assert_resumes(
        lambda seed: build(optimizer, seed, metrics=["mae"]), make, tmp_path
    )
    for callbacks in later:
        for one, other in zip(callbacks, whole):
            assert_alike(remembered(one), remembered(other))


def test_the_trainings_with_callbacks_are_eventful():
    """Or the test above would compare nothing."""
    stopping, reducing = CALLBACKS["early stopping"]()[0], CALLBACKS["reducing the rate"]()[0]
    history = fit(build(restless), [stopping])
    assert 2 < len(history["loss"]) < EPOCHS
    assert stopping.best_epoch == 1
    history = fit(build(restless), [reducing])
    assert len(set(history["learning_rate"])) > 1


def test_a_stop_before_the_boundary_is_recorded(tmp_path):
    stopping = CALLBACKS["early stopping"]
    ran = len(fit(build(restless), stopping())["loss"])
    for end in (ran, ran + 1):
        begin(lambda seed: build(restless, seed), stopping, tmp_path / "state", end)
        state = read_state(tmp_path / "state")
        assert (state.epoch, state.stopped) == (ran, True)


def test_our_own_reporter_goes_on(tmp_path):
    def make(keep_below=None):
        objective = Objective("val_loss", "min")
        return [EpochReporter(objective, lambda epoch, metrics: True, keep_below, strict=True)]

    def make_model(seed):
        return build(restless, seed)

    [whole] = make()
    fit(make_model(0), [whole])
    for boundary in (1, 3):
        begin(make_model, make, tmp_path / "state", boundary)
        _, [reporter], _ = go_on(make_model, make, tmp_path / "state", EPOCHS)
        assert (reporter.best_epoch, reporter.epochs) == (whole.best_epoch, EPOCHS)
        assert reporter.history.keys() == whole.history.keys()
        np.testing.assert_allclose(reporter.history["val_loss"], whole.history["val_loss"], 1e-6)
        for one, other in zip(reporter.best_weights, whole.best_weights):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    # What the later segment keeps is its own affair.
    _, [reporter], _ = go_on(make_model, lambda: make(-1.0), tmp_path / "state", EPOCHS + 1)
    assert reporter._keep_below == -1.0


def rows(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("boundary", "append"), [(1, False), (2, False), (3, True)])
def test_a_csv_file_is_appended_to(tmp_path, boundary, append):
    def make(name):
        # The rate is among the columns then; and with validation in every other epoch, which
        # columns there are depends on the first epoch alone.
        return lambda: [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
            keras.callbacks.CSVLogger(tmp_path / name, append=append),
        ]

    arguments = {"validation_freq": 2}
    fit(build(momentum), make("whole.csv")(), **arguments)
    path = tmp_path / "state"
    begin(lambda seed: build(momentum, seed), make("broken.csv"), path, boundary, **arguments)
    go_on(lambda seed: build(momentum, seed), make("broken.csv"), path, EPOCHS, **arguments)
    whole, broken = rows(tmp_path / "whole.csv"), rows(tmp_path / "broken.csv")
    assert broken[0] == whole[0]
    assert [row[0] for row in broken] == ["epoch", *map(str, range(EPOCHS))]
    for one, other in zip(broken[1:], whole[1:]):
        for ours, theirs in zip(one, other):
            assert ours == theirs or float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_steps_in_tensorboard_go_on(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def make():
        return [keras.callbacks.TensorBoard(tmp_path / "logs", update_freq=1, write_graph=False)]

    path = tmp_path / "state"
    begin(lambda seed: build(momentum, seed), make, path, 2)
    go_on(lambda seed: build(momentum, seed), make, path, EPOCHS)

    def steps(run, tag):
        events = EventAccumulator(str(tmp_path / "logs" / run), {"tensors": 0})
        events.Reload()
        return [event.step for event in events.Tensors(tag)]

    batches = 3
    assert steps("train", "batch_loss") == list(range(1, batches * EPOCHS + 1))
    assert steps("train", "epoch_loss") == list(range(EPOCHS))
    assert steps("validation", "epoch_loss") == list(range(EPOCHS))


@pytest.mark.parametrize(("save_freq", "most"), [("epoch", EPOCHS - 1), (4, 3)])
def test_the_best_checkpoint_stays_the_best(tmp_path, save_freq, most):
    def make(name):
        return lambda: [
            keras.callbacks.ModelCheckpoint(
                tmp_path / name / "{epoch}.weights.h5",
                "mae",
                save_best_only=True,
                save_weights_only=True,
                save_freq=save_freq,
            )
        ]

    def make_model(seed):
        return build(restless, seed, metrics=["mae"])

    fit(make_model(0), make("whole")())
    whole = sorted(os.listdir(tmp_path / "whole"))
    assert 1 < len(whole) <= most, "the first is not the best, and not all are"
    for boundary in (2, 4):
        name = f"broken{boundary}"
        begin(make_model, make(name), tmp_path / "state", boundary)
        go_on(make_model, make(name), tmp_path / "state", EPOCHS)
        assert sorted(os.listdir(tmp_path / name)) == whole


def test_a_backup_of_keras_own_does_not_take_over(tmp_path):
    def make():
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), delete_checkpoint=False)
        return [backup]

    def make_model(seed):
        return build(momentum, seed)

    model = make_model(0)
    unbroken = model, fit(model, [])
    begin(make_model, make, tmp_path / "state", 2)
    state = read_state(tmp_path / "state")
    # The process trained on to the end of epoch 3 and died: the backup is ahead of the state.
    go_on(make_model, make, tmp_path / "state", 4)
    write_state(state, tmp_path / "state")
    resumed, _, history = go_on(make_model, make, tmp_path / "state", EPOCHS)
    assert_same(unbroken, (resumed, history))


def test_what_a_callback_does_as_training_begins_is_done_once(tmp_path):
    class Warm(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.optimizer.learning_rate = 0.2
            self.model.layers[0].kernel.assign(np.ones((FEATURES, 6)))

    def make_model(seed):
        return build(momentum, seed)

    model = make_model(0)
    unbroken = model, fit(model, [Warm()])
    begin(make_model, lambda: [Warm()], tmp_path / "state", 2)
    resumed, _, history = go_on(make_model, lambda: [Warm()], tmp_path / "state", EPOCHS)
    assert_same(unbroken, (resumed, history))


class Colour(enum.IntEnum):
    RED = 1


PLAIN = [
    None,
    True,
    -(2**70),
    0.1,
    -0.0,
    math.inf,
    -math.inf,
    "text \u20ac \ud800",
    [],
    [1, [2.5, None]],
    (),
    (1, (2, [3])),
    {1, 2},
    frozenset({(1, 2)}),
    {},
    {"a": 1, 2: (3,), (4, 5): {"b": {}}},
    {"tuple": [1], "array": "x"},
    collections.OrderedDict([("z", 1), ("a", 2)]),
    collections.Counter("hello"),
    collections.deque([1, 2, 3], maxlen=3),
    np.float32(0.1),
    np.int8(-3),
    np.bool_(True),
    np.str_("text"),
    np.array(["a", "bc"]),
    np.array("2020-01-01", dtype="datetime64[D]"),
    np.zeros((0, 3)),
    np.array(3.0),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    [np.ones(2), np.zeros((2, 2), bool)],
    np.array([1.5, np.nan], ml_dtypes.bfloat16),
    ml_dtypes.bfloat16(1.5),
    {np.int64(3): np.arange(3)},
]


def assert_identical(one, other):
    assert type(one) is type(other)
    if isinstance(one, (np.ndarray, np.generic)):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, dict):
        for each, another in zip(one.items(), other.items()):
            assert_identical(each, another)
        assert len(one) == len(other)
    elif isinstance(one, (list, tuple, collections.deque)):
        assert len(one) == len(other)
        for each, another in zip(one, other):
            assert_identical(each, another)
    else:
        assert repr(one) == repr(other)


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_data_come_back_as_they_were(tmp_path, value):
    arrays = {}
    packed = json.loads(json.dumps(pack(value, "x", arrays), allow_nan=False))
    assert_identical(unpack(packed, arrays), value)
    # Through the file as well, beside a model.
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    write_state(capture(model, [], 1, {"value": value}), tmp_path / "state")
    assert_identical(read_state(tmp_path / "state").extra, {"value": value})


def test_not_a_number_comes_back():
    assert math.isnan(unpack(pack(math.nan, "x", {}), {}))


def test_a_queue_keeps_its_length():
    restored = unpack(pack(collections.deque([1], maxlen=2), "x", {}), {})
    restored.extend([2, 3])
    assert list(restored) == [2, 3]


def test_nothing_is_shared():
    arrays, value = {}, {"list": [1], "array": np.zeros(2)}
    packed = pack(value, "x", arrays)
    value["array"] += 1
    restored = unpack(packed, arrays)
    restored["array"] += 2
    restored["list"].append(2)
    again = unpack(packed, arrays)
    assert again["list"] == [1]
    assert again["array"].tolist() == [0, 0]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        [1, object()],
        {"a": (object(),)},
        {object(): 1},
        Colour.RED,
        b"bytes",
        1j,
        np.array([None]),
        np.ma.masked_array([1.0, 2.0]),
        collections.defaultdict(list),
        np.random.default_rng(0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_things_are_no_plain_data(value):
    arrays = {}
    with pytest.raises(NotPlainError):
        pack(value, "x", arrays)
    assert arrays == {}


class Holder(keras.callbacks.Callback):
    def __init__(self, **attributes):
        super().__init__()
        vars(self).update(attributes)


def test_plain_callbacks_can_resume():
    endless = Holder(
        a=[1],
        function=len,
        method=[].append,
        made_of=Holder,
        module=math,
        path=Path("x"),
        log=logging.getLogger(),
        colour=Colour.RED,
        dtype=np.dtype("float32"),
    )
    endless.set_model(keras.Sequential())
    endless.net = endless.model
    assert cannot_resume([endless]) is None
    assert cannot_resume([]) is None
    kept, left_out = take(endless, "x", {})
    assert (kept, left_out) == ({"a": [1]}, [])


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (queue.SimpleQueue(), "SimpleQueue"),
        ([object()], "list"),
        (np.random.default_rng(0), "Generator"),
        (keras.Sequential(), "Sequential"),
    ],
)
def test_callbacks_with_other_memory_cannot(tmp_path, value, named):
    callbacks = [keras.callbacks.TerminateOnNaN(), Holder(a=1, odd=value)]
    reason = cannot_resume(callbacks)
    assert f"Received: Holder with the attribute 'odd' of type {named}. Keep" in reason
    state = capture(keras.Sequential(), callbacks, 1)
    assert [of["left_out"] for of in state.data["callbacks"]] == [[], ["odd"]]
    other = [keras.callbacks.TerminateOnNaN(), Holder(a=2, odd="own")]
    restore_callbacks(state, other)
    assert (other[1].a, other[1].odd) == (1, "own")


def test_what_holds_itself_cannot():
    endless = []
    endless.append(endless)
    assert "'endless'" in cannot_resume([Holder(endless=endless)])


def test_a_file_that_is_open_cannot(tmp_path):
    with open(tmp_path / "x", "w") as file:
        assert "'file' of type TextIOWrapper" in cannot_resume([Holder(file=file)])


def every_callback(folder):
    callbacks = keras.callbacks
    return [
        callbacks.BackupAndRestore(str(folder / "backup"), delete_checkpoint=False),
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.EarlyStopping(restore_best_weights=True),
        callbacks.History(),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate),
        callbacks.ModelCheckpoint(
            folder / "x.weights.h5", save_best_only=True, save_weights_only=True
        ),
        callbacks.ProgbarLogger(),
        callbacks.ReduceLROnPlateau(),
        callbacks.SwapEMAWeights(),
        callbacks.TensorBoard(folder / "logs", update_freq=1, write_steps_per_second=True),
        callbacks.TerminateOnNaN(),
    ]


def test_what_is_known_of_keras_callbacks_is_true(tmp_path, capsys):
    def optimizer():
        return keras.optimizers.SGD(0.05, use_ema=True)

    callbacks = every_callback(tmp_path)
    before = [dict(vars(callback)) for callback in callbacks]
    fit(build(optimizer), callbacks, epochs=2)
    for callback, attributes in zip(callbacks, before):
        known = _KERAS[type(callback).__name__]
        state, now = set(known.state or ()), vars(callback)
        assert state <= now.keys(), callback
        changed = {
            name
            for name, value in now.items()
            if name not in attributes or attributes[name] is not value
        }
        # Of a dictionary or list that grew we see no change; all of them are known as state.
        unknown = changed - state - {*known.alone, "params", "_model", "monitor_op"}
        # This one says only whether an evaluation belongs to a training.
        assert unknown <= {"_called_in_fit"}, callback


def test_all_of_keras_callbacks_are_known():
    public = {name for name in dir(keras.callbacks) if not name.startswith("_")}
    assert public - {"Callback", "CallbackList"} <= _KERAS.keys()


def test_keras_callbacks_can_resume_and_so_can_those_made_of_them(tmp_path, capsys):
    def optimizer():
        return keras.optimizers.SGD(0.05, use_ema=True)

    plain = every_callback(tmp_path)
    mine = [type(f"My{type(each).__name__}", (type(each),), {}) for each in plain]
    derived = []
    for each, kind in zip(every_callback(tmp_path / "other"), mine):
        each.__class__ = kind
        derived.append(each)
    for callbacks in (plain, derived):
        assert cannot_resume(callbacks) is None
        fit(build(optimizer), callbacks, epochs=1)
        assert cannot_resume(callbacks) is None


def test_settings_of_keras_callbacks_are_the_new_ones():
    old, new = keras.callbacks.EarlyStopping(patience=2), keras.callbacks.EarlyStopping(patience=9)
    old.wait = 1
    put_back(new, take(old, "x", {})[0], {})
    assert (new.wait, new.patience) == (1, 9)
    # Also when the file says otherwise.
    put_back(new, {"patience": 3, "wait": 2}, {})
    assert (new.wait, new.patience) == (2, 9)


def test_a_stopping_of_the_users_own_that_changes_its_settings(tmp_path):
    class Lenient(keras.callbacks.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            self.patience += epoch % 2
            super().on_epoch_end(epoch, logs)

    def make():
        return [Lenient(patience=1, min_delta=0.05)]

    whole, later = assert_resumes(lambda seed: build(restless, seed), make, tmp_path)
    for callbacks in later:
        assert_alike(remembered(callbacks[0]), remembered(whole[0]))


@pytest.mark.parametrize(
    "others", [[], [Holder()], [Holder(), keras.callbacks.History(), Holder()]]
)
def test_other_callbacks_are_refused(others):
    state = capture(keras.Sequential(), [keras.callbacks.History(), Holder()], 1)
    with pytest.raises(StoreError, match=r"Expected: History, Holder\. Received: ") as caught:
        restore_callbacks(state, others)
    assert (", ".join(type(each).__name__ for each in others) or "none") in str(caught.value)
