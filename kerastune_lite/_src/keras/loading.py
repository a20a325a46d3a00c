"""Loads Keras without the start-up messages of TensorFlow's native libraries."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from types import ModuleType


def load_keras() -> ModuleType:
    """The `keras` module.

    During the first import, TensorFlow's messages about CPU features and missing GPUs are hidden,
    unless `TF_CPP_MIN_LOG_LEVEL` is set. If the import fails, they are shown.
    """
    with first_import_of("keras"):
        import keras
    return keras


@contextlib.contextmanager
def first_import_of(package: str) -> Iterator[None]:
    """Hide TensorFlow's messages in the body, if `package` is imported there first."""
    if package in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    # Errors about a GPU matter only if there is one.
    has_gpu = os.path.exists("/proc/driver/nvidia")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2" if has_gpu else "3"
    try:
        with _held_back_stderr():
            yield
    finally:
        # TensorFlow has read it by now, and child processes must not inherit it.
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Keep what native code writes to file descriptor 2, and show it only if the body raises."""
    try:
        saved = os.dup(2)
    except OSError:
        # Closed, as in a program without a console: there is nothing to hide.
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with tempfile.TemporaryFile() as scratch:
        os.dup2(scratch.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            scratch.seek(0)
            os.write(2, scratch.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
