"""TensorFlow's generator and its switch for determinism: set for a fit, and back afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kerastune_lite._src.keras.compat.thread_state import fresh_seeds
from kerastune_lite._src.keras.loading import first_import_of


@contextlib.contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Within it TensorFlow and Keras draw from `seed`, and compute the same each time.

    Without TensorFlow, it is nothing but Keras's seed. Both are kept for the whole process, so that
    only one thread may be in it at a time.
    """
    try:
        with first_import_of("tensorflow"):
            import tensorflow as tf
            from tensorflow.python.eager import context
            from tensorflow.python.framework import config
    except ImportError:
        with fresh_seeds():
            yield
        return
    before, was_on = context.global_seed(), config.is_op_determinism_enabled()
    tf.random.set_seed(seed)
    tf.config.experimental.enable_op_determinism()
    try:
        with fresh_seeds():
            yield
    finally:
        tf.random.set_seed(before)
        if not was_on:
            config.disable_op_determinism()
