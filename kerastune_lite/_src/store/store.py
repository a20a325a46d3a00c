"""The protocol of a store, and what it gives back when a project is reopened."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from kerastune_lite._src.core.events import Event, StopReason
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space


@dataclasses.dataclass(frozen=True)
class Session:
    """One call of `search()`; the times are seconds since 1970.

    Attributes:
        ended, reason, message: when and why it ended; None while it goes on, and for good where
            its process died.
    """

    started: float
    ended: float | None = None
    reason: StopReason | None = None
    message: str | None = None


@dataclasses.dataclass(frozen=True)
class Project:
    """All that a store holds of a project, the epochs aside.

    Attributes:
        name: the project's name.
        settings: what it was searched with, as JSON; empty before the first search.
        space: as grown so far.
        trials: in the order of their numbers. The executions of a RUNNING trial that ended
            before the search died are among its executions.
        queue: enqueued points that were not started yet: position -> values.
        enqueued: how many points were ever enqueued; the next position.
        versions: of the packages, at the latest search.
        session: the latest search; None before the first.
    """

    name: str
    settings: Mapping[str, Any]
    space: Space
    trials: tuple[Trial, ...]
    queue: Mapping[int, Mapping[str, Value]]
    enqueued: int
    versions: Mapping[str, str]
    session: Session | None = None


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One row of a trial's history; `epoch` counts from 0."""

    execution: int
    attempt: int
    epoch: int
    metrics: Mapping[str, float]


class Store(ABC):
    """Keeps what happened. There is one writer, the process that searches."""

    @abstractmethod
    def record(self, events: Iterable[Event]) -> None:
        """Keep all of `events` or, if this raises, none of them.

        When it has returned, the death of the process cannot undo it.

        Raises:
            StoreError: it could not be written.
        """

    @abstractmethod
    def load(self) -> Project:
        """All that was recorded.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    def epochs(self, trial: int) -> list[Epoch]:
        """The epochs of a trial by execution, attempt and epoch."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files. Calling it again does nothing."""
