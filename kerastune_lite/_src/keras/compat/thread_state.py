"""What Keras and TensorFlow keep for each thread; what is changed here, other threads do not see.

Without these parts models train all the same, somewhat later or with settings that other threads
see.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import global_state
from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.generators import set_generators, state_of_generators

keras = load_keras()

# ------------------------------------------------------------------ TensorFlow's options


@contextlib.contextmanager
def quick_start() -> Iterator[None]:
    """Within it TensorFlow runs what was traced without rewriting it first.

    The rewriting takes longer than it saves, for models that train for seconds. It is switched off
    for calls of this thread: another's `fit` or `predict` rounds as it always does. Without the
    part, everything is rewritten.
    """
    if not OPTIONS.is_there:
        yield
        return
    context, before = _context(), _context().function_call_options
    options = _without_rewriting(before)
    context.function_call_options = options
    try:
        yield
    finally:
        # What was set in the meantime, by a callback, stays in force.
        if context.function_call_options is options:
            context.function_call_options = before


def _context() -> Any:
    return importlib.import_module("tensorflow.python.eager.context").context()


def _without_rewriting(options: Any) -> Any:
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto.FromString(options.config_proto_serialized)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return type(options)(options.executor_type, config)


def _options_work() -> bool:
    context, before = _context(), _context().function_call_options
    options = _without_rewriting(before)
    context.function_call_options = options
    taken = context.function_call_options is options
    context.function_call_options = before
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto.FromString(options.config_proto_serialized)
    return taken and bool(config.graph_options.rewrite_options.disable_meta_optimizer)


OPTIONS = Part(
    "TensorFlow rewrites what is traced before it runs",
    {"how functions are told not to be rewritten": _options_work},
)

# ------------------------------------------------------------------ Keras's state

_TRACKERS = ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER")


def forget(collect: bool) -> None:
    """What `keras.utils.clear_session` does, for this thread alone.

    That takes from all threads the scopes and names of what they build or trace at the moment, and
    the settings that they have made. It is called itself without the part, or with another backend.

    Args:
        collect: run the garbage collector.
    """
    if keras.backend.backend() != "tensorflow" or not TRACKERS.is_there:
        keras.utils.clear_session(free_memory=collect)
        return
    import tensorflow as tf

    for tracker in _trackers():
        vars(tracker).clear()
    if not tf.distribute.has_strategy():  # Its scope, which the user has opened, is in the graph.
        tf.compat.v1.reset_default_graph()
    if collect:
        gc.collect()


def _trackers() -> list[Any]:
    return [getattr(global_state.module(), name) for name in _TRACKERS]


def _trackers_work() -> bool:
    global_state.name_counters()
    names, _ = trackers = _trackers()
    return all(isinstance(each, threading.local) for each in trackers) and bool(vars(names))


TRACKERS = Part(
    "Executions begin with keras.utils.clear_session(), which other threads notice",
    {"what Keras keeps for each thread": _trackers_work},
)

# ------------------------------------------------------------------ Keras's seeds

_SEED, _GENERATOR = "global_random_seed", "global_seed_generator"


@contextlib.contextmanager
def fresh_seeds() -> Iterator[None]:
    """Within it, the seeds that Keras draws without being given any are those of a new thread.

    Without the part they are drawn from where the thread's generator stands.
    """
    with _anew() if SEEDS.is_there else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _anew() -> Iterator[None]:
    module = global_state.module()
    before = {name: module.get_global_attribute(name) for name in (_SEED, _GENERATOR)}
    for name in before:
        module.set_global_attribute(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            module.set_global_attribute(name, value)


def _seeds_work() -> bool:
    drawn, state = [], random.getstate()
    try:
        for _ in range(2):
            with _anew():
                random.setstate(state)  # Keras takes the seed of a generator from Python's.
                drawn.append(float(keras.random.uniform(())))
    finally:
        random.setstate(state)
    return drawn[0] == drawn[1]


class Generators:
    """Where the generators stand that are drawn from without a seed: Python's, NumPy's, Keras's.

    Without the part, Keras's is not looked at.
    """

    def __init__(self) -> None:
        self._kept = state_of_generators()
        self._of_keras, self._seed = _generator_of_keras()

    def moved(self) -> bool:
        """Whether something was drawn since this object was made."""
        of_keras, seed = _generator_of_keras()
        (python, numpy), (python_now, numpy_now) = self._kept, state_of_generators()
        return not (
            python_now == python
            and all(np.array_equal(one, other) for one, other in zip(numpy_now, numpy))
            and of_keras is self._of_keras
            and np.array_equal(seed, self._seed)
        )

    def put_back(self) -> None:
        """Have them draw again what was drawn since."""
        set_generators(self._kept)
        if SEEDS.is_there:
            global_state.module().set_global_attribute(_GENERATOR, self._of_keras)
            if self._of_keras is not None:
                self._of_keras.state.assign(self._seed)


def _generator_of_keras() -> tuple[Any, Any]:
    """Keras's generator of this thread and its state; nothing if there is none yet."""
    found = global_state.module().get_global_attribute(_GENERATOR) if SEEDS.is_there else None
    return found, () if found is None else np.asarray(found.state).copy()


SEEDS = Part(
    "Fits with a seed differ in what Keras draws", {"how Keras keeps its seed": _seeds_work}
)
