"""Ctrl-C interrupts training, but never a write."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


class Interrupts:
    """Catches SIGINT while it is open as a context manager, in the main thread.

    The first Ctrl-C raises KeyboardInterrupt inside `interruptible()`, at once or at its next entry
    and nowhere else. It also restores the previous handler, so a second Ctrl-C quits at once.
    """

    def __init__(self) -> None:
        self.requested = False
        """Whether Ctrl-C was pressed."""
        self._open = False
        self._previous: Callable[[int, FrameType | None], Any] | int | None = None
        self._installed = False

    def __enter__(self) -> Interrupts:
        # Python delivers signals only to the main thread.
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._on_signal)
            self._installed = True
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _restore(self) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._previous)
            self._installed = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()
        if self._open:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """A block that Ctrl-C may interrupt anywhere."""
        if self.requested:
            raise KeyboardInterrupt
        self._open = True
        try:
            yield
        finally:
            self._open = False

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """A block inside `interruptible()` that Ctrl-C does not interrupt."""
        was_open, self._open = self._open, False
        try:
            yield
        finally:
            self._open = was_open
        if was_open and self.requested:
            raise KeyboardInterrupt
