"""Traced functions that start once, however often TensorFlow is seeded."""

import numpy as np
import pytest
import tensorflow as tf

from kerastune_lite._src.keras.fast.structure import NotShared
from kerastune_lite._src.keras.fast.tf.graph_function import GraphFunction, started_once


def traced(function, *specs):
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def drawn(state, size):
    """What layers draw with the seeds that are in their variables."""
    numbers = tf.random.stateless_uniform((size,), state)
    _, total = tf.while_loop(lambda i, s: i < size, lambda i, s: (i + 1, s + i), (0, 0))
    return {"numbers": numbers, "more": [total, (state + 1,)]}


SPECS = (tf.TensorSpec((2,), "int32"), tf.TensorSpec((), "int32"))


def test_it_computes_the_same_before_and_after_seeding():
    function = traced(drawn, *SPECS)
    started = started_once(function)
    assert started is not function
    right = function(tf.constant([3, 4]), tf.constant(5))
    for seed in (1, 2):
        tf.random.set_seed(seed)
        found = started(np.array([3, 4]), 5)
        tf.nest.assert_same_structure(found, right)
        for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(right)):
            np.testing.assert_array_equal(one, other.numpy())


def test_constants_are_taken_along():
    constant = tf.constant([1.0, 2.0])
    started = started_once(traced(lambda x: x * constant, tf.TensorSpec((2,), "float32")))
    np.testing.assert_array_equal(started(np.ones(2)), [1, 2])


def test_what_keeps_a_state_is_left_as_it_is():
    variable = tf.Variable(1.0)
    counting = traced(lambda x: variable.assign_add(x), tf.TensorSpec((), "float32"))
    drawing = traced(lambda x: x + tf.random.uniform(()), tf.TensorSpec((), "float32"))
    assert started_once(counting) is counting
    assert started_once(drawing) is drawing
    with pytest.raises(NotShared, match="variables of its own"):
        GraphFunction(counting)
