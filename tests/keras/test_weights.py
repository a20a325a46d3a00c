import errno
import os
import warnings

import h5py
import numpy as np
import pytest

from kerastune_lite._src.keras.build_configs import build_config_of
from kerastune_lite._src.keras.compat.names import counters
from kerastune_lite._src.keras.weights import assign, load_weights, save_weights
from kerastune_lite._src.util.errors import StoreError
from tests.keras.models import FEATURES, Subclassed, data, keras, linear, same_weights

NAME = "checkpoints/trial_0000_execution0.weights.h5"


def trained(model):
    x, y = data()
    model.fit(x, y, epochs=2, batch_size=10, verbose=0)
    return model


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def batch_normalised():
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model


def test_a_rebuilt_model_predicts_the_same(tmp_path):
    model = trained(batch_normalised())
    save_weights(model, tmp_path / NAME)
    other = batch_normalised()
    load_weights(other, tmp_path / NAME, None)
    x, _ = data(50, seed=1)
    np.testing.assert_array_equal(model.predict(x, verbose=0), other.predict(x, verbose=0))
    assert files(tmp_path) == [os.path.basename(NAME)]


def datasets(path):
    """All arrays of a file by their paths, and the attributes of its groups."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update(
                {name: (item[()], {})}
                if isinstance(item, h5py.Dataset)
                else {name: (None, dict(item.attrs))}
            )
        )
    return found


def merging():
    given = keras.Input((FEATURES,))
    inner = keras.Sequential([keras.layers.Dense(3), keras.layers.LayerNormalization()])
    outputs = keras.layers.Dense(1)(keras.layers.Add()([inner(given), inner(given)]))
    model = keras.Model(given, outputs)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.Huber(), metrics=["mae"])
    return model


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("build", [linear, batch_normalised, merging, Subclassed])
def test_the_file_is_that_of_keras(build, tmp_path):
    model = build()
    if not model.compiled:
        model.compile("adam", "mse")
    trained(model)
    names = dict(counters())
    for _ in range(2):
        save_weights(model, tmp_path / "ours.weights.h5")
    assert counters() == names, "nothing was made to be looked at"
    model.save_weights(tmp_path / "keras.weights.h5")
    ours, theirs = (datasets(tmp_path / f"{name}.weights.h5") for name in ("ours", "keras"))
    assert list(ours) == list(theirs)
    assert sum(array is not None for array, _ in ours.values()) >= len(model.weights)
    for name, (array, attributes) in ours.items():
        np.testing.assert_array_equal(array, theirs[name][0])
        assert attributes == theirs[name][1]


def test_loading_warns_of_nothing(tmp_path):
    save_weights(trained(batch_normalised()), tmp_path / NAME)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_weights(batch_normalised(), tmp_path / NAME, None)
    assert caught == []


class TwoInputs(keras.Model):
    def __init__(self):
        super().__init__()
        self.left, self.right = keras.layers.Dense(2), keras.layers.Dense(2)
        self.last = keras.layers.Dense(1)

    def call(self, inputs):
        return self.last(self.left(inputs["a"]) * self.right(inputs["b"]))


class WithBuild(Subclassed):
    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.last.build((*input_shape[:-1], 3))
        self.built = True


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (Subclassed, lambda x: x),
        (WithBuild, lambda x: x),
        (TwoInputs, lambda x: {"a": x, "b": x[:, :2]}),
        (lambda: keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)]), lambda x: x),
    ],
    ids=["subclass", "subclass with build()", "dict inputs", "sequential"],
)
def test_models_that_are_built_by_their_first_batch(tmp_path, make, inputs):
    x, y = data()
    model = make()
    model.compile("adam", "mse")
    assert not model.built
    model.fit(inputs(x), y, batch_size=10, verbose=0)
    config = build_config_of(model)
    assert config
    save_weights(model, tmp_path / NAME)

    other = make()
    other.compile("adam", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_weights(other, tmp_path / NAME, config)
    expected = model.predict(inputs(x), verbose=0)
    for rows in (32, 7):
        got = other.predict(inputs(x), batch_size=rows, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    other.fit(inputs(x), y, verbose=0)


def test_a_model_without_a_usable_build_config():
    class Stubborn(Subclassed):
        def get_build_config(self):
            raise NotImplementedError

    class Odd(Subclassed):
        def get_build_config(self):
            return {"input_shape": object()}

    assert build_config_of(Stubborn()) is None
    assert build_config_of(Odd()) is None
    assert build_config_of(Subclassed()) is None


def test_a_model_that_cannot_be_built_says_how_to_mend_it(tmp_path):
    save_weights(trained(linear()), tmp_path / NAME)
    for config in (None, {"input_shape": [3, [4]]}):
        with pytest.raises(StoreError, match="creates its variables, by calling it"):
            load_weights(Subclassed(), tmp_path / NAME, config)


def test_a_builder_that_has_changed_is_named_as_the_cause(tmp_path):
    save_weights(trained(linear()), tmp_path / NAME)
    other = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(2)])
    with pytest.raises(StoreError, match="Has the builder changed") as caught:
        load_weights(other, tmp_path / NAME, None)
    assert NAME in str(caught.value)


def test_a_damaged_or_missing_file_is_named(tmp_path):
    path = tmp_path / NAME
    with pytest.raises(StoreError, match="cannot be loaded"):
        load_weights(linear(), path, None)
    save_weights(linear(), path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match="cannot be loaded"):
        load_weights(linear(), path, None)


class Fails:
    """A model whose weights break off in the middle of being written."""

    built = True

    def __init__(self, error):
        self._error = error

    def save_weights(self, path):
        path.write_bytes(b"half of it")
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Can't decrement id ref count (file write failed)"),
    ],
)
def test_a_full_disk_leaves_the_earlier_file(tmp_path, error):
    path = tmp_path / NAME
    model = trained(linear())
    save_weights(model, path)
    with pytest.raises(StoreError, match="cannot be written") as caught:
        save_weights(Fails(error), path)
    assert str(path) in str(caught.value)
    assert "keep_checkpoints" in str(caught.value)
    assert files(tmp_path) == [path.name]
    other = linear()
    load_weights(other, path, None)
    assert same_weights(other.get_weights(), model.get_weights())


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), TypeError("a layer's"), NotImplementedError()]
)
def test_other_errors_pass_and_leave_no_half_of_a_file(tmp_path, error):
    with pytest.raises(type(error)):
        save_weights(Fails(error), tmp_path / NAME)
    assert files(tmp_path) == []


def test_a_limit_of_the_system_on_the_size_of_files(tmp_path):
    resource = pytest.importorskip("resource")
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(20_000)])
    path = tmp_path / NAME
    save_weights(linear(), path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            save_weights(model, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert files(tmp_path) == [path.name]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "checkpoints").write_text("a file stands in the way")
    with pytest.raises(StoreError, match="the folder is writable"):
        save_weights(linear(), tmp_path / NAME)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="the folder is writable"):
        save_weights(linear(), tmp_path / NAME)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64", "bool"])
def test_variables_are_set_to_arrays(dtype):
    values = [np.array([[1, 0, 3]]).astype(dtype), np.array(1).astype(dtype)]
    variables = [keras.Variable(np.zeros_like(each), dtype=dtype) for each in values]
    assign(variables, values)
    for variable, value in zip(variables, values):
        np.testing.assert_array_equal(variable.value.numpy(), value)
    with pytest.raises(ValueError, match="shorter"):
        assign(variables, values[:1])
    with pytest.raises(ValueError, match="shape"):
        assign(variables[:1], [np.zeros((2, 2)).astype(dtype)])
