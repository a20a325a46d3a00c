"""Stand-ins for the parts of a search: no TensorFlow, no disk, no waiting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment, Trial
from kerastune_lite._src.search.confirming import Confirm
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.search.limits import Limits
from kerastune_lite._src.search.loop import Search
from kerastune_lite._src.search.parts import Parts
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.store import Epoch, Project, Session, Store
from kerastune_lite._src.views.view import View
from kerastune_lite.hyperparameters import HyperParameters, Space
from kerastune_lite.oracles import RandomOracle
from kerastune_lite.schedulers import Decision, FullTraining

LOSS = Objective("loss", "min")


class MemoryStore(Store):
    """Keeps events in lists, and rebuilds a project from them."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []

    def record(self, events: Iterable[ev.Event]) -> None:
        self.events.extend(events)

    def load(self) -> Project:
        trials: dict[int, Trial] = {}
        executions: dict[int, dict[tuple[int, int], Execution]] = {}
        space, queue = Space(), {}
        name, settings = "untitled", {}
        enqueued, session, former = 0, None, ()
        rounds: list[Round] = []
        for event in self.events:
            if isinstance(event, ev.SearchStarted):
                name = event.project
                settings = {k: v for k, v in event.settings.items() if k != "versions"}
                versions = event.settings.get("versions", {})
                session = Session(event.time)
            elif isinstance(event, ev.SearchEnded) and session is not None:
                session = Session(session.started, event.time, event.reason, event.message)
            elif isinstance(event, ev.SpaceGrown):
                space = space.merged(event.added, overwrite=True)
            elif isinstance(event, ev.Remembered):
                former = event.former
            elif isinstance(event, ev.RoundEnded):
                rounds = [each for each in rounds if not event.round.replaces(each)]
                rounds.append(event.round)
            elif isinstance(event, ev.Enqueued):
                queue[event.position] = event.values
                enqueued = max(enqueued, event.position + 1)
            elif isinstance(event, (ev.ExecutionEnded, ev.WeightsKept)):
                ended = executions.setdefault(event.trial, {})
                ended[event.execution.index, event.execution.attempt] = event.execution
            elif isinstance(
                event, (ev.TrialStarted, ev.TrialPaused, ev.TrialResumed, ev.TrialEnded)
            ):
                trials[event.trial.number] = event.trial
                if isinstance(event, ev.TrialStarted) and event.queued is not None:
                    queue.pop(event.queued, None)
        return Project(
            name=name,
            settings=settings,
            space=space,
            trials=tuple(
                dataclasses.replace(
                    t, space=space, executions=tuple(executions.get(n, {}).values())
                )
                for n, t in sorted(trials.items())
            ),
            queue=queue,
            enqueued=enqueued,
            versions=versions if settings else {},
            session=session,
            former=former,
            rounds=tuple(sorted(rounds, key=lambda each: (each.trial, each.number))),
        )

    def epochs(self, trial: int) -> list[Epoch]:
        rows: dict[tuple[int, int, int], Epoch] = {}
        for event in self.events:
            if isinstance(event, ev.SegmentStarted) and event.trial == trial:
                place = (event.execution, event.attempt)
                rows = {
                    key: row
                    for key, row in rows.items()
                    if key[:2] != place or key[2] < event.start_epoch
                }
            if isinstance(event, ev.EpochEnded) and event.trial == trial:
                key = (event.execution, event.attempt, event.epoch)
                rows[key] = Epoch(*key, event.metrics)
        return [rows[key] for key in sorted(rows)]

    def close(self) -> None:
        pass


