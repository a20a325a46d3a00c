"""TensorFlow's seed and determinism: set for a fit, and restored afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kerastune_lite._src.keras.compat import process_state
from kerastune_lite._src.keras.compat.thread_state import fresh_seeds
from kerastune_lite._src.keras.loading import first_import_of


@contextlib.contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Make TensorFlow and Keras draw from `seed`, and compute deterministically, in the body.

    Without TensorFlow, or if its settings could not be restored, only Keras's seed is set. The
    settings are those of the whole process, so only one thread may be in the body at a time.
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
