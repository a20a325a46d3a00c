"""A clean start for each execution: Keras's counters, seeds, and the memory of old models."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import Iterator

from kerastune_lite._src.keras.compat import kernels, thread_state
from kerastune_lite._src.keras.compat.process_state import custom_gradients
from kerastune_lite._src.keras.loading import first_import_of, load_keras
from kerastune_lite._src.util.threads import Shared

keras = load_keras()


def begin(seed: int, collect: bool) -> None:
    """Start anew: names are numbered from one, and all random generators start with `seed`.

    What the user set for the process (mixed precision, a distribution, logging) stays in force.

    Args:
        seed: below 2**32; for Python, NumPy and Keras.
        collect: whether to run the garbage collector.
    """
    # `forget` resets these settings, too.
    policy = keras.config.dtype_policy()
    distribution = keras.distribution.distribution()
    filtering = keras.config.is_traceback_filtering_enabled()
    interactive = keras.config.is_interactive_logging_enabled()
    thread_state.forget(collect)
    keras.config.set_dtype_policy(policy)
    if distribution is not None:
        keras.distribution.set_distribution(distribution)
    if not filtering:
        keras.config.disable_traceback_filtering()
    if not interactive:
        keras.config.disable_interactive_logging()
    seed_all(seed)


def seed_all(seed: int) -> None:
    """Make all random generators start with `seed`.

    Args:
        seed: below 2**32; for Python, NumPy and Keras.
    """
    # With another backend this loads TensorFlow, if it is installed, to seed tf.data as well.
    with first_import_of("tensorflow"), kernels.kept():
        keras.utils.set_random_seed(seed)


def gpu_identifiers() -> tuple[str, ...]:
    """The GPUs that TensorFlow can use, as CUDA_VISIBLE_DEVICES names them."""
    import tensorflow as tf

    count = len(tf.config.list_physical_devices("GPU"))
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return tuple(named) if len(named) == count and named[0] else tuple(map(str, range(count)))


class Collections:
    """Decides when to run the garbage collector: unused models have reference cycles.

    It runs before every eighth training, and after a failed one, whose model may have filled the
    memory.
    """

    _EVERY = 8

    def __init__(self) -> None:
        self.failed = False
        """Whether the latest training failed."""
        self._begun = 0

    def is_due(self) -> bool:
        """Whether to collect before the training that begins now."""
        due = self.failed or self._begun % self._EVERY == 0
        self._begun += 1
        self.failed = False
        return due


collections = Collections()
"""Shared by the whole process."""


@contextlib.contextmanager
def of_search() -> Iterator[None]:
    """In the body, a search trains many models: their garbage and kernels are taken care of."""
    with short_collections(), kernels.watched():
        yield


@contextlib.contextmanager
def short_collections() -> Iterator[None]:
    """Make the garbage collector ignore earlier objects in the body.

    Building and tracing models makes megabytes of garbage, and each full collection goes through
    all of TensorFlow's modules, in a fifth of a second. Earlier garbage is collected after the
    search. If the program has frozen objects itself, this does nothing.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _traced_functions() -> Iterator[None]:
    """Release what TensorFlow traces in the body, the training of a model.

    Each trial has a new model and traces its functions anew. For each custom gradient (most losses
    have one) TensorFlow keeps an entry in a global table for ever, and with it the whole graph,
    some megabytes per model. Its warning about repeated tracing is hidden, too: it is intended
    here.
    """
    logger = logging.getLogger("tensorflow")

    def is_other(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger.addFilter(is_other)
    table = custom_gradients()
    before = set(table)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
        for name in table.keys() - before:
            if name.startswith("CustomGradient-"):
                del table[name]


traced_functions = Shared(_traced_functions)
"""`_traced_functions` for all threads: one might release what another is tracing with."""