class SimulatedRunner(Runner):
    """Several workers on a virtual clock: lists of segments end in the order of their durations.

    Args:
        workers: how many lists run side by side.
        duration: of a segment, in virtual seconds.
    """

    def __init__(self, workers: int = 1, duration: Callable[[Segment], float] = lambda s: 1.0):
        self.workers = workers
        self.now = 0.0
        self._duration = duration
        self._under_way: list[tuple[float, int, Sequence[Segment]]] = []
        self._count = 0

    @property
    def free(self) -> int:
        return self.workers - len(self._under_way)

    @property
    def together(self) -> int:
        return self._job.together

    def open(self, job: Job, emit: Emit, judged: bool = True) -> None:
        self._job, self._emit = job, emit

    def submit(self, segments: Sequence[Segment]) -> None:
        self._count += 1
        end = self.now + sum(self._duration(segment) for segment in segments)
        self._under_way.append((end, self._count, segments))

    def wait(self, more: bool = True) -> list[Report]:
        if not self._under_way:
            return []
        first = min(self._under_way, key=lambda item: item[:2])
        self._under_way.remove(first)
        self.now = first[0]
        return list(self._job.run(first[2], self._emit))

    def close(self) -> None:
        self._under_way.clear()


class RecordingView(View):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.closed = 0

    def on_event(self, event: ev.Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class StopAfter(FullTraining):
    """Stops every trial after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.STOP if len(losses) >= self.epochs else Decision.CONTINUE


def recorded(segment, losses, keeps, stopped):
    """The record of an execution with these losses by epoch; NaN for those it has inherited.

    Args:
        keeps: whether the state at the end was kept.
        stopped: whether it ended before the end of the segment.
    """
    best = int(np.nanargmin(losses))
    return Execution(
        segment.execution,
        Outcome.COMPLETED,
        segment.attempt,
        losses[best],
        losses[best],
        {"loss": losses[best]},
        best,
        len(losses),
        state=segment.keep_state if keeps else None,
        stopped=stopped,
    )


def job_of(function: Callable[..., Any], objective: Objective = LOSS) -> GuardedJob:
    """A job that calls `function(hp, report, segment)` and takes its float as the score.

    `report(metrics)` emits an epoch and answers whether to go on.
    """

    def train(trial: Trial, hp: HyperParameters, segment: Segment, emit: Emit) -> list[Execution]:
        epochs = 0

        def report(metrics: Mapping[str, float]) -> bool:
            nonlocal epochs
            event = ev.EpochEnded(trial.number, segment.execution, segment.attempt, epochs, metrics)
            epochs += 1
            return emit(event) is Decision.CONTINUE

        score = function(hp, report, segment)
        return [
            Execution(
                segment.execution,
                Outcome.COMPLETED,
                segment.attempt,
                score,
                objective.loss_of(score),
                {objective.name: score},
                epochs - 1 if epochs else None,
                epochs,
            )
        ]

    return GuardedJob(train)


def make_search(
    job: Job,
    tmp_path: Any,
    *,
    space: Space = Space(),  # noqa: B008 - immutable
    oracle: Any = None,
    scheduler: Any = None,
    runner: Runner | None = None,
    store: Store | None = None,
    views: Sequence[View] = (),
    seed: int = 0,
    project: Project | None = None,
    tune_new_entries: bool = True,
    hooks: Any = None,
    confirm: Confirm | None = None,
    **limits: Any,
) -> Search:
    """A search over doubles; `project` continues what a store holds."""
    trials = project.trials if project is not None else ()
    parts = Parts(
        oracle=oracle or RandomOracle(),
        scheduler=scheduler or FullTraining(),
        runner=runner or SimulatedRunner(),
        store=store or MemoryStore(),
        checkpoints=Checkpoints(tmp_path, 10),
        views=list(views),
        job=job,
        hooks=hooks or Hooks(),
    )
    return Search(
        parts,
        Limits(**limits),
        LOSS,
        seed,
        TrialHistory(trials, space_is_fixed=not tune_new_entries),
        project.space if project is not None else space,
        project.queue if project is not None else {},
        tune_new_entries,
        confirm=confirm,
        rounds=project.rounds if project is not None else (),
    )
