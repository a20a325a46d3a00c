"""The events of a search, as plain data. The store keeps them, the views show them."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Union

from kerastune_lite._src.core.confirmation import Confirmation, Round
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Trial
from kerastune_lite._src.space.parameters import Parameter, Space


class StopReason(str, enum.Enum):
    """Why a search ended."""

    BUDGET = "max_trials reached"
    EXHAUSTED = "every point of the space was tried"
    SCHEDULE = "all that was planned is trained"
    TIME = "max_time reached"
    EPOCHS = "max_total_epochs reached"
    STOPPED = "a stopping rule applies"
    INTERRUPTED = "interrupted"
    FAILED = "stopped by an error"


@dataclasses.dataclass(frozen=True)
class SearchStarted:
    """A call of `search()` began.

    Attributes:
        project: the name of the project.
        objective: with its direction.
        space: as known so far.
        max_trials: None if only the space limits the search.
        trials: the trials of earlier calls.
        settings: of the search, as JSON.
        time: in seconds since 1970.
        executions_per_trial: how often each trial is trained.
        workers: how many lists of segments can run at the same time.
    """

    project: str
    objective: Objective
    space: Space
    max_trials: int | None
    trials: tuple[Trial, ...]
    settings: Mapping[str, Any]
    time: float
    executions_per_trial: int = 1
    workers: int = 1


@dataclasses.dataclass(frozen=True)
class SpaceGrown:
    """New parameters were declared: in `trial`, or, if None, while the space was read."""

    added: tuple[Parameter, ...]
    trial: int | None


@dataclasses.dataclass(frozen=True)
class Enqueued:
    """The user enqueued a point."""

    position: int
    values: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Remembered:
    """Former projects were read, before the first trial that makes use of them."""

    former: tuple[Former, ...]


@dataclasses.dataclass(frozen=True)
class TrialStarted:
    """A trial started, or started again after a crash; `queued` is its place in the queue."""

    trial: Trial
    queued: int | None = None


@dataclasses.dataclass(frozen=True)
class SegmentStarted:
    """Training began; epochs count from 0, `end_epoch` None means as the fit arguments say."""

    trial: int
    execution: int
    attempt: int
    start_epoch: int
    end_epoch: int | None
    time: float


@dataclasses.dataclass(frozen=True)
class EpochEnded:
    """The metrics of an epoch, by their names in Keras's logs; `epoch` counts from 0.

    `known` are goals that are known by then although they are of no epoch, as the size of the
    model; not stored.
    """

    trial: int
    execution: int
    attempt: int
    epoch: int
    metrics: Mapping[str, float]
    known: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ExecutionEnded:
    """One training of a trial was completed or failed."""

    trial: int
    execution: Execution
    will_retry: bool = False


@dataclasses.dataclass(frozen=True)
class TrialPaused:
    """A trial reached the end of a rung, with a score, and may be resumed later."""

    trial: Trial


@dataclasses.dataclass(frozen=True)
class TrialResumed:
    """A paused trial was resumed."""

    trial: Trial


@dataclasses.dataclass(frozen=True)
class TrialEnded:
    """A trial was completed or failed; it will not be trained again."""

    trial: Trial


@dataclasses.dataclass(frozen=True)
class RoundStarted:
    """A round of the race after the search begins.

    Attributes:
        number: counted from 1.
        most: how many there are at most.
        left: how many candidates are left.
        candidates: how many there were.
    """

    number: int
    most: int
    left: int
    candidates: int


@dataclasses.dataclass(frozen=True)
class RoundEnded:
    """A candidate was trained in a round, or that failed."""

    round: Round


@dataclasses.dataclass(frozen=True)
class WeightsKept:
    """An execution of a trial that has ended was trained in the same way again, for its weights."""

    trial: int
    execution: Execution


@dataclasses.dataclass(frozen=True)
class SearchEnded:
    """`search()` is about to return or to raise; `confirmation` is the result of a race."""

    reason: StopReason
    message: str
    time: float
    confirmation: Confirmation | None = None


Event = Union[
    SearchStarted,
    SpaceGrown,
    Enqueued,
    Remembered,
    TrialStarted,
    SegmentStarted,
    EpochEnded,
    ExecutionEnded,
    TrialPaused,
    TrialResumed,
    TrialEnded,
    RoundStarted,
    RoundEnded,
    WeightsKept,
    SearchEnded,
]
