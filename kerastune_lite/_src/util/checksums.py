"""Cheap checksums of data: whether the arguments of a search are those of an earlier one.

Up to some megabytes every byte of arrays and of the numbers in tables counts. Of more, evenly
spread values and both ends are looked at, which tells any change of more than about one value in
ten thousand. Of a list, or a column of Python's objects, some thousand are looked at. Nothing is
iterated that can be used up, and nothing here raises: what cannot be told has no checksum.
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
"""Bytes, in all, that are taken whole: some 10 ms."""

_SPREAD = 2**15
"""Values that are looked at of an array that is too large for that."""

_ENDS = 2**10
"""Values at either end of it."""

_ITEMS = 4096
"""Items that are looked at of a list, and of an array of Python's objects."""

_ALL_ITEMS = 2**16
_DEEPEST = 20
_SHOWN = 8
"""Of so many parts of an argument each has a checksum of its own."""

_SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)


def checksums(named: Mapping[str, Any], described: bool = False) -> dict[str, str]:
    """A checksum for each argument that holds data, and for its parts where it has few.

    Args:
        named: the arguments by name.
        described: leave out what is kept with its values as a setting anyway: dicts and short lists
            of single values.
    """
    found: dict[str, str] = {}
    for name, value in named.items():
        try:
            parts = [] if described and _is_short(value) else _parts(name, value)
        except Exception:  # An object of the user's that answers in its own way.
            parts = [(name, value)]
        for part, each in parts:
            checksum = checksum_of(each)
            if checksum is not None:
                found[part] = checksum
    return found


def changed(
    stored: Mapping[str, str], current: Mapping[str, str], shapes: bool = False
) -> list[str]:
    """Which data are others than before, in words.

    What only one side has a checksum of says nothing: an earlier version kept none.

    Args:
        shapes: tell of other shapes and types, too, where nobody else does.
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
    """Shape, type and checksum of data; None for what cannot be told, and for single values."""
    found = _Checksum()
    try:
        if isinstance(value, _SCALARS):
            return None
        kind = found.add(value)
    except Exception:  # An object of the user's that answers in its own way.
        return None
    return f"{kind}#{found.digest()}" if found.told else None


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """An argument, or what it consists of: `validation_data[1]`."""
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
        return all(isinstance(each, _SCALARS) for each in value.values())
    return (
        isinstance(value, (list, tuple))
        and len(value) <= _SHOWN
        and all(isinstance(each, _SCALARS) for each in value)
    )


class _Checksum:
    """Takes in one piece of data after the other, within bounds on time."""

    def __init__(self) -> None:
        self.told = False
        """Whether it has met any values."""
        self._hash = hashlib.blake2b(digest_size=8)
        self._bytes_left = _WHOLE
        self._spread_left = 4 * _SPREAD
        self._items_left = _ALL_ITEMS

    def digest(self) -> str:
        return self._hash.hexdigest()

    def add(self, value: Any, depth: int = 0) -> str:
        """Take in `value`; says what kind of array it is, "" for anything else."""
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
            self.told = True
        else:
            return self._add_object(value, depth)
        return ""

    def _note(self, text: str) -> None:
        self._hash.update(text.encode("utf-8", "backslashreplace") + b"\0")

    def _add_scalar(self, value: Any) -> None:
        if isinstance(value, np.generic):
            value = value.item() if value.dtype.kind in "biufcSU" else str(value)
        self.told = True
        # NaN is written alike whatever its bits are.
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
        """Take in all parts: none uses up the items that may be looked at of the others."""
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
        self.told = True
        self._note(kind)
        if array.dtype.names is not None:
            # Between the fields there may be bytes that mean nothing.
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
        # Else each row would be looked at in the same columns.
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
    """The values in the order of C, in one order of bytes whatever the machine's."""
    if array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big"):
        array = array.astype(array.dtype.newbyteorder("<"))
    # Not all types (dates, bfloat16) can be read through Python's buffers.
    return np.ascontiguousarray(array).view(np.uint8).data if array.size else b""
