"""A clean start for each execution: Keras's counters, the seeds, and the memory of dead models."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Iterator

from kerastune_lite._src.keras.compat import thread_state
from kerastune_lite._src.keras.compat.process_state import custom_gradients
from kerastune_lite._src.keras.loading import first_import_of, load_keras
from kerastune_lite._src.util.threads import Shared

keras = load_keras()


def begin(seed: int, collect: bool) -> None:
    """Reset: names count from one again, and all random generators start from `seed`.

    What the user set for the process (mixed precision, a distribution, logging) stays in force.

    Args:
        seed: below 2**32; for Python, NumPy and Keras.
        collect: whether to run the garbage collector.
    """
    # To forget takes these settings back to their defaults along with the counters.
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
    """Seed all random generators with `seed`.

    Args:
        seed: below 2**32; for Python, NumPy and Keras.
    """
    # With another backend this loads TensorFlow, where it is installed, to seed tf.data as well.
    with first_import_of("tensorflow"):
        keras.utils.set_random_seed(seed)


class Collections:
    """When to run the garbage collector; dead models are full of reference cycles.

    That is before every eighth training, and after one that failed: its model may be what filled
    the memory.
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
"""The counter of this process."""


@contextlib.contextmanager
def short_collections() -> Iterator[None]:
    """Within it, the garbage collector ignores the objects that existed before.

    Building and tracing models makes garbage by the megabyte, and each full collection goes
    through all of TensorFlow's modules: a fifth of a second. Garbage that is there by now is
    collected after the search. Where the program has frozen objects itself, they stay as they are.
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
    """Wraps the training of a model: what TensorFlow traces in it is released afterwards.

    Each trial has a new model and traces its functions again. TensorFlow keeps in a global table
    what is needed to differentiate each custom gradient (there is one in most losses), and thereby
    the whole graph, some megabytes a model, for ever. Its advice not to trace functions again and
    again is held back as well: here it is no mistake.
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
"""`_traced_functions` for all threads: one must not release what another is tracing with."""
