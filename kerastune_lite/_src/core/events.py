"""What happens in a search, as plain data. The store keeps the events, the views show them."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Union

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Trial
from kerastune_lite._src.space.parameters import Parameter, Space


class StopReason(str, enum.Enum):
    """Why a search ended."""

    BUDGET = "max_trials reached"
    EXHAUSTED = "every point of the space was tried"
    SCHEDULE = "all that was planned is trained"
    TIME = "max_time reached"
    INTERRUPTED = "interrupted"
    FAILED = "stopped by an error"


@dataclasses.dataclass(frozen=True)
class SearchStarted:
    """A call of `search()` began.

    Attributes:
        project: the project's name.
        objective: with its direction resolved.
        space: as known now.
        max_trials: None when only the space bounds the search.
        trials: all trials that the project holds already, for a view that joins late.
        settings: what the project was searched with, as JSON.
        time: seconds since 1970.
        executions_per_trial: how often each trial is trained.
    """

    project: str
    objective: Objective
    space: Space
    max_trials: int | None
    trials: tuple[Trial, ...]
    settings: Mapping[str, Any]
    time: float
    executions_per_trial: int = 1


@dataclasses.dataclass(frozen=True)
class SpaceGrown:
    """Parameters were met for the first time (in `trial`, or None while reading the space)."""

    added: tuple[Parameter, ...]
    trial: int | None


@dataclasses.dataclass(frozen=True)
class Enqueued:
    """The user asked for a point; it waits for its turn."""

    position: int
    values: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class TrialStarted:
    """A trial was proposed, or, after a crash, begins again; `queued` is its place in the queue."""

    trial: Trial
    queued: int | None = None


@dataclasses.dataclass(frozen=True)
class SegmentStarted:
    """Training begins: `trial` is a number; epochs count from 0, `end_epoch` None is open."""

    trial: int
    execution: int
    attempt: int
    start_epoch: int
    end_epoch: int | None
    time: float


@dataclasses.dataclass(frozen=True)
class EpochEnded:
    """An epoch's metrics, by their names in Keras's logs; `epoch` counts from 0."""

    trial: int
    execution: int
    attempt: int
    epoch: int
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class ExecutionEnded:
    """One training of a trial has ended, well or badly."""

    trial: int
    execution: Execution
    will_retry: bool = False


@dataclasses.dataclass(frozen=True)
class TrialPaused:
    """A trial has come to the end of a rung, with a score, and may go on later."""

    trial: Trial


@dataclasses.dataclass(frozen=True)
class TrialResumed:
    """A paused trial goes on to its next goal."""

    trial: Trial


@dataclasses.dataclass(frozen=True)
class TrialEnded:
    """A trial is completed or failed for good."""

    trial: Trial


@dataclasses.dataclass(frozen=True)
class SearchEnded:
    """`search()` is about to return (or to raise)."""

    reason: StopReason
    message: str
    time: float


Event = Union[
    SearchStarted,
    SpaceGrown,
    Enqueued,
    TrialStarted,
    SegmentStarted,
    EpochEnded,
    ExecutionEnded,
    TrialPaused,
    TrialResumed,
    TrialEnded,
    SearchEnded,
]
