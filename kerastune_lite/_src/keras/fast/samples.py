"""The data of a search as tensors on the device, put there once and not once per trial."""

from __future__ import annotations

import collections
import dataclasses
import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.datasets import (
    has_known_length,
    is_dataset,
    is_lasting,
    is_py_dataset,
    read_dataset,
    read_py_dataset,
)
from kerastune_lite._src.keras.fast.fit_call import FitCall, Unsuitable
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.search.execution.machine import total_memory

keras = load_keras()

MEMORY_SHARE = 0.25
"""Data larger than this part of the machine's memory is left to `fit`, which can stream it."""

_KEPT = 8
"""Data sets that are kept: a search has one for training and one for validation; a
cross-validation of the user's own has some more."""

DEFAULT_BATCH_SIZE = 32
"""Keras's."""


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Data on the device.

    Attributes:
        tensors: a tuple (x,), (x, y) or (x, y, sample_weight) of nested tensors, `(count, ...)`.
        count: how many samples.
        batch_size: where the data came in batches: their size; else None.
        shuffled: where the data came in an order of its own: whether that is a new one in each
            epoch; else None.
        again: where the data may be others in the next epoch: reads them; else None.
        wrapped: whether the data came in batches that are tuples (x,).
    """

    tensors: Any
    count: int
    batch_size: int | None = None
    shuffled: bool | None = None
    again: Callable[[], Samples] | None = None
    wrapped: bool = False

    @property
    def size(self) -> int:
        """In bytes."""
        leaves = keras.tree.flatten(self.tensors)
        return sum(int(np.prod(leaf.shape)) * _width(leaf) for leaf in leaves)

    @functools.cached_property
    def on_host(self) -> Any:
        """The same as arrays; where the tensors lie on a GPU, they are fetched once."""
        return keras.tree.map_structure(np.asarray, self.tensors)

    @property
    def first_row(self) -> tuple[Any, Any, Any]:
        """(x, y, sample_weight) of the first of them, to build a model with."""
        row: tuple[Any, Any, Any] = keras.utils.unpack_x_y_sample_weight(self.first(1).tensors)
        return row

    def first(self, count: int) -> Samples:
        """So many of them."""
        return Samples(keras.tree.map_structure(lambda leaf: leaf[:count], self.tensors), count)

    @property
    def specs(self) -> Any:
        """What a function is traced with that takes any number of them, as TensorFlow's specs."""
        import tensorflow as tf

        return keras.tree.map_structure(
            lambda leaf: tf.TensorSpec((None, *leaf.shape[1:]), leaf.dtype), self.tensors
        )

    @property
    def types(self) -> str:
        """Structure, types and shapes, but for the number of samples."""
        specs = keras.tree.map_structure(
            lambda leaf: f"{leaf.dtype.name}{list(leaf.shape[1:])}", self.tensors
        )
        return f"wrapped {specs}" if self.wrapped else repr(specs)


class Pool:
    """The samples of several trainings as one, gone through in batches.

    Args:
        several: of equal types; the same ones may be among them more than once.
        batch_size: the last batch may be smaller.
    """

    def __init__(self, several: Sequence[Samples], batch_size: int) -> None:
        self.batch_size = batch_size
        self._begins: dict[Samples, int] = {}
        count = 0
        for samples in several:
            if samples not in self._begins:
                self._begins[samples] = count
                count += samples.count
        self.samples, *others = self._begins
        if others:
            arrays = (samples.on_host for samples in self._begins)
            joined = keras.tree.map_structure(lambda *leaves: np.concatenate(leaves), *arrays)
            self.samples = Samples(joined, count)

    def rows(self, samples: Samples, order: np.ndarray) -> np.ndarray:
        """Where those of a training lie.

        Args:
            order: places among the training's own samples, `(n,)`.
        """
        return order + np.int32(self._begins[samples])


