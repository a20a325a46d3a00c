"""Loads Keras without the start-up chatter of TensorFlow's native libraries."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from types import ModuleType


def load_keras() -> ModuleType:
    """The `keras` module.

    Before the first import TensorFlow's notes about CPU features and missing GPUs are held
    back, unless `TF_CPP_MIN_LOG_LEVEL` is set: then they are wanted as set. When the import
    fails they are shown after all.
    """
    with first_import_of("keras"):
        import keras
    return keras


@contextlib.contextmanager
def first_import_of(package: str) -> Iterator[None]:
    """Hold back TensorFlow's notes in the body, if that is what imports `package`."""
    if package in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    # Errors about a GPU are worth reading only where there is one.
    has_gpu = os.path.exists("/proc/driver/nvidia")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2" if has_gpu else "3"
    try:
        with _held_back_stderr():
            yield
    finally:
        # TensorFlow has read it by now; processes started from here make up their own mind.
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Keep what native code writes to file descriptor 2, and show it only if the body raises."""
    try:
        saved = os.dup(2)
    except OSError:
        # Closed, as in a program without a console: there is nothing to hold back.
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
