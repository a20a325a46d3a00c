"""The time that a fit may take, and what it was spent on."""

from __future__ import annotations

import time


class Clock:
    """Runs from its construction.

    Args:
        limit: seconds; None: there is no limit.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self.laps: dict[str, float] = {}
        """What was done -> seconds."""
        self._started = self._lap = time.monotonic()

    def lap(self, name: str) -> None:
        """What was done since the last call was `name`."""
        now = time.monotonic()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._lap
        self._lap = now

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def left(self, share_kept: float = 0.0) -> float | None:
        """Seconds until the limit, or until a share of the limit is left; at least a little.

        Args:
            share_kept: between 0 and 1; for what comes later.
        """
        if self.limit is None:
            return None
        return max(self.limit * (1.0 - share_kept) - self.spent, 0.01)
