"""Runs segments in worker processes on this machine."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Outcome, Report, Segment
from kerastune_lite._src.search.execution import machine
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.lost import excused, failed, lost, too_long, without
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.search.execution.shares import Share
from kerastune_lite._src.search.execution.shipping import packed
from kerastune_lite._src.search.execution.worker_process import Arrived, WorkerProcess
from kerastune_lite._src.util.errors import FatalRuntimeError
from kerastune_lite._src.util.formatting import bytes_text

_ATTEMPTS = 3
"""How many workers in a row may die before they are ready."""

_IDLE = 2.0
"""Seconds that a worker may be idle while this process trains."""

_BETWEEN_CHECKS = 0.5
"""Seconds between two looks at the time and the memory that workers take."""


class ProcessRunner(Runner):
    """Starts workers once per search, and gives each of them one list of segments at a time.

    A worker that dies is replaced. The segments that it ran are reported as lost, and the others
    are not disturbed. Until the first worker is ready, lists are run in this process.

    Args:
        workers: how many.
        folder: that of the project; logs and, during the search, large arrays are kept in it.
        share: what each worker may use of the machine.
        trial_timeout: seconds that a segment may take; then it has failed. None: any time.
        here: whether to run segments in this process until a worker is ready.
    """

    def __init__(
        self,
        workers: int,
        folder: Path,
        share: Share | None = None,
        trial_timeout: float | None = None,
        here: bool = False,
    ) -> None:
        self.workers = workers
        self._folder = folder.resolve()
        self._share = share or Share.of_machine(workers)
        self._timeout = trial_timeout
        self._here_until_ready = here and trial_timeout is None
        self._data = self._folder / "workers"
        self._processes: list[WorkerProcess] = []
        self._waiting: deque[Sequence[Segment]] = deque()
        self._dispatching = threading.Lock()
        self._arrived: queue.Queue[Arrived] = queue.Queue()
        self._reports: deque[Report] = deque()
        self._open = 0
        self._here: Iterator[Report] | None = None
        self._segments_here: Sequence[Segment] = ()
        self._idle_since: float | None = None
        self._more = True
        self._job: Job | None = None
        self._together = 1
        self._unusable = 0
        self._checked = 0.0

    @property
    def free(self) -> int:
        busy = sum(bool(process.segments) for process in self._processes)
        here = self._may_run_here and self._here is None
        return len(self._processes) - busy + here - len(self._waiting)

    @property
    def together(self) -> int:
        # A training that takes too long is ended alone.
        return self._together if self._timeout is None else 1

    def open(self, job: Job, emit: Emit, judged: bool = True) -> None:
        self._emit, self._judged = emit, judged
        self._remove_data()  # that of a search that was killed
        self._payload = packed(job, self._data)
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        for number in range(self.workers):  # one by one: `close` ends those that were started
            self._processes.append(self._started(number))
        if self._here_until_ready:
            self._job = job
            job.open()

    def submit(self, segments: Sequence[Segment]) -> None:
        with self._dispatching:
            self._waiting.append(segments)
        self._open += len(segments)

    def wait(self, more: bool = True) -> list[Report]:
        self._more = more
        while self._open:
            if self._reports:
                self._open -= 1
                return [self._reports.popleft()]
            self._dispatch()
            if self._here is None and self._may_run_here and self._waiting:
                self._run_here()
            elif self._here is not None:
                self._go_on_here()
            else:
                self._handle(self._next())
        return []

    def close(self) -> None:
        self._waiting.clear()
        self._reports.clear()
        self._open = 0
        processes, self._processes = self._processes, []
        for process in processes:
            process.kill()
        self._close_here()
        for process in processes:
            process.end()
        self._remove_data()

    def _remove_data(self) -> None:
        for path in self._data.glob("array_*.npy"):
            with contextlib.suppress(OSError):
                path.unlink()
        with contextlib.suppress(OSError):  # It may hold files that are not ours.
            self._data.rmdir()

    # ------------------------------------------------------------------ in this process

    @property
    def _may_run_here(self) -> bool:
        return self._job is not None and not any(process.ready for process in self._processes)

    def _run_here(self) -> None:
        assert self._job is not None
        with self._dispatching:
            if not self._waiting:
                return  # A worker that has just become ready has taken it.
            self._segments_here = self._waiting.popleft()
        self._here = self._job.run(self._segments_here, self._on_epoch_here)

    def _go_on_here(self) -> None:
        """Run until the next report, or the end of the list."""
        assert self._job is not None
        assert self._here is not None
        try:
            for report in self._here:
                self._together = self._job.together
                self._segments_here = without(self._segments_here, report)
                self._reports.append(report)
                return
        except _Left:
            left = self._segments_here
            self._reports.extend(Report(segment, (), {}, moved=True) for segment in left)
        self._here = None
        if not self._may_run_here:
            self._close_here()

    def _on_epoch_here(self, event: EpochEnded) -> Decision:
        decision = self._emit(event)
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._arrived.get_nowait())
        self._dispatch()
        self._check_workers()
        if decision is Decision.CONTINUE and self._more and self._some_idle_for_long():
            raise _Left
        return decision

    def _some_idle_for_long(self) -> bool:
        """Whether workers have waited for a while for trials that this process does not propose.

        It trains, and would go on to do so for the rest of the trial.
        """
        idle = any(each.ready and not each.segments for each in self._processes)
        now = time.monotonic()
        if not idle or self._waiting:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        return self._idle_since is not None and now - self._idle_since > _IDLE

    def _close_here(self) -> None:
        # Closing a generator lets it restore what it has changed.
        getattr(self._here, "close", lambda: None)()
        self._here = None
        job, self._job = self._job, None
        if job is not None:
            job.close()

    # ------------------------------------------------------------------ in workers

    def _next(self) -> Arrived:
        # With a timeout, so that Ctrl-C interrupts it on every platform.
        while True:
            self._check_workers()
            with contextlib.suppress(queue.Empty):
                return self._arrived.get(timeout=_BETWEEN_CHECKS)

    def _dispatch(self) -> None:
        # What one leaves to another that knows the trial, that one may not be able to take at once.
        for process in (*self._processes, *self._processes):
            self._give(process)

    def _give(self, process: WorkerProcess) -> None:
        """Give a worker the next list if it has nothing to do; called in several threads."""
        with self._dispatching:
            idle = process.ready and not process.segments and process.sentence is None
            place = self._best_for(process) if idle else None
            if place is not None:
                segments = self._waiting[place]
                del self._waiting[place]
                process.run(segments)

    def _best_for(self, process: WorkerProcess) -> int | None:
        """The place of the list that a worker should run: one of a trial that it knows, if any.

        What another idle worker knows is left to that one.
        """
        trials = [{segment.trial.number for segment in segments} for segments in self._waiting]
        known = set(process.recent)
        others = {
            number
            for other in self._processes
            if other is not process and other.ready and not other.segments
            for number in other.recent
        }
        places = range(len(trials))
        mine = [place for place in places if trials[place] & known]
        nobodys = [place for place in places if not trials[place] & others]
        return next(iter((*mine, *nobodys)), None)

    def _on_ready(self, process: WorkerProcess) -> None:
        process.ready = True
        self._give(process)  # The search may be training, and not look at messages for a while.

    def _handle(self, arrived: Arrived) -> None:
        process, kind, content = arrived
        if process not in self._processes:
            return  # It was replaced, and this was still on its way.
        if kind == "ready":
            self._unusable = 0
            process.memory = content
            if self._here is None:
                self._close_here()
        elif kind == "epoch":
            decision = self._emit(content)
            if self._judged:
                process.send(decision.value)
        elif kind == "report":
            self._on_report(process, *content)
        elif kind == "unusable":
            raise FatalRuntimeError(
                f"A worker process cannot run this search:\n{content}\nIts output is in "
                f"{process.log}."
            )
        elif kind == "gone":
            self._reports.extend(self._replaced(process))

    def _on_report(
        self, process: WorkerProcess, report: Report, together: int, memory: int
    ) -> None:
        self._together = together
        process.segments = without(process.segments, report)
        self._reports.append(report)
        if not process.segments and memory > self._share.replaced_at(process.memory):
            process.kill()
            self._replaced(process)

    def _started(self, number: int) -> WorkerProcess:
        log = self._folder / "logs" / f"worker_{number}.log"
        message = (str(log), str(self._folder), self._judged, self._payload)
        environment = {**os.environ, **self._share.environment(number)}
        return WorkerProcess(number, log, message, environment, self._arrived, self._on_ready)

    def _replaced(self, process: WorkerProcess) -> list[Report]:
        """Start another worker in place of one that died; the reports of what it ran."""
        status = process.end()
        if not process.ready:
            self._unusable += 1
            if self._unusable == _ATTEMPTS:
                raise FatalRuntimeError(
                    f"The worker processes end while they start: {status}. Their output is in "
                    f"{process.log}."
                )
        self._processes[self._processes.index(process)] = self._started(process.number)
        if process.sentence is not None and len(process.segments) == 1:
            return [failed(process.segments[0], self._folder, *process.sentence)]
        return [lost(segment, self._folder, status) for segment in process.segments]

    def _check_workers(self) -> None:
        """End trainings that take too much time or memory, and what dead workers have left."""
        now = time.monotonic()
        unseen = now - self._checked
        if unseen < _BETWEEN_CHECKS:
            return
        self._checked = now
        for process in self._processes:
            process.since = excused(process.since, unseen, _BETWEEN_CHECKS, now)
        for process in self._processes:
            if process.has_ended:
                # Processes that it has started may hold its pipe open, and we wait for its end.
                process.kill()
                continue
            if not process.segments or process.sentence is not None:
                continue
            if self._timeout is not None and now - process.since > self._timeout:
                process.sentence = Outcome.FAILED, too_long(self._timeout)
            elif machine.private_memory(process.pid) > self._share.memory:
                process.sentence = (
                    Outcome.OUT_OF_MEMORY,
                    f"MemoryError: The training took more than {bytes_text(self._share.memory)}, "
                    "the part of the machine's memory that a worker may use, and was ended. Make "
                    "the model or the batches smaller, use fewer workers, or allow more: "
                    'resources_per_worker={"memory": ...} in bytes.',
                )
            if process.sentence is not None:
                process.kill()


class _Left(BaseException):
    """Ends a training in this process that will be done in a worker; not the user's business."""
