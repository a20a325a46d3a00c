"""Data of other libraries as NumPy arrays, without loading any of these libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

_CELLS = 2**20
"""Tables of so many cells may be copied."""

_COLUMNS = 2**13
"""Columns of larger tables that are looked at; each costs some 10 us to get at."""

_NUMBERS = "biufcmM"


def known_as(value: Any) -> tuple[str, Any] | None:
    """The class by which data is known, and what it consists of: an array, or a list of arrays.

    None for what is not known. Nothing is iterated that can be used up.
    """
    for parent in type(value).__mro__:
        read = _READERS.get((parent.__module__.partition(".")[0], parent.__name__))
        if read is not None:
            return parent.__name__, read(value)
    return None


def columns_of(frame: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The columns of a pandas table, with their names; some thousand of a very wide one."""
    names = list(frame.columns)
    for place in places(len(names), _COLUMNS):
        yield names[place], np.asarray(frame.iloc[:, place].to_numpy())


def places(size: int, most: int) -> Sequence[int]:
    """All places, or as many as may be looked at, from the first to the last."""
    if size <= most:
        return range(size)
    return [round(place) for place in np.linspace(0, size - 1, max(most, 2))]


def _tensor(value: Any) -> Any:
    try:
        return np.asarray(memoryview(value))  # without a copy
    except (TypeError, ValueError, BufferError):
        return value.numpy()


def _torch(value: Any) -> Any:
    return value.detach().cpu().numpy()


def _frame(frame: Any) -> Any:
    dtypes = list(frame.dtypes)
    told = ["\0".join(map(str, frame.columns)), " ".join(map(str, dtypes))]
    if frame.size > _CELLS:
        return [*told, *(column for _, column in columns_of(frame))]
    # One by one, thousands of columns would take long.
    alike: dict[Any, list[int]] = {}
    for place, dtype in enumerate(dtypes):
        is_number = isinstance(dtype, np.dtype) and dtype.kind in _NUMBERS
        alike.setdefault(dtype if is_number else place, []).append(place)
    return [*told, *(_columns(frame, each) for each in alike.values())]


def _columns(frame: Any, looked_at: list[int]) -> np.ndarray:
    if len(looked_at) == frame.shape[1] > 1:
        return np.asarray(frame.to_numpy())  # without a copy, as a rule
    if len(looked_at) == 1:
        return np.asarray(frame.iloc[:, looked_at[0]].to_numpy())
    return np.asarray(frame.iloc[:, looked_at].to_numpy())


def _column(column: Any) -> Any:
    return column.to_numpy()


def _dataset(dataset: Any) -> Any:
    """What can be known of a dataset without a look into it."""
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
    ("torch", "Tensor"): _torch,
    ("jaxlib", "ArrayImpl"): np.asarray,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _column,
    ("pandas", "Index"): _column,
    ("scipy", "_spbase"): _scipy,
    ("scipy", "spmatrix"): _scipy,
}
"""How to get at the values of data of other libraries, none of which is loaded for it."""
