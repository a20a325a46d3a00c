"""Runs segments one after the other in the process and thread of the search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.runner import Runner


class InlineRunner(Runner):
    """Passes all submitted segments to the job at once, which may train them in one stack.

    Args:
        capacity: how many segments the job can use at once.
    """

    def __init__(self, capacity: int = 1) -> None:
        self._capacity = capacity
        self._waiting: list[Segment] = []
        self._running: Iterator[Report] = iter(())
        self._job: Job | None = None
        self._emit: Emit | None = None

    @property
    def capacity(self) -> int:
        return self._capacity

    def open(self, job: Job, emit: Emit) -> None:
        self._job, self._emit = job, emit
        job.open()

    def submit(self, segments: Sequence[Segment]) -> None:
        self._waiting.extend(segments)

    def wait(self) -> list[Report]:
        for report in self._running:
            return [report]
        if not self._waiting or self._job is None or self._emit is None:
            return []
        segments, self._waiting = self._waiting, []
        self._running = iter(self._job.run(segments, self._emit))
        return [next(self._running)]

    def close(self) -> None:
        self._waiting.clear()
        # Closing a generator lets it restore what it has changed.
        getattr(self._running, "close", lambda: None)()
        self._running = iter(())
        job, self._job = self._job, None
        if job is not None:
            job.close()
