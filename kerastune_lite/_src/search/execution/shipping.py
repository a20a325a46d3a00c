"""Sends a job to other processes of this machine, with its large arrays as files."""

from __future__ import annotations

import inspect
import io
import itertools
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.util.errors import FatalTypeError, StoreError

_LARGE = 2**18
"""Bytes from which an array is worth a file of its own."""


def packed(job: Job, folder: Path) -> bytes:
    """A job as bytes that `cloudpickle.loads` reads.

    Args:
        folder: for the files of large arrays; it is made if it is needed.

    Raises:
        FatalTypeError: something in it cannot be sent.
        StoreError: an array cannot be written.
    """
    numbers = itertools.count()

    def large(value: Any) -> tuple[Any, ...] | None:
        if type(value) is np.ndarray and value.nbytes >= _LARGE and not value.dtype.hasobject:
            return mapped, (_stored(value, folder, next(numbers)),)
        return None

    return pickled(job, large)


def pickled(
    job: Job,
    reduced: Callable[[Any], tuple[Any, ...] | None] = lambda value: None,
    buffer_callback: Callable[[pickle.PickleBuffer], bool] | None = None,
) -> bytes:
    """A job as bytes.

    Functions and classes of a script or of a notebook are sent as they are, so that the receiving
    process need not import that script.

    Args:
        reduced: says how values are sent that are not sent as usual, as `Job.reduced` does.
        buffer_callback: as for `pickle.Pickler`.

    Raises:
        FatalTypeError: something in it cannot be sent.
        StoreError: the files cannot be written.
    """
    import cloudpickle

    met: list[Any] = []

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, value: Any) -> Any:
            met.append(value)
            how = reduced(value) or job.reduced(value)
            return super().reducer_override(value) if how is None else how

    file = io.BytesIO()
    try:
        Pickler(file, protocol=5, buffer_callback=buffer_callback).dump(job)
    except StoreError:
        raise
    except Exception as error:
        raise FatalTypeError(
            f"With workers, all that a training needs is sent to other processes. {_whose(met)} "
            f"cannot be sent: {type(error).__name__}: {error}. If it is the "
            "data, pass a function that each worker calls once, and that returns what fit() takes: "
            "search(data_fn=lambda: (x, y), ...). If it is something else, create it where it is "
            "used, such as inside of build(hp), or search without workers."
        ) from error
    return file.getvalue()


def _whose(met: Sequence[Any]) -> str:
    """What cannot be sent, as the user knows it.

    Args:
        met: the values that were to be sent, in their order; at the last one it failed.
    """
    last = met[-1] if met else None
    for value in reversed(met[:-1]):
        if inspect.isfunction(value):
            used = inspect.getclosurevars(value)
            for name, other in (*used.nonlocals.items(), *used.globals.items()):
                if other is last:
                    return f"The variable {name!r}, which {value.__qualname__}() uses,"
        kind = type(value)
        ours = kind.__module__.startswith("kerastune_lite")
        for name, other in getattr(value, "__dict__", {}).items():
            if other is last and not ours:
                return f"The attribute {name!r} of a {kind.__qualname__}"
            for key, each in other.items() if isinstance(other, Mapping) else ():
                if each is last:  # Our own keep the arguments of `fit` by name.
                    owner = f"{name!r} of a {kind.__qualname__}"
                    return f"The argument {key!r}" if ours else f"{key!r} in {owner}"
    return (
        "Something in build(hp), the callbacks, the arguments of search(), or the attributes of "
        "your own Tuner or HyperModel"
    )


def _stored(array: np.ndarray, folder: Path, number: int) -> str:
    path = folder / f"array_{number}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, array, allow_pickle=False)
    except OSError as error:
        raise StoreError(
            f"The data for the workers cannot be written to {path}: {error}. Free some space, "
            "choose another `directory`, or pass a function that loads the data: data_fn=."
        ) from error
    return str(path.resolve())


def mapped(path: str) -> np.ndarray:
    """An array whose pages are read when they are used, and shared by all that do not write."""
    return np.load(path, mmap_mode="c", allow_pickle=False).view(np.ndarray)
