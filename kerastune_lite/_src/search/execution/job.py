"""The protocol between a runner and the code that trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Report, Segment

Emit = Callable[[EpochEnded], Decision]
"""Called after each epoch; the answer says whether the segment goes on."""


class Job(ABC):
    """How a segment is trained; the same for all segments of a search."""

    whole_trials: bool = False
    """Whether one segment is a whole trial, with all the executions it wants."""

    resumable: bool = False
    """Whether, if so, a segment may begin where an earlier one of the trial ended."""

    def open(self) -> None:  # noqa: B027
        """Get ready, where the job runs, for a number of segments."""

    def close(self) -> None:  # noqa: B027
        """Let go of what `open` and the segments brought along."""

    @property
    def together(self) -> int:
        """How many executions it would like to be given at once, if they are alike."""
        return 1

    @abstractmethod
    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        """Train segments to their ends and say what came of each, as soon as it is known.

        Each is reported exactly once; those that can be trained side by side may be.

        What the user's code raises becomes part of the report. Only what is no `Exception`
        (`KeyboardInterrupt`, `SystemExit`) comes through.
        """
