"""The protocol of a view."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kerastune_lite._src.core.events import Event


class View(ABC):
    """Shows a search. It receives events and decides nothing.

    A view that raises is switched off with a warning; the search continues.
    """

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Called in the order of events, in the process that runs the search."""

    def close(self) -> None:  # noqa: B027 - most views have nothing to release
        """Called once when the search has ended, for any reason."""
