"""Reads datasets as arrays: once, or in each epoch those that may differ then."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import probes
from kerastune_lite._src.keras.compat.datasets import dataset_argument, dataset_inputs
from kerastune_lite._src.keras.fast.fit_call import Unsuitable
from kerastune_lite._src.keras.fast.repeatable import why_not_repeatable
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

_AFTER_SHUFFLING = frozenset(("_OptionsDataset", "_PrefetchDataset"))
_BATCHING = frozenset(("_BatchDataset", "_ParallelBatchDataset"))
_ENDLESS = -1
"""TensorFlow's INFINITE_CARDINALITY."""


@dataclasses.dataclass(frozen=True)
class Read:
    """What a dataset holds.

    Attributes:
        tensors: a tuple of nested arrays, all samples one after the other.
        batch_size: of all batches but the last.
        shuffled: whether each epoch sees them in a new order.
        lasting: whether the next time it holds the same.
        wrapped: whether batches without targets are tuples of one.
    """

    tensors: Any
    batch_size: int
    shuffled: bool = False
    lasting: bool = True
    wrapped: bool = False


def is_dataset(value: Any) -> bool:
    """Whether it is a tf.data.Dataset; without loading TensorFlow."""
    return any(kind.__name__ == "DatasetV2" for kind in type(value).__mro__)


def has_known_length(dataset: Any) -> bool:
    """Whether the number of its elements is known without reading them."""
    return int(dataset.cardinality()) >= 0


def is_lasting(dataset: Any) -> bool:
    """Whether a dataset holds the same samples each time, in any order; without reading it."""
    if probes.missing_for_datasets():
        return False
    in_order = _before_full_shuffle(dataset)
    return why_not_repeatable(dataset if in_order is None else in_order) is None


def read_dataset(dataset: Any, limit: float) -> Read:
    """All of a dataset, as arrays.

    Samples that are fully shuffled right before they are batched are read in their own order.
    What may differ from epoch to epoch in another way (shuffling in part, random augmentation) is
    what it happens to be this time.

    Args:
        limit: how many bytes may be read.

    Raises:
        Unsuitable: it is endless or too large, of unknown length and not repeatable; or its
            batches differ in size.
    """
    missing = probes.missing_for_datasets()
    if missing:
        raise Unsuitable(missing)
    in_order = _before_full_shuffle(dataset)
    if in_order is not None and why_not_repeatable(in_order) is None:
        return _read(in_order, limit, shuffled=True)
    reason = why_not_repeatable(dataset)
    # Later epochs must have as many batches as the first, so their number has to be known.
    if reason is not None and not has_known_length(dataset):
        raise Unsuitable(reason)
    return _read(dataset, limit, lasting=reason is None)


def _read(dataset: Any, limit: float, shuffled: bool = False, lasting: bool = True) -> Read:
    if int(dataset.cardinality()) == _ENDLESS:
        raise Unsuitable("an endless dataset")
    read = _joined(map(_in_arrays, dataset), limit, int(dataset.cardinality()))
    return dataclasses.replace(read, shuffled=shuffled, lasting=lasting)


def _in_arrays(batch: Any) -> Any:
    if any(not hasattr(leaf, "numpy") for leaf in keras.tree.flatten(batch)):
        raise Unsuitable("a dataset of sparse or ragged tensors")
    return keras.tree.map_structure(lambda leaf: leaf.numpy(), batch)


def _joined(given: Iterable[Any], limit: float, count: int) -> Read:
    """All samples of batches, one after the other.

    Args:
        limit: in bytes.
        count: how many batches there are; below 0 if that is not known.
    """
    batches: list[Any] = []
    size = 0
    for batch in given:
        batches.append(batch)
        size += sum(leaf.nbytes for leaf in keras.tree.flatten(batch))
        # The first batch tells it for all but the last: what is too large is not read in vain.
        if size > limit or (len(batches) == 1 and size * (count - 1) > limit):
            raise Unsuitable("a dataset larger than the share of memory it may take")
    if not batches:
        raise Unsuitable("an empty dataset")
    if any(np.ndim(leaf) == 0 for leaf in keras.tree.flatten(batches[0])):
        raise Unsuitable("a dataset without batches")
    sizes = [len(keras.tree.flatten(batch)[0]) for batch in batches]
    if any(each != sizes[0] for each in sizes[:-1]) or sizes[-1] > sizes[0]:
        raise Unsuitable("a dataset whose batches differ in size")
    for columns in zip(*map(keras.tree.flatten, batches)):
        if len({(column.shape[1:], column.dtype) for column in columns}) > 1:
            raise Unsuitable("a dataset whose batches differ in shape")
    joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    is_tuple = isinstance(joined, tuple)
    return Read(joined if is_tuple else (joined,), sizes[0], wrapped=is_tuple and len(joined) == 1)


def is_py_dataset(value: Any) -> bool:
    """Whether it is a keras.utils.PyDataset."""
    return isinstance(value, keras.utils.PyDataset)


def read_py_dataset(dataset: Any, shuffle: Any, limit: float, end_first: bool) -> Read:
    """An epoch of a PyDataset, as arrays.

    Args:
        shuffle: whether its batches come in a random order, drawn as `fit` does.
        limit: how many bytes may be read.
        end_first: whether `on_epoch_end` is called before the epoch, too.

    Raises:
        Unsuitable: it is endless or too large, or read by several threads or processes; or its
            batches differ in size.
    """
    if dataset.workers > 1 or (dataset.workers and dataset.use_multiprocessing):
        raise Unsuitable("a PyDataset with workers")
    count = dataset.num_batches
    if count is None:
        raise Unsuitable("an endless PyDataset")
    if end_first:
        dataset.on_epoch_end()
    dataset.on_epoch_begin()
    order = list(range(count))
    if shuffle:
        random.shuffle(order)
    read = _joined((_standardized(dataset[i]) for i in order), limit, count)
    dataset.on_epoch_end()
    return dataclasses.replace(read, lasting=False)


def _standardized(batch: Any) -> Any:
    """As `fit` takes it: a tuple, or a dict of inputs."""
    batch = tuple(batch) if isinstance(batch, list) else batch
    if not isinstance(batch, (tuple, dict)):
        batch = (batch,)
    if any(type(leaf) is not np.ndarray for leaf in keras.tree.flatten(batch)):
        raise Unsuitable("a PyDataset of something else than arrays")
    return batch


def _before_full_shuffle(dataset: Any) -> Any | None:
    """The dataset without a full shuffle of its samples right before batching.

    Returns:
        None if there is none, or if its order cannot be drawn in another way.
    """
    batching = dataset
    while type(batching).__name__ in _AFTER_SHUFFLING:
        batching = dataset_inputs(batching)[0]
    if type(batching).__name__ not in _BATCHING:
        return None
    shuffling = dataset_inputs(batching)[0]
    if type(shuffling).__name__ != "_ShuffleDataset":
        return None
    source = dataset_inputs(shuffling)[0]
    count = int(source.cardinality())
    if not 0 <= count <= int(dataset_argument(shuffling, "buffer_size")):
        return None
    if not dataset_argument(shuffling, "reshuffle_each_iteration"):
        return None
    size = int(dataset_argument(batching, "batch_size"))
    if dataset_argument(batching, "drop_remainder") and count % size:
        return None  # other samples are left out in each epoch
    return source.batch(size)
