"""Data of other libraries as NumPy arrays, without importing any of these libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

_CELLS = 2**20
"""Tables of up to this many cells may be copied."""

_COLUMNS = 2**13
"""Columns that are read of a larger table; each takes about 10 us."""

_NUMBERS = "biufcmM"


def known_as(value: Any) -> tuple[str, Any] | None:
    """The class of data of another library, and its values: an array, or a list of arrays.

    None for other classes. Nothing that can be used up is iterated.
    """
    for parent in type(value).__mro__:
        read = _READERS.get((parent.__module__.partition(".")[0], parent.__name__))
        if read is not None:
            return parent.__name__, read(value)
    return None


def columns_of(frame: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The columns of a pandas table with their names; of a very wide table some thousand."""
    names = list(frame.columns)
    for place in places(len(names), _COLUMNS):
        yield names[place], np.asarray(frame.iloc[:, place].to_numpy())


def places(size: int, most: int) -> Sequence[int]:
    """All indices below `size`, or `most` of them, evenly spaced from the first to the last."""
    if size <= most:
        return range(size)
    return [round(place) for place in np.linspace(0, size - 1, max(most, 2))]


def _tensor(value: Any) -> Any:
    try:
        return np.asarray(memoryview(value))  # without a copy
    except (TypeError, ValueError, BufferError):
        return value.numpy()


def _frame(frame: Any) -> Any:
    dtypes = list(frame.dtypes)
    header = ["\0".join(map(str, frame.columns)), " ".join(map(str, dtypes))]
    if frame.size > _CELLS:
        return [*header, *(column for _, column in columns_of(frame))]
    # Columns of one type are read together: one by one, thousands of them would take long.
    alike: dict[Any, list[int]] = {}
    for place, dtype in enumerate(dtypes):
        is_number = isinstance(dtype, np.dtype) and dtype.kind in _NUMBERS
        alike.setdefault(dtype if is_number else place, []).append(place)
    return [*header, *(_columns(frame, each) for each in alike.values())]


def _columns(frame: Any, looked_at: list[int]) -> np.ndarray:
    if len(looked_at) == 1:
        frame = frame.iloc[:, looked_at[0]]
    elif len(looked_at) < frame.shape[1]:
        frame = frame.iloc[:, looked_at]
    return np.asarray(frame.to_numpy())  # of a whole table usually without a copy


def _dataset(dataset: Any) -> Any:
    """What is known of a dataset without iterating it."""
    size = getattr(dataset, "cardinality", None)
    return [repr(dataset.element_spec), int(size()) if size is not None else None]


def _scipy(matrix: Any) -> Any:
    compressed = matrix.tocsr()
    return [list(matrix.shape), compressed.data, compressed.indices, compressed.indptr]


_READERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("tensorflow", "EagerTensor"): _tensor,
    ("tensorflow", "BaseResourceVariable"): lambda value: value.numpy(),
    ("tensorflow", "RaggedTensor"): lambda value: [value.flat_values, *value.nested_row_splits],
    ("tensorflow", "SparseTensor"): lambda value: [value.indices, value.values, value.dense_shape],
    ("tensorflow", "DatasetV2"): _dataset,
    ("keras", "Variable"): lambda value: [value.value],
    ("keras", "PyDataset"): lambda value: [type(value).__qualname__, len(value)],
    ("torch", "Tensor"): lambda value: value.detach().cpu().numpy(),
    ("jaxlib", "ArrayImpl"): np.asarray,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): lambda value: value.to_numpy(),
    ("pandas", "Index"): lambda value: value.to_numpy(),
    ("scipy", "_spbase"): _scipy,
    ("scipy", "spmatrix"): _scipy,
}
"""How to read the values of data of other libraries, by package and class."""
