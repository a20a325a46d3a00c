"""Each probe finds what it looks for, and a Keras that differs is left to a slower path.

The parts that the fast paths do not need: test_parts.py.
"""

import logging
import random

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

from kerastune_lite._src.keras.compat import datasets, internals, nesting, parts, probes  # noqa: E402
from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, PLAIN, SHARED, STACKED, Dispatcher  # noqa: E402

X, Y = np.ones((20, 3), "float32"), np.zeros(20)
IMAGES = np.ones((20, 3, 1), "float32")
PARTS = [probes.EVERY_PATH, probes.ARRAYS, probes.DATASETS]
PROBES = {what: probe for part in PARTS for what, probe in part.probes.items()}


pytestmark = pytest.mark.usefixtures("probed_anew")


def model():
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def convolutional():
    made = keras.Sequential(
        [keras.Input((3, 1)), keras.layers.Conv1D(2, 2), keras.layers.Flatten()]
    )
    made.add(keras.layers.Dense(1))
    made.compile("sgd", "mse")
    return made


def lines(caplog):
    """What was said by the probes."""
    return [r.getMessage() for r in caplog.records if r.name == parts.__name__ and r.levelno > 10]


def differs(what):
    import tensorflow as tf

    return f"Keras {keras.__version__} on TensorFlow {tf.__version__} differs in {what}"


@pytest.mark.parametrize("what", PROBES)
def test_this_keras_has_it(what):
    assert PROBES[what]()


def test_nothing_is_missing_and_nothing_is_said(caplog):
    with caplog.at_level(logging.INFO):
        assert probes.missing() is None
        assert probes.missing_for_datasets() is None
    assert not caplog.records


def test_no_random_number_is_drawn():
    keras.utils.set_random_seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    assert not any(part.missing() for part in PARTS)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def fails():
    raise AttributeError("module 'keras.src' has no attribute 'backend'")


FAILING = pytest.mark.parametrize(
    "probe", [lambda: False, fails], ids=["answers otherwise", "is not there"]
)


@FAILING
def test_what_is_missing_switches_the_fast_paths_off(monkeypatch, caplog, probe):
    what = "how biases are added and images convolved"
    monkeypatch.setitem(probes.EVERY_PATH.probes, what, probe)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            history, taken = Dispatcher().fit(model(), (X, Y), {"verbose": 0, "epochs": 2}, [0])
            assert (taken.path, taken.reason) == (PLAIN, differs(what))
            assert len(history.history["loss"]) == 2
    assert lines(caplog) == [f"Models are trained with model.fit: {differs(what)}."]


@FAILING
def test_what_numpy_misses_switches_it_off_alone(monkeypatch, caplog, probe):
    what = "how losses and metrics are kept"
    monkeypatch.setitem(probes.ARRAYS.probes, what, probe)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            _, taken = Dispatcher().fit(model(), (X, Y), {"verbose": 0}, [0])
            assert (taken.path, taken.reason) == (SHARED, differs(what))
    assert lines(caplog) == [f"Models are trained by TensorFlow: {differs(what)}."]


@FAILING
def test_what_datasets_miss_leaves_them_to_fit(monkeypatch, caplog, probe):
    import tensorflow as tf

    what = "how datasets are made of one another"
    monkeypatch.setitem(probes.DATASETS.probes, what, probe)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(20).batch(10)
            _, taken = Dispatcher().fit(model(), (dataset,), {"verbose": 0, "shuffle": False}, [0])
            assert (taken.path, taken.reason) == (PLAIN, differs(what))
    _, taken = Dispatcher().fit(model(), (X, Y), {"verbose": 0}, [0])
    assert taken.path == ARRAYS
    assert lines(caplog) == [f"Datasets are left to model.fit: {differs(what)}."]


def breaks(*args, **kwargs):
    raise AttributeError


@pytest.mark.parametrize(
    "name",
    [
        "adapted",
        "compute_loss",
        "excludes_from_weight_decay",
        "first_epoch",
        "forward",
        "loss_total",
        "losses_and_metrics",
        "own_metrics",
        "plain_optimizers",
        "softmax",
        "split_validation",
        "track_loss",
        "unknown_sizes",
        "usual_operations",
    ],
)
def test_what_the_probes_call_is_what_they_probe(monkeypatch, name):
    monkeypatch.setattr(internals, name, breaks)
    assert probes.missing() is not None


@pytest.mark.parametrize("name", ["_flatten_layers", "_symbolic_build"])
def test_building_is_probed(monkeypatch, name):
    monkeypatch.setattr(keras.Model, name, breaks)
    assert probes.missing() is not None


@pytest.mark.parametrize(
    "name",
    [
        "compiled_losses",
        "compiled_metrics",
        "loss_options",
        "loss_tracker",
        "metric_function",
        "metric_options",
        "nested_layers",
        "run_through_graph",
        "schedule_of",
    ],
)
def test_what_the_probes_of_arrays_call_is_what_they_probe(monkeypatch, name):
    monkeypatch.setattr(internals, name, breaks)
    assert probes.missing_for_arrays() is not None


