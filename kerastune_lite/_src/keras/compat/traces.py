"""What TensorFlow's traced functions keep from call to call."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

from kerastune_lite._src.keras.compat.parts import Part

_ON_VARIABLES = ("Assign", "ReadVariableOp", "Resource", "VariableShape", "VarIsInitialized")
"""The beginnings of the names of operations that change or read the variables that they are given;
they keep nothing themselves, as random generators, counters and Python functions do."""

_CALLS = ("If", "PartitionedCall", "StatefulPartitionedCall", "While", "Case")
"""Operations that call functions, which are looked at, too."""

_CHECKS = ("Assert", "NoOp", "Placeholder")


def keeps_nothing_else(function: Any, handles: Collection[int]) -> bool:
    """Whether a traced function keeps nothing but the values of these variables.

    Without the part nobody knows, and it is False.

    Args:
        function: concrete.
        handles: the ids of the variables' handles.
    """
    import tensorflow as tf

    if not STATEFUL.is_there:
        return False
    captured = [each for each in function.captured_inputs if each.dtype == tf.resource]
    if any(id(each) not in handles for each in captured):
        return False
    graph = function.graph.as_graph_def()
    own = {each.signature.name for each in graph.library.function}
    operations = {node.op for node in graph.node}
    operations |= {node.op for each in graph.library.function for node in each.node_def}
    return not any(_keeps(name) for name in operations - own)


def _keeps(operation: str) -> bool:
    if operation in _CALLS or operation in _CHECKS or operation.startswith(_ON_VARIABLES):
        return False
    return _is_stateful(operation)


def _is_stateful(operation: str) -> bool:
    found = _registry().get(operation)
    return found is None or bool(found.is_stateful)


def _registry() -> Any:
    return importlib.import_module("tensorflow.python.framework.op_def_registry")


def _stateful_is_known() -> bool:
    kept = ("RandomUniform", "EagerPyFunc", "IteratorGetNext", "no such operation")
    return all(map(_is_stateful, kept)) and not _is_stateful("MatMul")


STATEFUL = Part(
    "The traces of paused trials are not kept",
    {"how operations tell whether they keep a state": _stateful_is_known},
    backend="tensorflow",
)
