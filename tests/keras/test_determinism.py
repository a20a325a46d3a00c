"""Determinism is as it was after a fit, also after the first one of a process."""

import pytest

from tests.processes import Forked

CODE = """
from tensorflow.python.framework import config
from kerastune_lite._src.keras.determinism import deterministic
import keras, tensorflow as tf
draws = []
if {on}:
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
for _ in range(2):
    with deterministic(3):
        assert config.is_op_determinism_enabled()
        draws.append([float(tf.random.uniform(())), float(keras.random.uniform(()))])
    assert config.is_op_determinism_enabled() is {on}
assert draws[0][0] == draws[1][0]
"""


def run(on):
    process = Forked(CODE.format(on=on))
    process.read()
    assert process.returncode == 0


def test_off_before_and_afterwards():
    run(False)


@pytest.mark.slow
def test_on_before_and_afterwards():
    run(True)
