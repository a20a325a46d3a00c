"""The interface of a runner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job


class Runner(ABC):
    """Where segments run. It is opened once per search."""

    different: int = 1
    """How many trials a list of segments should have, however different they are."""

    workers: int = 1
    """How many lists of segments can run at the same time."""

    @property
    @abstractmethod
    def free(self) -> int:
        """How many lists of segments can start now; at most 0 if none can."""

    @property
    @abstractmethod
    def together(self) -> int:
        """How many similar executions can be trained in one stack, as far as is known."""

    @abstractmethod
    def open(self, job: Job, emit: Emit, judged: bool = True) -> None:
        """Prepare to run segments.

        Args:
            job: runs them.
            emit: called for each epoch, in the thread that calls `wait`.
            judged: whether `emit` may answer that a training stops; if not, the training need not
                wait for the answer.
        """

    @abstractmethod
    def submit(self, segments: Sequence[Segment]) -> None:
        """Run a list of segments in one place, which may train them in one stack.

        Lists begin in the order in which they are submitted.
        """

    @abstractmethod
    def wait(self, more: bool = True) -> list[Report]:
        """Wait until a segment ends; every submitted segment is reported exactly once.

        The list is empty if no segment is running, or if more lists can start than before.

        Args:
            more: whether more lists will be submitted when they can start.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop all segments, without reports. Calling it again does nothing."""
