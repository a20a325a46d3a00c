"""Runs segments one after the other in the process and thread of the search."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.runner import Runner


class InlineRunner(Runner):
    """Passes one list of segments after the other to the job.

    Args:
        different: how many trials the job can use at once, however different they are.
    """

    def __init__(self, different: int = 1) -> None:
        self.different = different
        self._waiting: deque[Sequence[Segment]] = deque()
        self._running: Iterator[Report] = iter(())
        self._open = 0
        self._job: Job | None = None
        self._emit: Emit | None = None

    @property
    def free(self) -> int:
        return 0 if self._open else 1

    @property
    def together(self) -> int:
        return 1 if self._job is None else self._job.together

    def open(self, job: Job, emit: Emit, judged: bool = True) -> None:
        self._job, self._emit = job, emit
        job.open()

    def submit(self, segments: Sequence[Segment]) -> None:
        self._waiting.append(segments)
        self._open += len(segments)

    def wait(self, more: bool = True) -> list[Report]:
        while self._open and self._job is not None and self._emit is not None:
            for report in self._running:
                self._open -= 1
                return [report]
            self._running = iter(self._job.run(self._waiting.popleft(), self._emit))
        return []

    def close(self) -> None:
        self._waiting.clear()
        self._open = 0
        # Closing a generator lets it restore what it has changed.
        getattr(self._running, "close", lambda: None)()
        self._running = iter(())
        job, self._job = self._job, None
        if job is not None:
            job.close()
