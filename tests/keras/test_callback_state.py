"""What callbacks remember as plain data, and which callbacks can be resumed."""

import collections
import enum
import json
import logging
import math
import queue
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kerastune_lite._src.keras.callback_state import (
    NotPlainError,
    cannot_resume,
    pack,
    put_back,
    take,
    unpack,
)
from kerastune_lite._src.keras.compat.callbacks import BY_NAME
from kerastune_lite._src.keras.resuming import capture, restore_callbacks
from kerastune_lite._src.keras.state_files import read_state, write_state
from kerastune_lite._src.util.errors import StoreError
from tests.keras.models import keras
from tests.keras.resumed import build, fit

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


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
        known = BY_NAME[type(callback).__name__]
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
    assert public - {"Callback", "CallbackList"} <= BY_NAME.keys()


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


@pytest.mark.parametrize(
    "others", [[], [Holder()], [Holder(), keras.callbacks.History(), Holder()]]
)
def test_other_callbacks_are_refused(others):
    state = capture(keras.Sequential(), [keras.callbacks.History(), Holder()], 1)
    with pytest.raises(StoreError, match=r"Expected: History, Holder\. Received: ") as caught:
        restore_callbacks(state, others)
    assert (", ".join(type(each).__name__ for each in others) or "none") in str(caught.value)
