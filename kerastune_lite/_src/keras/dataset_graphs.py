"""Sends a `tf.data.Dataset` to another process: its pipeline, not its elements."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.keras.compat import probes
from kerastune_lite._src.keras.compat.datasets import dataset_argument, dataset_inputs
from kerastune_lite._src.keras.fast.repeatable import mark_repeatable, why_not_repeatable

_FAIL = 2
"""The policy of TensorFlow for pipelines with a state outside of the graph: an error."""

_STEPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # The class of a dataset: the method that makes it, and its arguments.
    "_BatchDataset": ("batch", ("batch_size", "drop_remainder")),
    "_ParallelBatchDataset": ("batch", ("batch_size", "drop_remainder")),
    "_PrefetchDataset": ("prefetch", ("buffer_size",)),
    "_RepeatDataset": ("repeat", ("count",)),
    "_ShuffleDataset": ("shuffle", ("buffer_size", "seed2", "reshuffle_each_iteration")),
    "_SkipDataset": ("skip", ("count",)),
    "_TakeDataset": ("take", ("count",)),
}

_SOURCES: Mapping[str, str] = {
    "_TensorDataset": "from_tensors",
    "_TensorSliceDataset": "from_tensor_slices",
}


def reduced(value: Any) -> tuple[Any, ...] | None:
    """How to pickle a dataset; None if `value` is none.

    The copy does the same as the original: it shuffles anew in each epoch, for example. Steps that
    the fast paths of training know are kept as such, and arrays as arrays.

    Raises:
        TypeError: the pipeline calls Python functions, reads variables, or draws random numbers.
    """
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(value, tf.data.Dataset):
        return None
    kind = type(value).__name__
    repeatable = False
    if probes.missing_for_datasets() is None:
        if kind in _SOURCES:
            tensors = [tensor.numpy() for tensor in dataset_argument(value, "tensors")]
            return _source, (_SOURCES[kind], tensors, dataset_argument(value, "structure"))
        if kind in _STEPS:
            method, names = _STEPS[kind]
            arguments = [_plain(dataset_argument(value, name)) for name in names]
            seed = _plain(dataset_argument(value, "seed")) if method == "shuffle" else 0
            return _step, (dataset_inputs(value)[0], method, arguments, seed)
        repeatable = why_not_repeatable(value) is None
    return _of_graph, (_graph(value), value.element_spec, repeatable)


def _plain(argument: Any) -> Any:
    return argument.numpy().item() if hasattr(argument, "numpy") else argument


def _source(method: str, tensors: Sequence[Any], structure: Any) -> Any:
    import tensorflow as tf

    return getattr(tf.data.Dataset, method)(tf.nest.pack_sequence_as(structure, tensors))


def _step(dataset: Any, method: str, arguments: Sequence[Any], seed: int) -> Any:
    import tensorflow as tf

    if method == "shuffle":
        # TensorFlow combines the seed of the process, at this moment, with that of the step.
        buffer_size, own, again = arguments
        if seed or own:
            tf.random.set_seed(seed)
        return dataset.shuffle(buffer_size, own if seed or own else None, again)
    return getattr(dataset, method)(*arguments)


def _graph(dataset: Any) -> bytes:
    import tensorflow as tf

    try:
        graph = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(dataset),
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
    return bytes(graph.numpy())


def _of_graph(graph: bytes, element_spec: Any, repeatable: bool) -> Any:
    import tensorflow as tf

    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph)
    dataset = tf.data.experimental.from_variant(variant, element_spec)
    if repeatable:
        mark_repeatable(dataset)
    return dataset
