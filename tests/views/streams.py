"""Streams of events as a tuner sends them, made without training anything."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from kerastune_lite._src.core.confirmation import Confirmation, Gain
from kerastune_lite._src.core.events import (
    Enqueued,
    EpochEnded,
    Event,
    ExecutionEnded,
    RoundStarted,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    SpaceGrown,
    StopReason,
    TrialEnded,
    TrialStarted,
)
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space

ACCURACY = Objective("val_accuracy", "max")
SPACE = Space(
    [
        Parameter("units_0", Int(32, 256, step=32)),
        Parameter("lr", Float(1e-4, 1e-1, sampling="log")),
        Parameter("activation", Choice(("relu", "tanh"))),
    ]
)
START = 1_700_000_000.0
TRACEBACK = "Traceback (most recent call last):\n  in build\nValueError: units must be even"


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def trial(number: int = 0, **values: Any) -> Trial:
    """A trial that runs."""
    values = values or {"units_0": 64, "lr": 0.0021, "activation": "relu"}
    return Trial(number, values, SPACE, started=START + 10 * number)


def completed(
    number: int, score: float, best_step: int = 4, seconds: float = 3.1, **values: Any
) -> Trial:
    """A trial that ended well, with one execution."""
    running = trial(number, **values)
    execution = Execution(
        0,
        Outcome.COMPLETED,
        score=score,
        loss=-score,
        best_epoch=best_step,
        epochs=best_step + 1,
        seconds=seconds,
    )
    return dataclasses.replace(
        running,
        status=TrialStatus.COMPLETED,
        score=score,
        loss=-score,
        metrics={"val_accuracy": score},
        best_step=best_step,
        executions=(execution,),
        finished=(running.started or 0.0) + seconds,
    )


def repeated(number: int, scores: Sequence[float], **values: Any) -> Trial:
    """A completed trial with several executions; the score is their mean."""
    mean = sum(scores) / len(scores)
    executions = tuple(
        Execution(i, Outcome.COMPLETED, score=score, loss=-score) for i, score in enumerate(scores)
    )
    return dataclasses.replace(completed(number, mean, **values), executions=executions)


def on_path(trial: Trial, path: str | None, reason: str | None = None) -> Trial:
    """`trial`, all its executions trained on `path`."""
    executions = [
        dataclasses.replace(execution, path=path, path_reason=reason)
        for execution in trial.executions
    ]
    return dataclasses.replace(trial, executions=tuple(executions))


def failed(number: int, message: str = TRACEBACK, log: str | None = None, **values: Any) -> Trial:
    """A trial that failed for good after 0.2 seconds."""
    running = trial(number, **values)
    execution = Execution(0, Outcome.FAILED, attempt=1, message=message, log=log)
    return dataclasses.replace(
        running,
        status=TrialStatus.FAILED,
        message=message,
        executions=(execution,),
        finished=(running.started or 0.0) + 0.2,
    )


def rejected(number: int, message: str = "kt.errors.FailedTrialError: too large") -> Trial:
    """A trial whose values cannot work."""
    execution = Execution(0, Outcome.REJECTED, message=message)
    return dataclasses.replace(failed(number, message), executions=(execution,))


def started(
    max_trials: int | None = 50,
    trials: Sequence[Trial] = (),
    project: str = "digits",
    executions_per_trial: int = 1,
    objective: Objective = ACCURACY,
    workers: int = 1,
) -> SearchStarted:
    return SearchStarted(
        project,
        objective,
        SPACE,
        max_trials,
        tuple(trials),
        {},
        START,
        executions_per_trial,
        workers,
    )


def ended(
    reason: StopReason = StopReason.BUDGET, message: str = "max_trials reached"
) -> SearchEnded:
    return SearchEnded(reason, message, START + 1000)


def epochs(number: int, count: int, execution: int = 0, attempt: int = 0) -> Iterator[Event]:
    """The beginning of a trial: a segment and its first `count` epochs."""
    yield SegmentStarted(number, execution, attempt, 0, 30, START + 10 * number)
    for epoch in range(count):
        yield EpochEnded(number, execution, attempt, epoch, {"loss": 1.0, "val_accuracy": 0.5})


def whole(result: Trial, count: int = 5) -> Iterator[Event]:
    """All events of one trial that ends as `result`, its executions one after the other."""
    yield TrialStarted(trial(result.number, **result.values))
    for execution in result.executions:
        yield from epochs(result.number, count, execution.index, execution.attempt)
        yield ExecutionEnded(result.number, execution)
    yield TrialEnded(result)


def retried(result: Trial, message: str = TRACEBACK) -> Iterator[Event]:
    """A trial whose first attempt fails and whose second ends as `result`."""
    yield TrialStarted(trial(result.number, **result.values))
    yield from epochs(result.number, 2)
    bad = Execution(0, Outcome.FAILED, message=message)
    yield ExecutionEnded(result.number, bad, will_retry=True)
    yield from epochs(result.number, 5, attempt=1)
    yield ExecutionEnded(result.number, dataclasses.replace(result.executions[0], attempt=1))
    yield TrialEnded(result)


def simple() -> list[Event]:
    """Three trials of three, the second the best."""
    results = [completed(0, 0.9), completed(1, 0.9712), completed(2, 0.95)]
    trials = itertools.chain.from_iterable(whole(result) for result in results)
    return [started(3), *trials, ended()]


CONFIRMATION = Confirmation(
    metric="val_accuracy",
    winner=2,
    leader=2,
    start=0,
    gain=Gain(0.04, 0.01, 0.07, 0.987, 10),
    told_apart=True,
    equals=(1,),
    cheapest=2,
    rounds=10,
    fresh=True,
    scores={2: 0.94, 1: 0.93, 0: 0.9},
    sizes={0: 10, 1: 30, 2: 20},
    failed=(),
    first=1,
    first_gain=Gain(0.01, -0.02, 0.04, 0.7, 10),
)
"""Of `simple`: the third trial has won the race."""


def confirmed() -> list[Event]:
    """`simple`, and a race after it."""
    end = dataclasses.replace(ended(), confirmation=CONFIRMATION)
    return [*simple()[:-1], RoundStarted(1, 10, 3, 3), RoundStarted(4, 10, 2, 3), end]


def eventful() -> list[Event]:
    """Each type of event: a queued point, a grown space, a retry, a failure, repeats."""
    dropout = Parameter("dropout", Float(0.0, 0.5))
    return [
        started(4, executions_per_trial=2),
        SpaceGrown((dropout,), None),
        Enqueued(0, {"units_0": 64}),
        TrialStarted(trial(0), queued=0),
        SpaceGrown((dropout,), 0),
        *list(whole(repeated(0, [0.9, 0.94])))[1:],
        *retried(completed(1, 0.93)),
        *whole(failed(2)),
        *whole(completed(3, 0.97, units_0=128, dropout=0.25)),
        ended(),
    ]


def joined_late() -> list[Event]:
    """A search that goes on: one trial completed, one failed and one cut off before."""
    return [
        started(4, [completed(0, 0.96), failed(1), trial(2)]),
        *whole(completed(2, 0.9)),
        *whole(completed(3, 0.8)),
        ended(),
    ]


def interrupted() -> list[Event]:
    """Stopped by the user in the middle of the second trial."""
    return [
        started(50),
        *whole(completed(0, 0.9)),
        TrialStarted(trial(1)),
        *epochs(1, 3),
        ended(StopReason.INTERRUPTED, "interrupted: trial 1 is not finished"),
    ]


def parallel(workers: int = 1) -> list[Event]:
    """Two trials at a time, which end in the other order."""
    first, second = completed(0, 0.9), completed(1, 0.8)
    return [
        started(2, workers=workers),
        TrialStarted(trial(0)),
        TrialStarted(trial(1)),
        *itertools.chain.from_iterable(zip(epochs(0, 4), epochs(1, 4), strict=True)),
        ExecutionEnded(1, second.executions[0]),
        TrialEnded(second),
        ExecutionEnded(0, first.executions[0]),
        TrialEnded(first),
        ended(),
    ]


def two_workers() -> list[Event]:
    """`parallel`, with the trials in two processes."""
    return parallel(workers=2)


def unbounded() -> list[Event]:
    """No `max_trials`: the space ends the search."""
    results = (completed(0, 0.9), completed(1, 0.8))
    return [
        started(None),
        *itertools.chain.from_iterable(whole(result) for result in results),
        ended(StopReason.EXHAUSTED, "every point of the space was tried"),
    ]


def all_failed() -> list[Event]:
    """Nothing completed."""
    return [
        started(2),
        *whole(failed(0)),
        *whole(failed(1, "")),
        ended(StopReason.FAILED, "stopped: the first 2 trials failed"),
    ]


def with_rejections() -> list[Event]:
    """Half of the trials had values that cannot work."""
    return [
        started(4),
        *whole(completed(0, 0.9)),
        *whole(rejected(1)),
        *whole(failed(2)),
        *whole(rejected(3)),
        ended(StopReason.BUDGET, "max_trials=4 reached"),
    ]


STREAMS = {
    stream.__name__: stream
    for stream in (
        simple,
        confirmed,
        eventful,
        joined_late,
        interrupted,
        parallel,
        two_workers,
        unbounded,
        all_failed,
        with_rejections,
    )
}
