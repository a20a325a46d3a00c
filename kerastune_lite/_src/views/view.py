"""The protocol of a view."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kerastune_lite._src.core.events import Event


class View(ABC):
    """Shows a search to somebody. It is told what happens, and decides nothing.

    A view that raises is taken off the search with a warning; the search goes on.
    """

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Called in the order of events, in the process that runs the search."""

    def close(self) -> None:  # noqa: B027 - most views have nothing to let go of
        """Called once when the search has ended, however it ended."""
