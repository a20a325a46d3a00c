"""tf.data datasets that can be read once: finite, of one batch size, and the same each time."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import probes
from kerastune_lite._src.keras.compat.internals import dataset_argument, dataset_inputs
from kerastune_lite._src.keras.fast.fit_call import Unsuitable
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

_PLAIN = frozenset(
    (
        # Datasets that yield what their inputs hold, each time alike.
        "_BatchDataset",
        "CacheDataset",
        "_CacheDataset",
        "_OptionsDataset",
        "_ParallelBatchDataset",
        "_PrefetchDataset",
        "_RangeDataset",
        "_SkipDataset",
        "_TakeDataset",
        "_TensorDataset",
        "_TensorSliceDataset",
        "_ZipDataset",
    )
)
_AFTER_SHUFFLING = frozenset(("_OptionsDataset", "_PrefetchDataset"))
_BATCHING = frozenset(("_BatchDataset", "_ParallelBatchDataset"))


@dataclasses.dataclass(frozen=True)
class Read:
    """What a dataset holds.

    Attributes:
        tensors: a tuple of nested arrays, all samples one after the other.
        batch_size: of all batches but the last.
        shuffled: whether each epoch sees them in a new order.
    """

    tensors: Any
    batch_size: int
    shuffled: bool


def is_dataset(value: Any) -> bool:
    """Whether it is a tf.data.Dataset; without loading TensorFlow."""
    return any(kind.__name__ == "DatasetV2" for kind in type(value).__mro__)


def read_dataset(dataset: Any, limit: float) -> Read:
    """All of a dataset, as arrays.

    Args:
        limit: how many bytes may be read.

    Raises:
        Unsuitable: it is endless, too large, or may yield something else the next time.
    """
    missing = probes.missing_for_datasets()
    if missing:
        raise Unsuitable(missing)
    source, shuffled = _without_shuffling(dataset)
    _check_repeatable(source)
    batches: list[Any] = []
    size = 0
    for batch in source:
        leaves = keras.tree.flatten(batch)
        if any(not hasattr(leaf, "numpy") for leaf in leaves):
            raise Unsuitable("a dataset of sparse or ragged tensors")
        batches.append(keras.tree.map_structure(lambda leaf: leaf.numpy(), batch))
        size += sum(leaf.nbytes for leaf in keras.tree.flatten(batches[-1]))
        if size > limit:
            raise Unsuitable("a dataset larger than the share of memory it may take")
    if not batches:
        raise Unsuitable("an empty dataset")
    sizes = [len(keras.tree.flatten(batch)[0]) for batch in batches]
    if any(each != sizes[0] for each in sizes[:-1]) or sizes[-1] > sizes[0]:
        raise Unsuitable("a dataset whose batches differ in size")
    if shuffled and _drops_remainder(dataset):
        raise Unsuitable("a shuffled dataset that drops its remainder")
    joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    return Read(joined if isinstance(joined, tuple) else (joined,), sizes[0], shuffled)


def _without_shuffling(dataset: Any) -> tuple[Any, bool]:
    """The dataset without a full shuffle of its samples right before batching, if it has one."""
    chain = [dataset]
    while type(chain[-1]).__name__ in _AFTER_SHUFFLING:
        chain.append(dataset_inputs(chain[-1])[0])
    batching = chain[-1]
    if type(batching).__name__ not in _BATCHING:
        return dataset, False
    shuffling = dataset_inputs(batching)[0]
    if type(shuffling).__name__ != "_ShuffleDataset":
        return dataset, False
    source = dataset_inputs(shuffling)[0]
    count = int(source.cardinality())
    if count < 0 or int(dataset_argument(shuffling, "buffer_size")) < count:
        raise Unsuitable("a dataset that is shuffled in part")
    if not dataset_argument(shuffling, "reshuffle_each_iteration"):
        raise Unsuitable("a dataset that is shuffled once")
    return source.batch(int(dataset_argument(batching, "batch_size"))), True


def _drops_remainder(dataset: Any) -> bool:
    while type(dataset).__name__ in _AFTER_SHUFFLING:
        dataset = dataset_inputs(dataset)[0]
    return bool(dataset_argument(dataset, "drop_remainder"))


def _check_repeatable(dataset: Any) -> None:
    kind = type(dataset).__name__
    if kind == "_ShuffleDataset":
        raise Unsuitable("a dataset that is shuffled before something else is done to it")
    if kind not in _PLAIN:
        what = kind.strip("_").removesuffix("Dataset").lower()
        raise Unsuitable(f"a dataset with {what}(), which may differ from epoch to epoch")
    for source in dataset_inputs(dataset):
        _check_repeatable(source)
