"""The numbers that masks of dropout are made of are those that Keras draws."""

import numpy as np
import pytest
import tensorflow as tf

from kerastune_lite._src.keras.fast.numpy import masks


@pytest.mark.parametrize("shape", [(3,), (8, 5)])
@pytest.mark.parametrize("count", [1, 6, 7, 64, 65, 70, 71, 192])
def test_however_many_are_drawn_together(count, shape):
    states = np.random.default_rng(count).integers(2**32, size=(count, 2), dtype="uint32")
    drawn = masks._uniform(states, shape)
    seeds = np.mod(states, 2**31 - 2).astype("int32")
    alone = [tf.random.stateless_uniform(shape, seed).numpy() for seed in seeds]
    np.testing.assert_array_equal(drawn, alone)
