"""Runs segments one after the other in the process and thread of the search."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from kerastune_lite.runners.base import Runner
from kerastune_lite.training.base import Emit, Job
from kerastune_lite.trial import Report, Segment


class InlineRunner(Runner):
    """One segment at a time, here."""

    def __init__(self) -> None:
        self._waiting: deque[Segment] = deque()
        self._job: Job | None = None
        self._emit: Emit | None = None

    @property
    def capacity(self) -> int:
        return 1

    def open(self, job: Job, emit: Emit) -> None:
        self._job, self._emit = job, emit
        job.open()

    def submit(self, segments: Sequence[Segment]) -> None:
        self._waiting.extend(segments)

    def wait(self) -> list[Report]:
        if not self._waiting or self._job is None or self._emit is None:
            return []
        return [self._job.run(self._waiting.popleft(), self._emit)]

    def close(self) -> None:
        self._waiting.clear()
        job, self._job = self._job, None
        if job is not None:
            job.close()
