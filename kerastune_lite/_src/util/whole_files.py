"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kerastune_lite._src.util.errors import StoreError


@contextlib.contextmanager
def whole(path: Path, scratch_name: str) -> Iterator[Path]:
    """Write a file under another name, and put it into its place when it is whole.

    Args:
        path: where it goes.
        scratch_name: the other name, in the same folder.

    Yields:
        Where to write to.

    Raises:
        OSError: it could not be written; an earlier file at `path` is untouched.
    """
    scratch = path.with_name(scratch_name)
    try:
        yield scratch
        with open(scratch, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path, scratch_name: str, what: str, mend: str) -> Iterator[Path]:
    """`whole`, for files of a project.

    Args:
        path: where it goes; its folder is made.
        scratch_name: see `whole`.
        what, mend: for the error: what cannot be written, and what helps.

    Yields:
        Where to write to.

    Raises:
        StoreError: it could not be written; an earlier file at `path` is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path, scratch_name) as scratch:
            yield scratch
    except OSError as error:
        raise StoreError(
            f"{what} {path} cannot be written: {error}. {mend}, see that the folder may be written "
            "to, and run the script again: the search goes on."
        ) from error
