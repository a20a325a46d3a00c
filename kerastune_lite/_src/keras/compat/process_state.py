"""What TensorFlow keeps for the whole process: gradients, its seed, its switch for determinism."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from kerastune_lite._src.keras.compat.parts import Part

# ------------------------------------------------------------------ gradients


def custom_gradients() -> dict[str, Any]:
    """TensorFlow's table of gradients by name, to take some out.

    It is an empty one where TensorFlow is not loaded; and without the part, when the memory of what
    was traced is not given back.
    """
    if "tensorflow" not in sys.modules or not GRADIENTS.is_there:
        return {}
    return _table()


def _table() -> dict[str, Any]:
    ops = importlib.import_module("tensorflow.python.framework.ops")
    table: dict[str, Any] = ops.gradient_registry._registry
    return table


def _gradients_work() -> bool:
    return isinstance(_table(), dict) and "MatMul" in _table()


GRADIENTS = Part(
    "The memory of traced functions is not given back",
    {"how gradients are registered": _gradients_work},
)

# ------------------------------------------------------------------ determinism


def seed() -> int | None:
    """The seed that `tf.random.set_seed` was given."""
    given: int | None = _context().global_seed()
    return given


def is_deterministic() -> bool:
    """Whether operations compute the same each time."""
    return bool(_config().is_op_determinism_enabled())


def allow_differences() -> None:
    """Take back `tf.config.experimental.enable_op_determinism`."""
    _config().disable_op_determinism()


def _context() -> Any:
    return importlib.import_module("tensorflow.python.eager.context")


def _config() -> Any:
    return importlib.import_module("tensorflow.python.framework.config")


def _determinism_works() -> bool:
    # Nothing is set: generators would begin anew.
    return (
        isinstance(seed(), (int, type(None)))
        and _config().is_op_determinism_enabled() in (True, False)
        and callable(_config().disable_op_determinism)
    )


DETERMINISM = Part(
    "Fits with a seed differ in what TensorFlow draws",
    {"how its seed and determinism are kept": _determinism_works},
)
