"""Sends the events of a search to the store first, then to the views."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.store.store import Store
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.views.view import View

logger = logging.getLogger(__name__)


class Recorder:
    """Records events on disk before they are shown.

    Args:
        store: receives every event before the views.
        views: a view that raises is switched off.
    """

    def __init__(self, store: Store, views: Sequence[View]) -> None:
        self._store = store
        self._views = list(views)

    def record(self, *events: ev.Event) -> None:
        """Write these events in one transaction, then show them.

        Raises:
            StoreError: they could not be written; none of them is shown.
        """
        self._store.record(events)
        for event in events:
            self._show(event)

    def end(self, event: ev.SearchEnded) -> None:
        """Record and show the end of the search, and close the views."""
        try:
            self._store.record([event])
        except StoreError:
            # The search ends because of this error, or its results are already on disk.
            logger.warning("The end of the search could not be recorded.", exc_info=True)
        self._show(event)
        for view in self._views:
            _close(view)

    def _show(self, event: ev.Event) -> None:
        for view in list(self._views):
            try:
                view.on_event(event)
            except Exception:
                logger.warning("%s failed and is switched off.", type(view).__name__, exc_info=True)
                self._views.remove(view)
                _close(view)


def _close(view: View) -> None:
    try:
        view.close()
    except Exception:
        logger.warning("%s could not be closed.", type(view).__name__, exc_info=True)
