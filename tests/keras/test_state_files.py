"""Files with the state of a training: what they hold, and what is refused."""

import dataclasses
import json
import os
import zipfile

import numpy as np
import pytest

from kerastune_lite._src.keras.resuming import StateKeeper, capture, restore_model
from kerastune_lite._src.keras.state_files import read_state, write_state
from kerastune_lite._src.util.errors import StoreError
from tests.keras.models import FEATURES, keras
from tests.keras.resumed import X, Y, build, fit, momentum
from tests.processes import Forked

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


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
from kerastune_lite._src.keras.resuming import restore_model
from kerastune_lite._src.keras.state_files import read_state
from tests.keras.models import keras
from tests.keras.resumed import build
model = build(lambda: keras.optimizers.Adam(0.05), seed=3)
restore_model(read_state(Path({str(tmp_path / "state")!r})), model)
print(int(model.optimizer.iterations), model.layers[0].kernel.numpy().tobytes().hex())
"""
    assert Forked(code).read().split() == ["3", state.arrays["model/0"].tobytes().hex()]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"0007\.state cannot be read: .*No such file"):
        read_state(tmp_path / "0007.state")


def test_a_damaged_file_is_refused(tmp_path, state):
    path = tmp_path / "state"
    write_state(state, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError, match=r"cannot be read: .*Restore it from a copy"):
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
        ([], "not the state"),
        ({"format": "another"}, "not the state"),
        (head_of(version=2), "version 2, but only version 1 is known"),
        (head_of(epoch="1"), "not the state"),
        (head_of(data=[]), "not the state"),
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
    with pytest.raises(StoreError, match="the folder is writable"):
        write_state(state, tmp_path / "states" / "state")
