"""Why a loss may be NaN: looks for NaN and infinity in the data."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.util.foreign_data import columns_of, known_as

logger = logging.getLogger(__name__)

_AT_ONCE = 2**20
_ALL = 2**25
"""The total number of values that are examined, in about 50 ms."""
_SINGLE = (str, bytes, bool, int, float, np.generic, type(None))


def explanation(named: Mapping[str, Any]) -> str:
    """Which of these arguments contain NaN or infinity, in words; "" if none was found.

    Args:
        named: the arguments by name; iterators are not consumed.
    """
    try:
        return "; ".join(_found(named))
    except Exception as error:
        # Data of other libraries may raise anything when it is read; this is only a hint.
        logger.debug("The data cannot be examined.", exc_info=error)
        return ""


def _found(named: Mapping[str, Any]) -> Iterator[str]:
    left = _ALL
    for name, value in named.items():
        for part, array in _arrays(name, value, 0):
            looked_at = _evenly(array, left)
            left = max(_AT_ONCE, left - looked_at.size)
            text = _counted(looked_at)
            if text:
                yield f"{part} holds {text}"


def _arrays(name: str, value: Any, depth: int) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of floating-point numbers in an argument."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "fc" and value.size:
            yield name, value
    elif isinstance(value, _SINGLE) or depth > 3:
        return
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _arrays(f"{name}[{key!r}]", each, depth + 1)
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value[:1000]):
            yield from _arrays(f"{name}[{place}]", each, depth + 1)
    else:
        known = known_as(value)
        if known is None:
            return
        if known[0] == "DataFrame":
            for column, array in columns_of(value):
                yield from _arrays(f"{name}[{column!r}]", _numbers(array), depth + 1)
        elif isinstance(known[1], np.ndarray):
            yield name, _numbers(known[1])
        else:
            yield from _arrays(name, known[1], depth + 1)


def _numbers(array: np.ndarray) -> np.ndarray:
    """Objects as numbers: NaN if missing, else 0. Pandas has missing numbers in such columns."""
    if array.dtype.kind != "O":
        return array if array.dtype.kind in "fc" else np.zeros(0)
    items = array.reshape(-1)[:_AT_ONCE].tolist()
    return np.where([_is_missing(each) for each in items], np.nan, 0.0)


def _is_missing(value: Any) -> bool:
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return value is None or type(value).__name__ == "NAType"


def _evenly(array: np.ndarray, most: int) -> np.ndarray:
    if array.size <= most:
        return array
    flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
    return np.asarray(flat[:: -(-array.size // most)])


def _counted(array: np.ndarray) -> str:
    nan = infinite = 0
    flat = array.reshape(-1)
    for start in range(0, flat.size, _AT_ONCE):
        piece = flat[start : start + _AT_ONCE]
        if not np.isfinite(piece).all():
            here = int(np.isnan(piece).sum())
            nan += here
            infinite += int((~np.isfinite(piece)).sum()) - here
    counts = [f"{nan} NaN" if nan else "", f"{infinite} infinite" if infinite else ""]
    text = " and ".join(filter(None, counts))
    return f"{text} among {array.size} values" if text else ""
