"""A worker process as the search sees it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.trial import Outcome, Segment
from kerastune_lite._src.search.execution.frames import Channel
from kerastune_lite._src.search.execution.machine import kill_children
from kerastune_lite._src.util.windows import own_group

_PATIENCE = 5.0
"""Seconds that a worker has to end after it has closed its pipe."""

_REMEMBERED = 32
"""So many of its latest trials are known of a worker."""

Arrived = tuple["WorkerProcess", str, Any]
"""A message: from whom, of which kind, and its content."""


def _program() -> str:
    """What a worker runs. It looks for modules where this process does, not in its directory."""
    paths = [path for path in sys.path if isinstance(path, str)]
    return (
        f"import sys; sys.path[:] = {paths!r}; "
        "from kerastune_lite._src.search.execution.worker import main; main()"
    )


class WorkerProcess:
    """Starts a worker, and passes messages between it and the search.

    Args:
        number: counted from 0; a replacement has the number of the one that it replaces.
        log: the file for what it prints while no trial trains.
        first_message: see `worker.main`.
        environment: of the process.
        arrived: receives its messages; "gone" is the last one.
        on_ready: called in another thread as soon as it can run segments.

    Attributes:
        segments: what it runs and has not reported; empty if it is idle.
        since: when it began with that, by `time.monotonic`.
        ready: whether it has loaded the job.
        memory: how much it had then, in bytes.
        recent: the trials that it has run lately, some of which it may still hold.
        sentence: why the search has killed it, if it has: an outcome, and a message.
    """

    def __init__(
        self,
        number: int,
        log: Path,
        first_message: Any,
        environment: Mapping[str, str],
        arrived: queue.Queue[Arrived],
        on_ready: Callable[[WorkerProcess], None],
    ) -> None:
        self.number = number
        self.log = log
        self.segments: list[Segment] = []
        self.since = 0.0
        self.ready = False
        self.memory = 0
        self.recent: deque[int] = deque(maxlen=_REMEMBERED)
        self.sentence: tuple[Outcome, str] | None = None
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _program()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
                env=dict(environment),
                # Ctrl-C is for the search, which decides what becomes of its workers.
                **own_group(),
            )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._channel = Channel(self._process.stdout, self._process.stdin)  # type: ignore[arg-type]
        self._listener = threading.Thread(
            target=self._listen, args=(first_message, arrived, on_ready), daemon=True
        )
        self._listener.start()

    def _listen(
        self,
        first_message: Any,
        arrived: queue.Queue[Arrived],
        on_ready: Callable[[WorkerProcess], None],
    ) -> None:
        try:
            # Here, because it takes until the process reads it.
            self._channel.send(first_message)
            while True:
                kind, content = self._channel.receive()
                if kind == "ready":
                    on_ready(self)
                arrived.put((self, kind, content))
        except Exception:  # Its pipe is closed, or holds half a message.
            arrived.put((self, "gone", None))

    def run(self, segments: Sequence[Segment]) -> None:
        """Let it run a list of segments."""
        self.segments = list(segments)
        self.since = time.monotonic()
        self.recent.extend(segment.trial.number for segment in segments)
        self.send(self.segments)

    def send(self, message: Any) -> None:
        """Send a message; a worker that has died says so through its own pipe."""
        with contextlib.suppress(OSError):
            self._channel.send(message)

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended; its messages may still be on their way."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it and the processes that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
                return
            kill_children(self.pid)
            self._process.kill()

    def end(self) -> str:
        """Wait for its end, which `kill` or its own death has brought about; says how it ended."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # It has closed its pipe, but lives on.
            self.kill()
            code = self._process.wait()
        self.kill()  # the processes that it has started, and left behind
        self._listener.join(_PATIENCE)  # Processes that have left its group may hold the pipe.
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"exit status {code}"
