"""The protocol of a store, and what it returns when a project is reopened."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.events import Event, StopReason
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space


@dataclasses.dataclass(frozen=True)
class Session:
    """One call of `search()`; the times are seconds since 1970.

    Attributes:
        ended, reason, message: when and why it ended; None while it runs, and if its process died.
    """

    started: float
    ended: float | None = None
    reason: StopReason | None = None
    message: str | None = None


@dataclasses.dataclass(frozen=True)
class Project:
    """Everything that a store holds of a project, except the epochs.

    Attributes:
        settings: of the search, as JSON; empty before the first search.
        space: with all parameters met so far.
        trials: in the order of their numbers. A RUNNING trial has the executions that ended
            before the search died.
        queue: enqueued points that have not been started: position -> values.
        enqueued: how many points were ever enqueued, which is the next position.
        versions: of the packages, at the latest search.
        session: the latest search; None before the first.
        former: what it remembers of former projects.
        rounds: the trainings of races after searches, by trial and round.
    """

    name: str
    settings: Mapping[str, Any]
    space: Space
    trials: tuple[Trial, ...]
    queue: Mapping[int, Mapping[str, Value]]
    enqueued: int
    versions: Mapping[str, str]
    session: Session | None = None
    former: tuple[Former, ...] = ()
    rounds: tuple[Round, ...] = ()


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One row of a trial's history; `epoch` counts from 0."""

    execution: int
    attempt: int
    epoch: int
    metrics: Mapping[str, float]


class Store(ABC):
    """Records what happens. There is one writer, the process that searches."""

    @abstractmethod
    def record(self, events: Iterable[Event]) -> None:
        """Record all of `events` or, if this raises, none of them.

        Once it has returned, they survive the death of the process.

        Raises:
            StoreError: they could not be written.
        """

    @abstractmethod
    def load(self) -> Project:
        """Everything that was recorded.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    def epochs(self, trial: int) -> list[Epoch]:
        """The epochs of a trial, sorted by execution, attempt and epoch."""

    @abstractmethod
    def close(self) -> None:
        """Close all files. Calling it again does nothing."""


class Folder(Protocol):
    """The folder of a project, for reading."""

    @property
    def root(self) -> Path:
        """Where it is."""

    @property
    def being_written(self) -> bool:
        """Whether some process is searching here right now."""

    def open(self, read_only: bool = ...) -> Store:
        """The project's store."""

    def load(self) -> Project:
        """The project as it is at this moment.

        Raises:
            StoreError: it cannot be read.
        """
