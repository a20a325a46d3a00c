"""Results that trials use again: in memory up to a limit, then as files of arrays."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import logging
import os
import secrets
import shutil
import types
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.search.execution.machine import free_memory
from kerastune_lite._src.search.execution.shipping import mapped
from kerastune_lite._src.space.asked import key_of
from kerastune_lite._src.store.project_folder import MADE_DATA

logger = logging.getLogger(__name__)

_OF_FREE_MEMORY = 4
"""The results in memory take at most this part of what is free at the first one: a quarter."""

_OF_FREE_DISK = 2
"""And those on disk half of what is free there."""

_DEEPEST = 8
"""Functions that take along functions that take along functions..."""

_EMPTY = types.CellType()
"""A variable that has no value yet."""

_OTHERS = 16
"""How many results are kept whose size is not known (datasets, for example)."""


class DataCache:
    """Results by key; those that were not used for the longest time leave the memory first.

    Arrays among them cannot be written to. Nothing is kept beyond `close`.

    Args:
        folder: that of the project, for files.
        memory: the limit in bytes. Default: a quarter of the memory that is free.
        disk: the limit of the files in bytes. Default: half of the disk space that is free.
    """

    def __init__(self, folder: Path, memory: int | None = None, disk: int | None = None) -> None:
        self._folder = folder / MADE_DATA / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._memory, self._disk = memory, disk
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._stored: OrderedDict[Hashable, Any] = OrderedDict()
        self._numbers = itertools.count()

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process begins with nothing, in a folder of its own.
        return DataCache, (self._folder.parent.parent, self._memory, self._disk)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result for a key, made if it is not known (any more)."""
        for results in (self._held, self._stored):
            if key in results:
                results.move_to_end(key)
                return results[key]
        made = _read_only(make())
        self._held[key] = made
        self._shrink()
        return made

    def result(self, name: str, function: Callable[..., Any], dependencies: tuple[Any, ...]) -> Any:
        """The result of a step; see `HyperParameters.cached`."""
        key = ("step", name, _of_function(function), _identity(name, dependencies))
        return self.get(key, lambda: function(*dependencies))

    def close(self) -> None:
        """Forget everything, and delete the files."""
        self._held.clear()
        self._stored.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._folder.parent.rmdir()  # if no other process has files there

    def _shrink(self) -> None:
        """Move what was not used for the longest time from memory to disk, or forget it."""
        if self._memory is None:
            self._memory = free_memory() // _OF_FREE_MEMORY
        sizes = {key: _size(each) for key, each in self._held.items()}
        held = sum(size for size in sizes.values() if size is not None)
        others = sum(size is None for size in sizes.values())
        # The latest result is in use.
        for key in list(self._held)[:-1]:
            size = sizes[key]
            if size is None and others > _OTHERS:
                others -= 1
                del self._held[key]
            elif size and held > self._memory:
                held -= size
                self._store(key, self._held.pop(key), size)

    def _store(self, key: Hashable, result: Any, size: int) -> None:
        """Keep a result in files, if there is room for it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._disk is None:
                self._disk = shutil.disk_usage(self._folder).free // _OF_FREE_DISK
            if size <= self._disk:
                self._stored[key] = _mapped_over(result, self._as_file)
                self._disk -= size
        except OSError as error:
            self._disk = 0
            logger.warning(
                "Data that was made for trials cannot be kept in %s: %s. It is made again when it "
                "is needed.",
                self._folder,
                error,
            )

    def _as_file(self, array: np.ndarray) -> np.ndarray:
        path = self._folder / f"array_{next(self._numbers)}.npy"
        np.save(path, array, allow_pickle=False)
        return _locked(mapped(str(path)))


def _mapped_over(nested: Any, function: Callable[[np.ndarray], Any]) -> Any:
    """The same structure with other arrays."""
    if isinstance(nested, np.ndarray):
        return function(nested)
    if type(nested) in (tuple, list):
        return type(nested)(_mapped_over(each, function) for each in nested)
    if type(nested) is dict:
        return {name: _mapped_over(each, function) for name, each in nested.items()}
    return nested


def _read_only(nested: Any) -> Any:
    return _mapped_over(nested, _locked)


def _locked(array: np.ndarray) -> np.ndarray:
    """The same values, but not to be written to: other trials use them, too."""
    if type(array) is not np.ndarray:
        return array  # What a subclass is for must not be lost.
    view = array.view()
    view.flags.writeable = False
    return view


def _size(nested: Any) -> int | None:
    """Bytes of the arrays in it; None if there is something whose size is not known."""
    if type(nested) is np.ndarray:
        return None if nested.dtype.hasobject else nested.nbytes
    if type(nested) in (tuple, list, dict):
        parts = nested.values() if isinstance(nested, Mapping) else nested
        sizes = [_size(each) for each in parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)
    return 0 if isinstance(nested, (bool, int, float, str, type(None), np.generic)) else None


class _Same:
    """An object as a part of a key: equal to itself only."""

    def __init__(self, value: Any) -> None:
        self._value = value  # alive, so that no other object gets its id

    def __hash__(self) -> int:
        return id(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._value is other._value


def _of_function(function: Any, depth: int = 0) -> Hashable:
    """A key of what a function computes: its code, and what it has taken along from elsewhere.

    The variables of the script are the same for all trials, and are left out.

    Args:
        depth: how many functions have taken it along.
    """
    if isinstance(function, functools.partial):
        keywords = tuple((name, _taken(each, depth)) for name, each in function.keywords.items())
        taken = tuple(_taken(each, depth) for each in function.args)
        return "partial", _of_function(function.func, depth), taken, keywords
    if not isinstance(function, types.FunctionType) or depth > _DEEPEST:
        # Builtin functions, and methods, which are made anew each time that they are asked for.
        owner = getattr(function, "__self__", None)
        if isinstance(function, (types.MethodType, types.BuiltinFunctionType)):
            return "method", _Same(owner), function.__qualname__
        return "object", _Same(function)
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != _EMPTY]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    taken = tuple(_taken(each, depth) for each in (*cells, *defaults))
    return "function", function.__module__, function.__code__, taken


def _taken(value: Any, depth: int) -> Hashable:
    if isinstance(value, (bool, int, float, str, bytes, type(None), np.generic)):
        return key_of(value)
    if callable(value) and not isinstance(value, type):
        return _of_function(value, depth + 1)
    return "object", _Same(value)


def _identity(name: str, value: Any) -> Hashable:
    """A key that is equal for equal values only.

    Raises:
        TypeError: there is none for a value of this type.
    """
    if isinstance(value, (bool, int, float, str, bytes, type(None), np.generic)):
        return key_of(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.blake2b(value.tobytes(), digest_size=16)
        return "array", value.shape, str(value.dtype), content.digest()
    if isinstance(value, (tuple, list)):
        return type(value), tuple(_identity(name, each) for each in value)
    if isinstance(value, dict):
        items = value.items()
        return dict, tuple((_identity(name, k), _identity(name, v)) for k, v in items)
    raise TypeError(
        f"hp.cached({name!r}, function, *dependencies) compares the dependencies with earlier "
        "ones: they are numbers, texts, arrays of these, and tuples, lists or dicts of them. "
        f"Received a {type(value).__name__}. Pass the hyperparameters that it was made from, and "
        "let the function use the rest (the data of the script) without an argument."
    )
