"""Which tf.data pipelines yield the same elements each time that they are gone through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kerastune_lite._src.keras.compat.datasets import (
    dataset_argument,
    dataset_function_graphs,
    dataset_inputs,
    functions_called,
    functions_with_state,
    leaves_order_open,
)

_REPEATABLE = frozenset(
    (
        # Steps that depend on their inputs, and on functions, alone.
        "AssertCardinality",
        "Batch",
        "Concatenate",
        "DenseToRagged",
        "Filter",
        "FixedLengthRecord",
        "FlatMap",
        "GroupByWindow",
        "IgnoreErrors",
        "Interleave",
        "Map",
        "Options",
        "PaddedBatch",
        "ParallelBatch",
        "ParallelMap",
        "Prefetch",
        "Range",
        "Rebatch",
        "Repeat",
        "Restructured",
        "Scan",
        "Shard",
        "Skip",
        "Take",
        "TakeWhile",
        "Tensor",
        "TensorSlice",
        "TextLine",
        "TFRecord",
        "Unbatch",
        "Unique",
        "Zip",
    )
)
_KEPT = "Cache"
"""What it has yielded once, to the end, is what it yields from then on, wherever that came from."""
_ENDING = frozenset(("Take", "TakeWhile", "Zip"))
"""Steps that may end before their inputs do."""
_SENT = "Variant"
"""A pipeline that came from another process as one step."""
_MARK = "kerastune_lite_repeatable"
_READING = frozenset(("LookupTableFindV2", "LookupTableSizeV2"))
"""Operations that TensorFlow counts as stateful, and that change nothing."""
_DRAWING = ("Random", "Sampling", "Shuffle", "Service", "Generator")
"""Parts of the names of datasets within functions that have a state."""


def why_not_repeatable(dataset: Any) -> str | None:
    """Why a dataset may yield something else the next time, in words; None: it does not.

    All steps must be known ones, and their functions (of `map`, `filter` and others) must consist
    of operations without a state: no random numbers, no variables, no Python code. Files count as
    unchanged.
    """
    if dataset.options().deterministic is False:
        return "a dataset whose order is left open"
    for step in _steps(dataset):
        kind = _kind(step)
        if kind == _KEPT or (kind == _SENT and getattr(step, _MARK, False)):
            continue
        if kind not in _REPEATABLE:
            return f"a dataset with {kind.lower()}(), which may differ from epoch to epoch"
        if kind.startswith("Parallel") and dataset_argument(step, "deterministic") == "false":
            return "a dataset whose order is left open"
        graphs = dataset_function_graphs(step)
        if any(leaves_order_open(each) for graph in graphs for each in graph.get_operations()):
            return "a dataset whose order is left open"
        stateful = [name for graph in graphs for name in _stateful(graph)]
        if stateful:
            return (
                f"a dataset whose functions have a state ({stateful[0]}), so it may differ from "
                "epoch to epoch"
            )
    return None


def mark_repeatable(dataset: Any) -> None:
    """Note of a dataset that came from another process that it is repeatable.

    All of its pipeline is one step here.
    """
    setattr(dataset, _MARK, True)


def _kind(step: Any) -> str:
    return type(step).__name__.removeprefix("_").removesuffix("V2").removesuffix("Dataset")


def _steps(dataset: Any, to_the_end: bool = True) -> Iterable[Any]:
    """All steps from the last one on; not what is before a cache that is filled for good.

    Args:
        to_the_end: whether what follows reads all elements: TensorFlow forgets a cache in memory
            that was filled in part.
    """
    yield dataset
    kind = _kind(dataset)
    if kind == _KEPT and to_the_end:
        return
    for source in dataset_inputs(dataset):
        yield from _steps(source, to_the_end and kind not in _ENDING)


def _stateful(graph: Any) -> Iterable[str]:
    """The kinds of operations of a function that have a state, or that call functions with one."""
    inner: set[str] | None = None
    for operation in graph.get_operations():
        kind = operation.type
        called = functions_called(operation)
        if called:
            inner = functions_with_state(graph) if inner is None else inner
            if inner.intersection(called):
                yield kind
                continue
        if not operation.op_def.is_stateful or kind in _READING:
            continue
        if "Dataset" in kind and not any(part in kind for part in _DRAWING):
            continue
        yield kind
