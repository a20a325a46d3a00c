"""Runs segments in workers on a Ray cluster."""

from __future__ import annotations

import dataclasses
import logging
import math
import pickle
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.core.trial import Outcome, Report, Segment
from kerastune_lite._src.search.execution import moved_files
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.lost import excused, failed, lost, too_long, without
from kerastune_lite._src.search.execution.ray_actor import TOKEN, Actor, Message, Terms
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.search.execution.shares import Share
from kerastune_lite._src.search.execution.shipping import pickled
from kerastune_lite._src.util.errors import FatalRuntimeError

logger = logging.getLogger(__name__)

_NAMES = {"cpu": "CPU", "gpu": "GPU", "memory": "memory"}
_LARGE = 2**20
"""Bytes from which data is an object of its own, which each node holds once."""
_LOOK = 5.0
"""Seconds between two looks at the nodes of the cluster."""
_WAIT = 1.0
"""Seconds between two looks at the workers, at most."""
_STARTING = 60.0
"""Seconds after which we say that no worker has started."""


class RayRunner(Runner):
    """Starts workers once per search, and gives each of them one list of segments at a time.

    A worker is an actor of Ray Core. One that dies is replaced: the segments that it ran are
    reported as lost, and the others are not disturbed. `wait` also returns, with no report, when
    nodes have joined the cluster and more segments can start.

    Args:
        workers: how many; "auto": as many as the cluster has the resources for, at any time.
        folder: the project's. Workers that see it use its files; to others, files are sent.
        resources: of each worker: "cpu" (by default 1), "gpu" (may be a fraction), "memory" in
            bytes.
        trial_timeout: the seconds that a segment may take; then it has failed. None: any time.
        address: of the cluster; None: as `ray.init()` finds it, or a new one on this machine. It
            is not used if Ray is already initialized.

    Raises:
        ImportError: Ray is not installed.
    """

    def __init__(
        self,
        workers: int | str,
        folder: Path,
        resources: Mapping[str, float] | None = None,
        trial_timeout: float | None = None,
        address: str | None = None,
    ) -> None:
        self._ray = _imported()
        self._count = None if workers == "auto" else int(workers)
        self.workers = self._count or 1
        self._folder = folder.resolve()
        wanted = {"cpu": 1, **(resources or {})}
        self._resources = {name: float(amount) for name, amount in wanted.items()}
        self._address = address
        self._timeout = trial_timeout
        self._workers: list[_Worker] = []
        self._waiting: deque[Sequence[Segment]] = deque()
        self._emit: Emit | None = None
        self._judged = True
        self._terms: Terms | None = None
        self._actors: Any = None
        self._shipped: list[Any] = []
        self._together = 1
        self._unusable = 0
        self._ours = False
        self._looked = self._began = self._seen = 0.0

    @property
    def free(self) -> int:
        busy = sum(bool(worker.segments) for worker in self._workers)
        return len(self._workers) - busy - len(self._waiting)

    @property
    def together(self) -> int:
        # A training that takes too long is ended alone.
        return self._together if self._timeout is None else 1

    # ------------------------------------------------------------------ opening and closing

    def open(self, job: Job, emit: Emit, judged: bool = True) -> None:
        payload, buffers = _packed(job)
        ray = self._ray
        if not ray.is_initialized():
            ray.init(
                address=self._address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            self._ours = True
        self._emit, self._judged = emit, judged
        self._actors = ray.remote(Actor).options(
            num_cpus=self._resources["cpu"],
            num_gpus=self._resources.get("gpu", 0),
            memory=self._resources.get("memory"),
            max_restarts=0,
            max_concurrency=2,  # `close` is heard while `messages` waits.
        )
        self._shipped = [ray.put(payload), *map(ray.put, buffers)]
        share = Share(max(1, math.ceil(self._resources["cpu"])), memory=0)
        token = uuid.uuid4().hex
        self._terms = Terms(self._folder, token, judged, share.environment(0))
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / TOKEN).write_text(token)
        self._began = time.monotonic()
        self._fit_to_cluster()

    def close(self) -> None:
        self._waiting.clear()
        workers, self._workers = self._workers, []
        if self._ray.is_initialized():
            closing = [worker.actor.close.remote() for worker in workers if worker.apart]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=2.0)
            for worker in workers:
                self._ray.kill(worker.actor)
        if self._terms is not None:
            (self._folder / TOKEN).unlink(missing_ok=True)
            self._terms = None
        self._shipped = []
        if self._ours:
            self._ours = False
            self._ray.shutdown()

    # ------------------------------------------------------------------ running

    def submit(self, segments: Sequence[Segment]) -> None:
        self._waiting.append(segments)

    def wait(self, more: bool = True) -> list[Report]:
        while self._workers:
            self._dispatch()
            if not self._waiting and not any(worker.segments for worker in self._workers):
                return []
            if time.monotonic() - self._looked > _LOOK:
                before = self.workers
                self._fit_to_cluster()
                if self.workers > before:
                    return []
            reports = self._overdue() or self._next()
            if reports:
                return reports
        return []

    def _dispatch(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.pending is None:
                segments = self._waiting.popleft()
                files = moved_files.needed(segments, self._folder) if worker.apart else {}
                worker.segments, worker.since = list(segments), time.monotonic()
                worker.pending = worker.actor.begin.remote(segments, files)

    def _next(self) -> list[Report]:
        """The reports of the worker that says something first; none if nothing ended."""
        pending = [worker.pending for worker in self._workers if worker.pending is not None]
        # With a timeout, so that Ctrl-C interrupts it.
        ready, _ = self._ray.wait(pending, timeout=_WAIT)
        worker = next((w for w in self._workers if w.pending in ready), None)
        if worker is None:
            self._say_if_none_starts()
            return []
        # The next one in line is another one.
        self._workers.remove(worker)
        self._workers.append(worker)
        try:
            messages = self._ray.get(worker.pending)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:  # It or its node died.
            return self._replace(worker, _how(error))
        return self._read(worker, messages)

    def _read(self, worker: _Worker, messages: Sequence[Message]) -> list[Report]:
        assert self._emit is not None
        reports, answer = [], None
        for message in messages:
            moved_files.store(message.files, self._folder)
            self._together = message.together
            if message.kind == "ready":
                worker.ready, worker.apart, self._unusable = True, message.content, 0
            elif message.kind == "unusable":
                raise FatalRuntimeError(
                    f"A worker on Ray cannot run this search:\n{message.content}\nEach node needs "
                    "the packages and files that the search uses."
                )
            elif message.kind == "epoch":
                decision = self._emit(message.content)
                answer = decision if self._judged else None
            else:
                reports.append(message.content)
                worker.segments = without(worker.segments, message.content)
                worker.since = time.monotonic()
        worker.pending = worker.actor.messages.remote(answer) if worker.segments else None
        return reports

    def _overdue(self) -> list[Report]:
        """End trainings that take too long."""
        if self._timeout is None:
            return []
        now = time.monotonic()
        unseen, self._seen = now - self._seen, now
        for worker in self._workers:
            worker.since = excused(worker.since, unseen, _WAIT, now)
        oldest = now - self._timeout
        for worker in self._workers:
            if worker.segments and worker.since < oldest:
                segments = worker.segments
                reports = self._replace(worker, "trial_timeout was over")
                if len(segments) > 1:
                    return reports  # We do not know which; alone it fails the next time.
                return [failed(segments[0], self._folder, Outcome.FAILED, too_long(self._timeout))]
        return []

    # ------------------------------------------------------------------ workers

    def _fit_to_cluster(self) -> None:
        """Have as many workers as there should be."""
        self._looked = time.monotonic()
        wanted = self._possible() if self._count is None else self._count
        while len(self._workers) < wanted:
            self._workers.append(self._started())
        for worker in [w for w in self._workers if not w.ready][: len(self._workers) - wanted]:
            self._workers.remove(worker)
            self._ray.kill(worker.actor)
        self.workers = len(self._workers)

    def _possible(self) -> int:
        """How many workers the cluster has the resources for; at least 1."""
        # A node that died may be among them for some seconds; its workers wait for a place.
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        wanted = {_NAMES[name]: amount for name, amount in self._resources.items() if amount}
        fitting = (
            min((int(node.get(name, 0) / amount) for name, amount in wanted.items()), default=1)
            for node in nodes
        )
        return max(1, sum(fitting))

    def _started(self) -> _Worker:
        actor = self._actors.remote()
        return _Worker(actor, actor.load.remote(self._terms, *self._shipped))

    def _replace(self, worker: _Worker, how: str) -> list[Report]:
        """Start another worker in place of one that died, and report what was lost."""
        self._ray.kill(worker.actor)  # It may still be there, but out of reach.
        self._workers.remove(worker)
        if not worker.ready:
            self._unusable += 1
            if self._unusable >= 3:
                raise FatalRuntimeError(f"Workers on Ray end while they start: {how}")
        self._fit_to_cluster()
        return [lost(segment, self._folder, how) for segment in worker.segments]

    def _say_if_none_starts(self) -> None:
        if time.monotonic() - self._began > _STARTING and not any(w.ready for w in self._workers):
            self._began = math.inf
            logger.warning(
                "No worker has started on Ray in %.0f seconds. Each needs %s; the cluster has %s.",
                _STARTING,
                self._resources,
                self._ray.cluster_resources(),
            )


@dataclasses.dataclass(eq=False)
class _Worker:
    """A worker on the cluster.

    Attributes:
        actor: its handle.
        pending: the reference of the messages that it will send; None: it is idle.
        ready: whether it has loaded the job.
        apart: whether files are sent to it, as it does not see the project's folder.
        segments: what it runs and has not reported.
        since: when the first of them began, on the monotonic clock.
    """

    actor: Any
    pending: Any
    ready: bool = False
    apart: bool = False
    segments: list[Segment] = dataclasses.field(default_factory=list)
    since: float = 0.0


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            'runner="ray" needs Ray. Install it with: pip install "kerastune_lite[ray]"'
        ) from error
    return ray


def _packed(job: Job) -> tuple[bytes, list[np.ndarray[Any, Any]]]:
    """A job as `pickle.loads` reads it: most of it, and its large arrays.

    Raises:
        FatalTypeError: something in it cannot be sent.
    """
    buffers = []

    def in_place(buffer: pickle.PickleBuffer) -> bool:
        data = buffer.raw()
        if data.nbytes < _LARGE:
            return True
        buffers.append(np.frombuffer(data, np.uint8))
        return False

    return pickled(job, buffer_callback=in_place), buffers


def _how(error: Exception) -> str:
    """How a worker ended, in Ray's words but without its advice."""
    text = " ".join(str(error).split()).partition(" Some common causes")[0]
    return text.rpartition("The actor is dead because ")[2]
