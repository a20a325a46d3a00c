"""Files that are written completely or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.windows import patiently


@contextlib.contextmanager
def whole(path: Path, scratch_name: str) -> Iterator[Path]:
    """Write a file under another name, and rename it when it is complete.

    Args:
        path: the file.
        scratch_name: the other name, in the same folder.

    Yields:
        The path to write to.

    Raises:
        OSError: it could not be written; an earlier file at `path` is unchanged.
    """
    scratch = path.with_name(scratch_name)
    try:
        yield scratch
        with open(scratch, "rb+") as file:
            os.fsync(file.fileno())
        patiently(lambda: os.replace(scratch, path))
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path, scratch_name: str, what: str, mend: str) -> Iterator[Path]:
    """`whole`, for files of a project; makes the folder.

    Args:
        what, mend: for the error message: what cannot be written, and what helps.

    Raises:
        StoreError: it could not be written; an earlier file at `path` is unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path, scratch_name) as scratch:
            yield scratch
    except OSError as error:
        raise StoreError(
            f"{what} {path} cannot be written: {error}. {mend}, check that the folder is writable, "
            "and run the script again: the search resumes."
        ) from error
