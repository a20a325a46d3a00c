"""TensorFlow's kernels, kept from one trial to the next: it makes one for each operation and shape.

`tf.random.set_seed` throws all of them away, so that those that draw random numbers, and count what
they have drawn, start again. To make the others anew takes a third of the time of a small trial.
Here they are kept where none of them can draw: no operation with a seed was run since they were
last thrown away, and no function that was traced has one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import types
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.util.threads import Shared

_MOST = 64
"""How often they are kept one after the other: each takes some kilobytes."""

_RUN = "TFE_Py_FastPathExecute"

_WRAPPED = "__wrapped__"
"""How the names of functions begin that TensorFlow makes of a single operation, to run it."""


class _Watch:
    """What was run since the kernels were last thrown away."""

    def __init__(self) -> None:
        self.drawn = True
        """Whether one of them may draw; nothing is known of what was run before."""
        self._kept = 0
        self._functions: dict[str, bool] = {}

    def may_keep(self) -> bool:
        """Whether the kernels may stay when the seed is set."""
        if self.drawn or self._kept >= _MOST or self._functions_draw():
            return False
        self._kept += 1
        return True

    def thrown_away(self) -> None:
        """The kernels are thrown away now."""
        self.drawn, self._kept = False, 0

    def _functions_draw(self) -> bool:
        """Whether there is a traced function that draws: nobody notes when such a one is run."""
        context = _context()
        names = {n for n in context.list_function_names() if not n.startswith(_WRAPPED)}
        new = names - self._functions.keys()
        self._functions = {n: draws for n, draws in self._functions.items() if n in names}
        for name in new:
            nodes = context.get_function_def(name).node_def
            self._functions[name] = any(_draws(operation) for operation in {n.op for n in nodes})
        return any(self._functions.values())


@functools.cache
def _draws(operation: str) -> bool:
    """Whether an operation has a seed of its own, and so may draw anew each time."""
    definition = _registry().get(operation)
    if definition is None:
        return False  # A function: it is looked through itself.
    # The types of the inputs that stateless ones take as a seed are called Tseed.
    return any("seed" in each.name and each.name != "Tseed" for each in definition.attr)


_watches: list[_Watch] = []


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    if not KERNELS.is_there:
        yield
        return
    with _noted_by(_Watch()) as watch:
        _watches.append(watch)
        try:
            yield
        finally:
            _watches.remove(watch)


@contextlib.contextmanager
def _noted_by(watch: _Watch) -> Iterator[_Watch]:
    module = _entry()
    run = getattr(module, _RUN)

    def noting(context: Any, operation: str, *args: Any, **kwargs: Any) -> Any:
        if _draws(operation):
            watch.drawn = True
        return run(context, operation, *args, **kwargs)

    setattr(module, _RUN, noting)
    try:
        yield watch
    finally:
        setattr(module, _RUN, run)


watched = Shared(_watching)
"""Within it is known what is run, so that kernels can be kept; for the duration of a search."""


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Within it, `tf.random.set_seed` keeps the kernels, if none of them can draw.

    Without the part, and outside of `watched`, it throws them away, as it always does.
    """
    watch = _watches[-1] if _watches else None
    if watch is None or not watch.may_keep():
        if watch is not None:
            watch.thrown_away()  # what other threads draw meanwhile counts
        yield
        return
    context = _context()
    context._set_global_seed = functools.partial(_set_seed_alone, context)
    try:
        yield
    finally:
        del context._set_global_seed


def _set_seed_alone(context: Any, seed: int) -> None:
    """Set the seed by TensorFlow's own method, on something that has no kernels."""
    vars(context).update(_changed_by(context, seed))


def _changed_by(context: Any, seed: int) -> dict[str, Any]:
    """The attributes of a context that have other values when it has received a seed."""
    instead = types.SimpleNamespace(_context_handle=None)
    type(context)._set_global_seed(instead, seed)
    del instead._context_handle
    return vars(instead)


def _context() -> Any:
    return importlib.import_module("tensorflow.python.eager.context").context()


def _entry() -> Any:
    """The module through which Python runs operations."""
    return importlib.import_module("tensorflow.python.pywrap_tfe")


def _registry() -> Any:
    return importlib.import_module("tensorflow.python.framework.op_def_registry")


def _seed_is_set_alone() -> bool:
    context, given = _context(), list[int]()
    context._set_global_seed = given.append
    try:
        importlib.import_module("tensorflow").random.set_seed(1)
    finally:
        del context._set_global_seed
    return given == [1] and _changed_by(context, 1)["_seed"] == 1


def _operations_are_noted() -> bool:
    import tensorflow as tf

    def notes(run: Any) -> bool:
        watch = _Watch()
        watch.drawn = False
        with _noted_by(watch):
            run()
        return watch.drawn

    drawing = notes(lambda: tf.raw_ops.RandomUniform(shape=[1], dtype="float32", seed=1, seed2=1))
    return drawing and not notes(lambda: tf.raw_ops.Neg(x=1.0))


def _functions_are_listed() -> bool:
    return isinstance(_context().list_function_names(), set)


KERNELS = Part(
    "TensorFlow makes its kernels anew for each trial",
    {
        "how its seed is set": _seed_is_set_alone,
        "how operations are run": _operations_are_noted,
        "how functions are listed": _functions_are_listed,
    },
    backend="tensorflow",
)
