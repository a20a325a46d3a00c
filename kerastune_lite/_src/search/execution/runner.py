"""The interface of a runner."""

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
        """How many segments can run at the same time."""

    @abstractmethod
    def open(self, job: Job, emit: Emit) -> None:
        """Prepare to run segments; `emit` is called in the thread that calls `wait`."""

    @abstractmethod
    def submit(self, segments: Sequence[Segment]) -> None:
        """Run segments, in the order in which they are submitted.

        Segments that start at the same time may be trained in one stack.
        """

    @abstractmethod
    def wait(self) -> list[Report]:
        """Wait until a segment ends; every submitted segment is reported exactly once.

        The list is empty if no segment is running.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop all segments, without reports. Calling it again does nothing."""
