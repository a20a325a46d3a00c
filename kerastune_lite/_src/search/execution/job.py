"""The interface of the code that trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Report, Segment

Emit = Callable[[EpochEnded], Decision]
"""Called after each epoch; returns whether the segment continues."""


class Job(ABC):
    """How a segment is trained; the same for all segments of a search."""

    whole_trials: bool = False
    """Whether a segment is a whole trial, with all of its executions."""

    resumable: bool = False
    """Whether such a segment may start where an earlier one of the trial ended."""

    settings: Any = None
    """What the user has set for the whole process: another process calls its `apply()` before
    `open`. None: nothing that matters."""

    def open(self) -> None:  # noqa: B027
        """Prepare for segments, in the process that runs the job."""

    def close(self) -> None:  # noqa: B027
        """Release what `open` and the segments have acquired."""

    @property
    def validation_share(self) -> float | None:
        """The part of the samples that validates, if `Segment.place` can say which; else None."""
        return None

    @property
    def together(self) -> int:
        """How many similar executions it can train in one stack."""
        return 1

    def reduced(self, value: Any) -> tuple[Any, ...] | None:
        """How to send a value that pickle cannot send, as `__reduce__` says it; None: as usual."""
        return None

    def relocated(self, folder: Path) -> Job:
        """The same job, for a machine on which the project's folder is `folder`; before `open`."""
        return self

    @abstractmethod
    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        """Train segments to their ends, and yield the report of each as soon as it ends.

        Each segment is reported exactly once; several may be trained in one stack.

        Exceptions of the user's code become part of the report. Only what is no `Exception`
        (`KeyboardInterrupt`, for example) is raised, also if `emit` raised it.
        """
