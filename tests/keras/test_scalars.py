"""A number that a program reads at run time behaves, in Keras's code, as the number it was."""

import numpy as np
import pytest

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

import tensorflow as tf  # noqa: E402

from kerastune_lite._src.keras.fast.tf.scalars import RunTimeScalar, read_at_run_time  # noqa: E402


def traced(compute, number=0.25):
    """`compute` traced with `number`; the function runs it with another one."""

    def function(value, x):
        return compute(RunTimeScalar(number, value), x)

    specs = tf.TensorSpec((), "float64"), tf.TensorSpec((None,), "float32")
    return tf.function(function, autograph=False).get_concrete_function(*specs)


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, x: a * x,
        lambda a, x: x * a,
        lambda a, x: a + x,
        lambda a, x: x - a,
        lambda a, x: a - x,
        lambda a, x: x / a,
        lambda a, x: a / x,
        lambda a, x: -a * x,
        lambda a, x: (1 - a) * x,
        lambda a, x: (1 / (1 - a)) * x,
        lambda a, x: (a * a - 2) * x,
        lambda a, x: a**2 * x,
        lambda a, x: keras.ops.power(keras.ops.cast(a, "float32"), x),
        lambda a, x: keras.ops.multiply(x, a),
        lambda a, x: keras.ops.add(x, a),
        lambda a, x: tf.where(x >= a, x, 0.0),
    ],
)
@pytest.mark.parametrize("value", [0.25, 0.7])
def test_arithmetic(compute, value):
    x = np.array([0.1, 0.5, 3.0], "float32")
    got = traced(compute)(tf.constant(value, "float64"), x)
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, compute(value, tf.constant(x)), rtol=1e-6)


def test_it_is_as_precise_as_pythons_numbers():
    function = traced(lambda a, x: (1 - a) * x)
    got = function(tf.constant(0.999, "float64"), np.ones(1, "float32"))
    assert got[0].numpy() == np.float32(1 - 0.999)


def test_branches_see_the_number_it_was_traced_with():
    scalar = RunTimeScalar(0.25, tf.constant(0.7, "float64"))
    assert scalar == 0.25
    assert scalar != 0
    assert scalar > 0
    assert scalar <= 0.25
    assert 0 <= scalar < 1
    assert bool(scalar)
    assert float(scalar) == 0.25


def test_what_is_computed_twice_is_in_the_graph_once():
    def compute(a, x):
        return (1 - a) * x + (1 - a) * x

    operations = [operation.type for operation in traced(compute).graph.get_operations()]
    assert operations.count("Sub") == 1
    assert operations.count("Cast") == 1


def test_attributes_are_put_back():
    optimizer = keras.optimizers.SGD(0.1, momentum=0.5)
    with read_at_run_time([(optimizer, "momentum")], tf.constant([0.75], "float64")):
        assert isinstance(optimizer.momentum, RunTimeScalar)
        assert (optimizer.momentum * tf.ones(1)).numpy() == 0.75
    assert optimizer.momentum == 0.5
    assert isinstance(optimizer.momentum, float)
