"""What tf.data datasets are made of."""

from __future__ import annotations

from typing import Any


def dataset_inputs(dataset: Any) -> list[Any]:
    """What a tf.data dataset takes its elements from."""
    # Readers of files keep to themselves how they come by the names of these.
    reader = getattr(dataset, "_impl", None)
    return list(dataset._inputs()) if reader is None else [reader]


def dataset_function_graphs(dataset: Any) -> list[Any]:
    """The graphs of the functions that the last step of a tf.data dataset calls."""
    return [wrapper.function.graph for wrapper in dataset._functions()]


def functions_with_state(graph: Any) -> set[str]:
    """The names of the functions that a graph calls, at any depth, and that have a state."""
    functions = graph.as_graph_def().library.function
    return {each.signature.name for each in functions if each.signature.is_stateful}


def functions_called(operation: Any) -> list[str]:
    """The names of the functions that an operation of a graph calls."""
    attributes = operation.node_def.attr.values()
    return [each.func.name for each in attributes if each.HasField("func")]


def leaves_order_open(operation: Any) -> bool:
    """Whether an operation may yield its elements in another order each time."""
    return bool(operation.node_def.attr["deterministic"].s == b"false")


def dataset_argument(dataset: Any, name: str) -> Any:
    """What the method that made a tf.data dataset was given."""
    return getattr(dataset, f"_{name}")