class DeviceData:
    """Turns what `fit` was given into tensors, and remembers the latest ones."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[Any, tuple[Any, Any]] = collections.OrderedDict()

    def of(self, call: FitCall) -> tuple[Samples, Samples | None]:
        """What to train on, and what to validate on.

        Raises:
            Unsuitable: `fit` has to read this data itself.
        """
        if is_dataset(call.x) or is_py_dataset(call.x):
            for name in ("y", "sample_weight", "batch_size", "validation_split"):
                if getattr(call, name) not in (None, 0.0):
                    raise Unsuitable(f"{name} together with a dataset")
            if is_dataset(call.x) and not has_known_length(call.x):
                # `fit` tries another step when it has come to the end, which may count for the
                # optimizer.
                raise Unsuitable(
                    "a dataset of unknown length; tf.data.experimental.assert_cardinality tells it"
                )
            training = self._dataset(call.x, call.class_weight, shuffle=call.shuffle)
            split = None
        else:
            held_out = call.validation_split if call.validation_data is None else 0.0
            training, split = self._arrays(
                call.x, call.y, call.sample_weight, call.class_weight, held_out or 0.0
            )
        if call.validation_data is None:
            return training, split
        if is_dataset(call.validation_data) or is_py_dataset(call.validation_data):
            return training, self._dataset(call.validation_data, validates=True)
        x, y, weight = keras.utils.unpack_x_y_sample_weight(call.validation_data)
        return training, self._arrays(x, y, weight, None, 0.0)[0]

    def may_change(self, call: FitCall) -> bool:
        """Whether there is data in it that may differ from epoch to epoch; nothing is read."""
        given = (call.x, call.validation_data)
        return any(
            is_py_dataset(data) or (is_dataset(data) and not is_lasting(data)) for data in given
        )

    def _arrays(
        self, x: Any, y: Any, weight: Any, class_weight: Any, held_out: float
    ) -> tuple[Samples, Samples | None]:
        def read() -> tuple[Samples, Samples | None]:
            if not held_out:
                return _samples(x, y, weight, class_weight), None
            training, validation = internals.split_validation((x, y, weight), held_out)
            x_train, y_train, train_weight = training
            return _samples(x_train, y_train, train_weight, class_weight), _samples(*validation)

        given = [leaf for leaf in keras.tree.flatten((x, y, weight)) if leaf is not None]
        if not all(_is_array(leaf) for leaf in given):
            raise Unsuitable(f"data of type {_kinds(given)}")
        _check_size(sum(int(np.prod(leaf.shape)) * _width(leaf) for leaf in given))
        structure = repr(keras.tree.map_structure(lambda leaf: None, (x, y, weight)))
        weights = tuple(sorted(class_weight.items())) if class_weight else None
        return self._remembered(given, (structure, weights, held_out), read)

    def _dataset(
        self, dataset: Any, class_weight: Any = None, shuffle: Any = False, validates: bool = False
    ) -> Samples:
        def read(first: bool = False) -> Samples:
            if is_dataset(dataset):
                found = read_dataset(dataset, _limit())
            else:
                # `fit` ends an epoch before the first one, `evaluate` before each.
                end_first = first or validates
                found = read_py_dataset(dataset, shuffle, _limit(), end_first)
            x, y, weight = keras.utils.unpack_x_y_sample_weight(found.tensors)
            samples = _samples(x, y, weight, class_weight)
            return dataclasses.replace(
                samples,
                batch_size=found.batch_size,
                shuffled=found.shuffled,
                again=None if found.lasting else read,
                wrapped=found.wrapped,
            )

        weights = tuple(sorted(class_weight.items())) if class_weight else None
        samples: Samples = self._remembered(
            [dataset], ("dataset", weights), lambda: read(first=True)
        )
        return samples

    def _remembered(self, given: list[Any], how: Any, read: Callable[[], Any]) -> Any:
        """What `read` makes of `given`; from memory, if nothing in it has changed since."""
        marks = [_fingerprint(leaf) for leaf in given]
        if None in marks:
            return read()
        key = (*how, *marks)
        if key not in self._kept:
            made = read()
            if isinstance(made, Samples) and made.again is not None:
                return made
            # The objects are kept along: their identity is part of the key.
            self._kept[key] = (given, made)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT or (len(self._kept) > 1 and self._size() > _limit()):
            self._kept.popitem(last=False)
        return self._kept[key][1]

    def _size(self) -> float:
        """Of all that is kept, in bytes."""
        made = (each for _, each in self._kept.values())
        leaves = (part for each in made for part in (each if isinstance(each, tuple) else [each]))
        return sum(samples.size for samples in leaves if samples is not None)


def _samples(
    x: Any, y: Any, weight: Any, class_weight: Mapping[int, float] | None = None
) -> Samples:
    if class_weight is not None and weight is not None:
        raise Unsuitable("class_weight together with sample_weight")
    tensors = internals.adapted(x, y, weight, class_weight)
    if tensors is None:
        raise Unsuitable("sparse or ragged data")
    count = next(leaf.shape[0] for leaf in keras.tree.flatten(tensors))
    if not count:
        raise Unsuitable("no data")
    return Samples(tensors, int(count))


def _is_array(leaf: Any) -> bool:
    kinds = {kind.__name__ for kind in type(leaf).__mro__}
    return isinstance(leaf, np.ndarray) or bool(kinds & {"EagerTensor", "DataFrame", "Series"})


def _kinds(leaves: list[Any]) -> str:
    return ", ".join(sorted({type(leaf).__name__ for leaf in leaves if not _is_array(leaf)}))


def _width(leaf: Any) -> int:
    """Bytes per number, once they are on the device."""
    size = getattr(getattr(leaf, "dtype", None), "itemsize", None) or 8
    return int(size)


def _fingerprint(leaf: Any) -> Any:
    """What tells whether an array is still the same; None where that is not known."""
    if isinstance(leaf, np.ndarray):
        if leaf.dtype.hasobject:
            return None
        # An array can be changed in place between two trials.
        return id(leaf), leaf.shape, leaf.dtype.str, zlib.crc32(np.ascontiguousarray(leaf).data)
    if is_dataset(leaf) or type(leaf).__name__ == "EagerTensor":  # they do not change
        return (id(leaf),)
    return None


def _check_size(size: int) -> None:
    if size > _limit():
        raise Unsuitable(
            f"the data takes {size / 2**30:.1f} GiB, more than {MEMORY_SHARE:.0%} of the memory"
        )


def _limit() -> float:
    """In bytes."""
    return MEMORY_SHARE * total_memory()
