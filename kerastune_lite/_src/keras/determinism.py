"""TensorFlow's generator and its switch for determinism: set for a fit, and restored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kerastune_lite._src.keras.compat import process_state
from kerastune_lite._src.keras.compat.thread_state import fresh_seeds
from kerastune_lite._src.keras.loading import first_import_of


@contextlib.contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Within it TensorFlow and Keras draw from `seed`, and compute the same each time.

    Without TensorFlow, or where its settings could not be taken back, it is nothing but Keras's
    seed. They are kept for the whole process, so that only one thread may be in it at a time.
    """
    try:
        with first_import_of("tensorflow"):
            import tensorflow as tf
    except ImportError:
        tf = None
    if tf is None or not process_state.DETERMINISM.is_there:
        with fresh_seeds():
            yield
        return
    before, was_on = process_state.seed(), process_state.is_deterministic()
    tf.random.set_seed(seed)
    tf.config.experimental.enable_op_determinism()
    try:
        with fresh_seeds():
            yield
    finally:
        tf.random.set_seed(before)
        if not was_on:
            process_state.allow_differences()
