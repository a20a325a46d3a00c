"""Each probe finds what it looks for, and a Keras that differs is left to its own model.fit."""

import logging

import numpy as np
import pytest

from kerastune_lite.training.quiet import load_keras

keras = load_keras()

from kerastune_lite.training.door import PLAIN, SHARED, Door  # noqa: E402
from kerastune_lite.training.paths import internals  # noqa: E402

X, Y = np.ones((20, 3), "float32"), np.zeros(20)


@pytest.fixture(autouse=True)
def probed_anew():
    internals._missing.cache_clear()
    internals._say_once.cache_clear()
    yield
    internals._missing.cache_clear()
    internals._say_once.cache_clear()


def model():
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("what", internals._PROBES)
def test_this_keras_has_it(what):
    assert internals._PROBES[what]()


def test_nothing_is_missing_and_nothing_is_said(caplog):
    with caplog.at_level(logging.INFO):
        assert internals.missing() is None
    assert not caplog.records


def fails():
    raise AttributeError("module 'keras.src' has no attribute 'backend'")


@pytest.mark.parametrize("probe", [lambda: False, fails], ids=["answers otherwise", "is not there"])
def test_what_is_missing_switches_the_fast_paths_off(monkeypatch, caplog, probe):
    monkeypatch.setitem(internals._PROBES, "how biases are added and images convolved", probe)
    with caplog.at_level(logging.INFO, "kerastune_lite.training.paths.internals"):
        for _ in range(3):
            history, taken = Door().fit(model(), (X, Y), {"verbose": 0, "epochs": 2}, [0])
            assert taken.path == PLAIN
            assert (
                taken.reason
                == f"Keras {keras.__version__} differs in how biases are added and images convolved"
            )
            assert len(history.history["loss"]) == 2
    (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.INFO]
    assert line == f"Models are trained with model.fit: {taken.reason}."


@pytest.mark.parametrize(
    "name",
    [
        "plain_optimizers",
        "unknown_sizes",
        "build_all",
        "forward",
        "compute_loss",
        "loss_total",
        "split_validation",
        "adapted",
        "usual_operations",
    ],
)
def test_what_the_probes_call_is_what_they_probe(monkeypatch, name):
    def breaks(*args, **kwargs):
        raise AttributeError(name)

    monkeypatch.setattr(internals, name, breaks)
    assert internals.missing() is not None


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
    _, taken = Door().fit(traced, (np.ones((20, 5, 2)), Y), {"verbose": 0}, [0])
    assert taken.path == SHARED
    assert layer.filters == 4
    assert traced.optimizer.momentum == 0.5
    assert [tuple(v.shape) for v in traced.weights] == [(2, 2, 4), (4,), (16, 1), (1,)]
    traced.set_weights([np.zeros(v.shape) for v in traced.weights])
    assert traced.predict(np.ones((1, 5, 2)), verbose=0) == 0.0
