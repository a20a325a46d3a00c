"""Cheap checksums of data: whether the arguments of a search are those of an earlier one.

Arrays and numeric tables of up to some megabytes are read completely. Of larger ones, evenly spaced
values and both ends are read, which detects any change of more than about one value in ten
thousand. Of a list, or a column of Python objects, some thousand items are read. Nothing that can
be used up is iterated, and nothing here raises: what cannot be read has no checksum.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.util.foreign_data import known_as, places

_WHOLE = 8 * 2**20
"""Bytes, in total, that are read completely; takes about 10 ms."""

_SPREAD = 2**15
"""Values that are read of a larger array."""

_ENDS = 2**10
"""Values that are read at each of its ends."""

_ITEMS = 4096
"""Items that are read of a list, and of an array of Python objects."""

_ALL_ITEMS = 2**16
_DEEPEST = 20
_SHOWN = 8
"""An argument with at most this many parts has a checksum for each of them."""

_SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)


def checksums(named: Mapping[str, Any], described: bool = False) -> dict[str, str]:
    """A checksum for each argument that holds data, or for each of its parts if it has few.

    Args:
        named: the arguments by name.
        described: leave out dicts and short lists of single values, which the settings hold anyway.
    """
    found: dict[str, str] = {}
    for name, value in named.items():
        try:
            parts = [] if described and _is_short(value) else _parts(name, value)
        except Exception:  # A user's object may raise anything.
            parts = [(name, value)]
        for part, each in parts:
            checksum = checksum_of(each)
            if checksum is not None:
                found[part] = checksum
    return found


def changed(
    stored: Mapping[str, str], current: Mapping[str, str], shapes: bool = False
) -> list[str]:
    """Which data differ from before, in words.

    Data with a checksum on one side only are ignored: an earlier version stored none.

    Args:
        shapes: report different shapes and types, too.
    """
    differences = []
    for name in [name for name in current if stored.get(name, current[name]) != current[name]]:
        before, now = (each[name].rpartition("#")[0] for each in (stored, current))
        if before == now:
            differences.append(f"{name}: other values than before")
        elif shapes:
            differences.append(f"{name}: {before or 'a list'} before, {now or 'a list'} now")
    return differences


def checksum_of(value: Any) -> str | None:
    """Shape, type and checksum of data; None for single values and for what cannot be read."""
    found = _Checksum()
    try:
        if isinstance(value, _SCALARS):
            return None
        kind = found.add(value)
    except Exception:  # A user's object may raise anything.
        return None
    return f"{kind}#{found.digest()}" if found.has_values else None


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """An argument, or its parts: `validation_data[1]`."""
    if isinstance(value, Mapping):
        items = [(f"{name}[{key!r}]", each) for key, each in value.items()]
    elif type(value) in (list, tuple):
        items = [(f"{name}[{place}]", each) for place, each in enumerate(value)]
    else:
        return [(name, value)]
    if len(items) > _SHOWN or all(isinstance(each, _SCALARS) for _, each in items):
        return [(name, value)]
    return items


def _is_short(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)) or len(value) > _SHOWN:
        return False
    return all(isinstance(each, _SCALARS) for each in value)


class _Checksum:
    """Reads one piece of data after the other, in bounded time."""

    def __init__(self) -> None:
        self.has_values = False
        self._hash = hashlib.blake2b(digest_size=8)
        self._bytes_left = _WHOLE
        self._spread_left = 4 * _SPREAD
        self._items_left = _ALL_ITEMS

    def digest(self) -> str:
        return self._hash.hexdigest()

    def add(self, value: Any, depth: int = 0) -> str:
        """Read `value`; returns type and shape of an array, "" for anything else."""
        if isinstance(value, _SCALARS):
            self._add_scalar(value)
        elif isinstance(value, np.ndarray):
            return self._add_array(value, depth)
        elif depth >= _DEEPEST:
            self._note(type(value).__name__)
        elif isinstance(value, Mapping):
            self._add_mapping(value, depth)
        elif isinstance(value, (list, tuple)):
            self._add_items(value, depth)
        elif isinstance(value, range):
            self._note(repr(value))
            self.has_values = True
        else:
            return self._add_object(value, depth)
        return ""

    def _note(self, text: str) -> None:
        self._hash.update(text.encode("utf-8", "backslashreplace") + b"\0")

    def _add_scalar(self, value: Any) -> None:
        if isinstance(value, np.generic):
            value = value.item() if value.dtype.kind in "biufcSU" else str(value)
        self.has_values = True
        # All NaNs are equal here, whatever their bits are.
        self._note(f"{type(value).__name__} {value!r}" if value == value else "nan")

    def _add_mapping(self, value: Mapping[Any, Any], depth: int) -> None:
        self._note(f"dict {len(value)}")
        items = sorted(value.items(), key=lambda item: str(item[0]))
        for key, _ in items:
            self._note(str(key) if isinstance(key, _SCALARS) else type(key).__name__)
        self._add_each([each for _, each in items], depth + 1)

    def _add_items(self, value: Sequence[Any], depth: int) -> None:
        self._note(f"list {len(value)}")
        if self._items_left <= 0:
            return
        looked_at = places(len(value), min(_ITEMS, self._items_left))
        self._items_left -= len(looked_at)
        self._add_each([value[place] for place in looked_at], depth + 1)

    def _add_each(self, parts: Sequence[Any], depth: int) -> None:
        """Read all parts: each has its own share of the items that may be read."""
        left = self._items_left
        for place, part in enumerate(parts):
            if isinstance(part, _SCALARS):
                self._add_scalar(part)
                continue
            share = left // (len(parts) - place)
            self._items_left = share
            self.add(part, depth)
            left -= share - self._items_left
        self._items_left = left

    # ------------------------------------------------------------------ arrays

    def _add_array(self, array: np.ndarray, depth: int) -> str:
        kind = f"{array.dtype.name}{list(array.shape)}"
        self.has_values = True
        self._note(kind)
        if array.dtype.names is not None:
            # There may be meaningless bytes between the fields.
            self._add_each([array[name] for name in array.dtype.names], depth + 1)
        elif array.dtype.hasobject:
            looked_at = places(array.size, min(_ITEMS, self._items_left))
            self._items_left -= len(looked_at)
            self._add_each([array.flat[place] for place in looked_at], depth + 1)
        elif array.nbytes <= self._bytes_left:
            self._bytes_left -= array.nbytes
            self._hash.update(_bytes(array))
        else:
            self._add_spread(array)
        return kind

    def _add_spread(self, array: np.ndarray) -> None:
        count = max(16, min(_SPREAD, self._spread_left // 4))
        self._spread_left -= count
        step = max(1, array.size // count)
        # Otherwise each row would be read in the same columns.
        while array.shape and math.gcd(step, array.shape[-1]) > 1 and array.shape[-1] > 1:
            step += 1
        flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
        for piece in (flat[:_ENDS], flat[::step], flat[max(0, array.size - _ENDS) :]):
            self._hash.update(_bytes(np.asarray(piece)))

    # ------------------------------------------------------------------ other libraries

    def _add_object(self, value: Any, depth: int) -> str:
        known = known_as(value)
        if known is None:
            self._note(type(value).__qualname__)
            return ""
        name, read = known
        if isinstance(read, np.ndarray):
            return self.add(read, depth)
        kind = f"{name}{list(getattr(value, 'shape', ()))}"
        self._note(kind)
        self._add_each(read, depth + 1)
        return kind


def _bytes(array: np.ndarray) -> Any:
    """The values in C order, little-endian on every machine."""
    if array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big"):
        array = array.astype(array.dtype.newbyteorder("<"))
    # Some types (dates, bfloat16) cannot be read through Python's buffers.
    return np.ascontiguousarray(array).view(np.uint8).data if array.size else b""
