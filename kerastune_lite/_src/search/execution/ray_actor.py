"""What runs in a worker on a Ray cluster. It does not import Ray."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import queue
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core.events import EpochEnded
from kerastune_lite._src.core.trial import Segment
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.execution.moved_files import OwnFolder
from kerastune_lite._src.search.execution.serving import served

TOKEN = "search.ray"
"""The file in the project's folder that tells a worker whether it sees the same folder."""


@dataclasses.dataclass(frozen=True)
class Terms:
    """What a worker has to know besides the job.

    Attributes:
        folder: the project's, as the search sees it.
        token: the content of its file `TOKEN`.
        judged: whether the search may stop a training after an epoch.
        environment: variables to set unless the node has them, before TensorFlow is loaded.
        paths: where the search finds modules.
        directory: the current directory of the search.
    """

    folder: Path
    token: str
    judged: bool
    environment: Mapping[str, str]
    paths: Sequence[str] = dataclasses.field(default_factory=lambda: tuple(sys.path))
    directory: str = dataclasses.field(default_factory=os.getcwd)


@dataclasses.dataclass(frozen=True)
class Message:
    """What a worker tells the search.

    Attributes:
        kind: "ready", "unusable", "epoch" or "report".
        content: whether it needs files sent; the traceback; the event; the report.
        together: how many similar executions the job can train in one stack.
        files: new files of the project, by their names; None: it is to be deleted.
    """

    kind: str
    content: Any
    together: int = 1
    files: Mapping[str, bytes | None] = dataclasses.field(default_factory=dict)


class Actor:
    """Trains in a thread, and hands over what happened each time that the search asks."""

    def __init__(self) -> None:
        self._given: queue.SimpleQueue[tuple[Sequence[Segment], Mapping[str, bytes]]]
        self._given = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Decision] = queue.SimpleQueue()
        self._happened: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._own: OwnFolder | None = None

    def load(self, terms: Terms, payload: bytes, *buffers: Any) -> list[Message]:
        """Load the job.

        Args:
            terms: those of the search.
            payload, buffers: the job, as `pickle.loads` reads it.
        """
        for name, value in terms.environment.items():
            os.environ.setdefault(name, value)
        sys.path.extend(path for path in terms.paths if path not in sys.path)
        with contextlib.suppress(OSError):  # Relative paths mean the same if this folder exists.
            os.chdir(terms.directory)
        threading.Thread(target=self._serve, args=(terms, payload, buffers), daemon=True).start()
        return self.messages()

    def begin(self, segments: Sequence[Segment], files: Mapping[str, bytes]) -> list[Message]:
        """Train segments together; `files` are those that they need."""
        self._given.put((segments, files))
        return self.messages()

    def messages(self, answer: Decision | None = None) -> list[Message]:
        """What has happened since the last call; waits until something has.

        Args:
            answer: to the epoch that was the last message.
        """
        if answer is not None:
            self._answers.put(answer)
        messages = [self._happened.get()]
        while not self._happened.empty():
            messages.append(self._happened.get())
        return messages

    def close(self) -> None:
        """Leave no files."""
        if self._own is not None:
            self._own.remove()

    # ------------------------------------------------------------------ the thread that trains

    def _serve(self, terms: Terms, payload: bytes, buffers: Sequence[Any]) -> None:
        try:
            folder = self._place(terms)
            job: Job = pickle.loads(payload, buffers=buffers)  # noqa: S301 (from the search)
            job = job.relocated(folder)
            if job.settings is not None:
                job.settings.apply()
            job.open()
        except BaseException:
            self._happened.put(Message("unusable", traceback.format_exc()))
            return
        try:
            self._happened.put(Message("ready", self._own is not None, job.together))
            while True:
                self._run(job, folder, terms.judged)
        except BaseException:  # `sys.exit()` in the user's code, for example.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    def _place(self, terms: Terms) -> Path:
        """The project's folder, or one of its own."""
        with contextlib.suppress(OSError):
            if (terms.folder / TOKEN).read_text() == terms.token:
                return terms.folder
        self._own = OwnFolder()
        return self._own.path

    def _run(self, job: Job, folder: Path, judged: bool) -> None:
        own = self._own
        segments, sent = self._given.get()
        if own is not None:
            own.begin(sent)

        def emit(event: EpochEnded) -> Decision:
            changed = {} if own is None else own.midway()
            self._happened.put(Message("epoch", event, job.together, changed))
            return self._answers.get() if judged else Decision.CONTINUE

        for report in served(job, segments, folder, emit):
            files = {} if own is None else own.named(report)
            self._happened.put(Message("report", report, job.together, files))
