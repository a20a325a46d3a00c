"""Sends a `tf.data.Dataset` to another process: as the graph of its pipeline, not its elements."""

from __future__ import annotations

import sys
from typing import Any

_FAIL = 2
"""The policy of TensorFlow for pipelines with a state outside of the graph: an error."""


def reduced(value: Any) -> tuple[Any, ...] | None:
    """How to pickle a dataset; None if `value` is none.

    The copy does the same as the original: it shuffles anew in each epoch, for example.

    Raises:
        TypeError: the pipeline calls Python functions, reads variables, or draws random numbers.
    """
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(value, tf.data.Dataset):
        return None
    try:
        graph = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(value),
            external_state_policy=_FAIL,
            strip_device_assignment=True,
        )
    except tf.errors.OpError as error:
        why = (error.message or "").partition("graph: ")[2] or error.message
        raise TypeError(
            "a tf.data.Dataset can be sent if its pipeline consists of TensorFlow's operations "
            "without a state; functions in Python, variables and random numbers belong to one "
            f"process ({why})"
        ) from error
    return dataset_of, (graph.numpy(), value.element_spec)


def dataset_of(graph: bytes, element_spec: Any) -> Any:
    """The dataset of a graph."""
    import tensorflow as tf

    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph)
    return tf.data.experimental.from_variant(variant, element_spec)