@pytest.mark.parametrize(
    "name",
    [
        "as_inputs",
        "layer_of_output",
        "loss_trackers",
        "losses_meet",
        "metrics_meet",
        "output_structure",
    ],
)
def test_what_the_probe_of_nesting_calls_is_what_it_probes(monkeypatch, name):
    monkeypatch.setattr(nesting, name, breaks)
    assert probes.missing_for_arrays() is not None


@pytest.mark.parametrize("name", ["dataset_argument", "dataset_inputs"])
def test_what_the_probe_of_datasets_calls_is_what_it_probes(monkeypatch, name):
    monkeypatch.setattr(datasets, name, breaks)
    assert probes.missing_for_datasets() is not None


# ------------------------------------------------------------------ a Keras without something

rng = np.random.default_rng(0)
POINTS = rng.normal(size=(60, 4)).astype("float32")
SIDES = (POINTS.sum(axis=1) > 0).astype("int64")


def rates(hp):
    """Functional, so that it is the graph that stacks go through."""
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2, activation="softmax")(inputs)
    made = keras.Model(inputs, outputs)
    optimizer = keras.optimizers.SGD(hp.Float("rate", 0.01, 0.5))
    made.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def searched(path):
    tuner = kt.RandomSearch(
        rates, "val_loss", max_trials=4, seed=0, directory=path, project_name="p"
    )
    data = (POINTS, SIDES)
    tuner.search(*data, validation_split=0.25, shuffle=False, epochs=2, batch_size=16, verbose=0)
    return tuner


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """The search as this Keras does it."""
    tuner = searched(tmp_path_factory.mktemp("right"))
    assert [trial.path for trial in tuner.trials] == [ARRAYS, STACKED, STACKED, STACKED]
    return tuner


def check_slower(tuner, right, path, caplog, said):
    """All went another way, to the same results, and one line says so."""
    assert {trial.path for trial in tuner.trials} == {path}
    for mine, other in zip(tuner.trials, right.trials):
        assert mine.values == other.values
        assert mine.score == pytest.approx(other.score, rel=1e-5)
        assert mine.metrics == pytest.approx(other.metrics, rel=1e-5)
    (line,) = lines(caplog)
    assert line.startswith(said)


@pytest.mark.parametrize("name", ["compiled_losses", "metric_function", "run_through_graph"])
def test_a_search_without_what_numpy_needs(tmp_path, right, monkeypatch, caplog, name):
    monkeypatch.setattr(internals, name, breaks)
    with caplog.at_level(logging.INFO):
        tuner = searched(tmp_path)
    check_slower(tuner, right, SHARED, caplog, "Models are trained by TensorFlow: Keras ")


@pytest.mark.parametrize(
    ("owner", "name"), [(keras.Model, "_symbolic_build"), (internals, "loss_tracker")]
)
def test_a_search_without_what_all_paths_need(tmp_path, right, monkeypatch, caplog, owner, name):
    monkeypatch.setattr(owner, name, breaks)
    with caplog.at_level(logging.INFO):
        tuner = searched(tmp_path)
    check_slower(tuner, right, PLAIN, caplog, "Models are trained with model.fit: Keras ")


# ------------------------------------------------------------------ nothing is left behind


def fail_within(context, check):
    with context:
        check()
        raise KeyError


def test_everything_is_put_back():
    special = keras.src.backend.tensorflow.optimizer.TFOptimizer
    before = {name: special.__dict__[name] for name in internals._TF_ONLY}
    with pytest.raises(KeyError):
        fail_within(internals.plain_optimizers(), lambda: special.assign is before["assign"])
    assert {name: special.__dict__[name] for name in internals._TF_ONLY} == before
    variable = keras.Variable(np.ones((2, 3)))
    with pytest.raises(KeyError):
        fail_within(internals.unknown_sizes([variable]), lambda: None)
    assert tuple(variable.shape) == (2, 3)
    numpy, nn = keras.src.backend.numpy, keras.src.backend.nn
    add, conv = numpy.add, nn.conv
    with pytest.raises(KeyError):
        fail_within(internals.usual_operations(), lambda: None)
    assert (numpy.add, nn.conv) == (add, conv)


def test_a_model_is_as_it_was_after_it_was_traced():
    layer = keras.layers.Conv1D(4, 2)
    traced = keras.Sequential([keras.Input((5, 2)), layer, keras.layers.Flatten()])
    traced.add(keras.layers.Dense(1))
    traced.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse")
    _, taken = Dispatcher(fastest=SHARED).fit(traced, (np.ones((20, 5, 2)), Y), {"verbose": 0}, [0])
    assert taken.path == SHARED
    assert layer.filters == 4
    assert traced.optimizer.momentum == 0.5
    assert [tuple(v.shape) for v in traced.weights] == [(2, 2, 4), (4,), (16, 1), (1,)]
    traced.set_weights([np.zeros(v.shape) for v in traced.weights])
    assert traced.predict(np.ones((1, 5, 2)), verbose=0) == 0.0
