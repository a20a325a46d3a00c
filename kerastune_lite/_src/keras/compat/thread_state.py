"""What Keras and TensorFlow keep for each thread; what is changed here, other threads do not see.

These parts are not public. Without them models train all the same, somewhat later or with settings
that other threads see.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

_TRACKERS = ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER")


@contextlib.contextmanager
def quick_start() -> Iterator[None]:
    """Within it TensorFlow runs what was traced without rewriting it first.

    The rewriting takes longer than it saves, for models that train for seconds. It is switched off
    for calls of this thread: another's `fit` or `predict` rounds as it always does.
    """
    import tensorflow as tf

    try:
        module = importlib.import_module("tensorflow.python.eager.context")
        context, before = module.context(), module.context().function_call_options
        config = tf.compat.v1.ConfigProto.FromString(before.config_proto_serialized)
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        options = module.FunctionCallOptions(before.executor_type, config)
    except (AttributeError, ImportError, TypeError):
        yield
        return
    context.function_call_options = options
    try:
        yield
    finally:
        # What was set in the meantime, by a callback, stays in force.
        if context.function_call_options is options:
            context.function_call_options = before


def forget(collect: bool) -> None:
    """What `keras.utils.clear_session` does, for this thread alone.

    That takes from all threads the scopes and names of what they build or trace at the moment, and
    the settings that they have made.

    Args:
        collect: run the garbage collector.
    """
    trackers = [getattr(_global_state(), name, None) for name in _TRACKERS]
    known = all(isinstance(tracker, threading.local) for tracker in trackers)
    if not known or keras.backend.backend() != "tensorflow":
        keras.utils.clear_session(free_memory=collect)
        return
    import tensorflow as tf

    for tracker in trackers:
        vars(tracker).clear()
    tf.compat.v1.reset_default_graph()
    if collect:
        gc.collect()


@contextlib.contextmanager
def fresh_seeds() -> Iterator[None]:
    """Within it, the seeds that Keras draws without being given any are those of a new thread."""
    module = _global_state()
    names = ("global_random_seed", "global_seed_generator")
    before = {name: module.get_global_attribute(name) for name in names}
    for name in names:
        module.set_global_attribute(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            module.set_global_attribute(name, value)


def _global_state() -> Any:
    return importlib.import_module("keras.src.backend.common.global_state")
