"""The protocol of a runner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job


class Runner(ABC):
    """Where segments run. It is opened once per search."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many segments can be under way at the same time, if they are trained one by one."""

    @abstractmethod
    def open(self, job: Job, emit: Emit) -> None:
        """Get ready; `emit` is called in the thread that calls `wait`."""

    @abstractmethod
    def submit(self, segments: Sequence[Segment]) -> None:
        """Take segments over; they start in the order in which they were submitted.

        Those that start at the same time may be trained side by side.
        """

    @abstractmethod
    def wait(self) -> list[Report]:
        """Block until a segment has ended; every submitted segment is reported exactly once.

        An empty list means that none is under way.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop what is under way, without a report. Calling it again does nothing."""
