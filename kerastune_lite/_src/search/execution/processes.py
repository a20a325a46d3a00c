"""Runs segments in worker processes on this machine."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.trial import Report, Segment
from kerastune_lite._src.search.execution.frames import Channel
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalTypeError

_WORKER = "kerastune_lite._src.search.execution.worker"
_PATIENCE = 5.0
"""Seconds that a worker has to end by itself."""


class ProcessRunner(Runner):
    """Starts workers once per search, and gives each of them one segment at a time.

    A worker that dies is replaced. The segment that it ran is reported as lost, and the others are
    not disturbed.

    Args:
        workers: how many.
        logs: the folder for the output of the workers, one file for each.
        environment: variables that workers have besides those of this process.
    """

    def __init__(
        self, workers: int, logs: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._count = workers
        self._logs = logs
        self._environment = dict(environment or {})
        self._workers: list[_Worker] = []
        self._waiting: deque[Segment] = deque()
        self._arrived: queue.Queue[tuple[_Worker, str, Any]] = queue.Queue()
        self._payload = b""
        self._emit: Emit | None = None
        self._unusable = 0

    @property
    def capacity(self) -> int:
        return self._count

    def open(self, job: Job, emit: Emit) -> None:
        import cloudpickle

        self._emit = emit
        try:
            self._payload = cloudpickle.dumps(job)
        except Exception as error:
            raise FatalTypeError(
                "With workers, all that a training needs is sent to other processes. Something in "
                "build(hp), the callbacks or the arguments of search() cannot be sent: "
                f"{type(error).__name__}: {error}. Create it inside of build(hp), or search "
                "without workers."
            ) from error
        self._logs.mkdir(parents=True, exist_ok=True)
        self._workers = [self._started(number) for number in range(self._count)]

    def submit(self, segments: Sequence[Segment]) -> None:
        self._waiting.extend(segments)

    def wait(self) -> list[Report]:
        while self._workers:
            self._dispatch()
            if not self._waiting and not any(worker.segment for worker in self._workers):
                return []
            worker, kind, content = self._next()
            if worker not in self._workers:
                continue  # It was replaced, and this was still on its way.
            if kind == "ready":
                worker.ready, self._unusable = True, 0
            elif kind == "epoch" and self._emit is not None:
                worker.send(self._emit(content).value)
            elif kind == "report":
                worker.segment = None
                return [content]
            elif kind == "unusable":
                raise FatalRuntimeError(
                    f"A worker process cannot run this search:\n{content}\nIts output is in "
                    f"{worker.log}."
                )
            elif kind == "gone":
                lost = self._replace(worker)
                if lost is not None:
                    return [lost]
        return []

    def _next(self) -> tuple[_Worker, str, Any]:
        # With a timeout, so that Ctrl-C interrupts it on every platform.
        while True:
            with contextlib.suppress(queue.Empty):
                return self._arrived.get(timeout=1.0)

    def _dispatch(self) -> None:
        for worker in self._workers:
            if worker.ready and worker.segment is None and self._waiting:
                worker.segment = self._waiting.popleft()
                worker.send(worker.segment)

    def _started(self, number: int) -> _Worker:
        log = self._logs / f"worker_{number}.log"
        environment = {**os.environ, **self._environment}
        worker = _Worker(number, log, environment, self._arrived)
        worker.send((sys.path, str(log), self._payload))
        return worker

    def _replace(self, worker: _Worker) -> Report | None:
        """Start another worker in place of one that died; the segment that was lost, if any."""
        status = worker.stop()
        if not worker.ready:
            self._unusable += 1
            if self._unusable >= 3:
                raise FatalRuntimeError(
                    f"Worker processes end while they start: {status}. Their output is in "
                    f"{worker.log}."
                )
        self._workers[self._workers.index(worker)] = self._started(worker.number)
        if worker.segment is None:
            return None
        message = f"The worker process ended during the training: {status}. See {worker.log}."
        return Report(worker.segment, (), {}, lost=message)

    def close(self) -> None:
        self._waiting.clear()
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()
        for worker in workers:
            worker.stop()


class _Worker:
    """One worker process.

    Attributes:
        segment: what it runs; None: it is idle.
        ready: whether it has loaded the job.
    """

    def __init__(
        self,
        number: int,
        log: Path,
        environment: Mapping[str, str],
        arrived: queue.Queue[tuple[_Worker, str, Any]],
    ) -> None:
        self.number = number
        self.log = log
        self.segment: Segment | None = None
        self.ready = False
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
                env=dict(environment),
                # Ctrl-C is for the search, which decides what becomes of its workers.
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._channel = Channel(self._process.stdout, self._process.stdin)  # type: ignore[arg-type]
        self._listener = threading.Thread(target=self._listen, args=(arrived,), daemon=True)
        self._listener.start()

    def _listen(self, arrived: queue.Queue[tuple[_Worker, str, Any]]) -> None:
        try:
            while True:
                kind, content = self._channel.receive()
                arrived.put((self, kind, content))
        except Exception:  # Its pipe is closed, or holds half a message.
            arrived.put((self, "gone", None))

    def send(self, message: Any) -> None:
        """Send a message; a worker that has died says so through its own pipe."""
        with contextlib.suppress(OSError):
            self._channel.send(message)

    def close(self) -> None:
        """Tell it to end."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]

    def stop(self) -> str:
        """Wait for its end, by force if need be; says how it ended."""
        self.close()
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._listener.join()
        self._process.stdout.close()  # type: ignore[union-attr]
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"exit status {code}"
