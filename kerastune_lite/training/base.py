"""The protocol between a runner and the code that trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from kerastune_lite.events import EpochEnded
from kerastune_lite.schedulers import Decision
from kerastune_lite.trial import Report, Segment

Emit = Callable[[EpochEnded], Decision]
"""Called after each epoch; the answer says whether the segment goes on."""


class Job(ABC):
    """How a segment is trained; the same for all segments of a search."""

    whole_trials: bool = False
    """Whether one segment is a whole trial, with all the executions it wants."""

    def open(self) -> None:  # noqa: B027
        """Get ready, where the job runs, for a number of segments."""

    def close(self) -> None:  # noqa: B027
        """Let go of what `open` and the segments brought along."""

    @abstractmethod
    def run(self, segment: Segment, emit: Emit) -> Report:
        """Train the segment to its end and say what came of it.

        What the user's code raises becomes part of the report. Only what is no `Exception`
        (`KeyboardInterrupt`, `SystemExit`) comes through.
        """
