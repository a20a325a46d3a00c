"""The protocol of a scheduler."""

from __future__ import annotations

import dataclasses
import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence

from kerastune_lite.history import History
from kerastune_lite.hyperparameters import Value


class Decision(enum.Enum):
    """Whether a trial goes on training."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclasses.dataclass(frozen=True)
class Rung:
    """Epochs to train next.

    Attributes:
        trial: the number of a trial to go on with; None asks the oracle for a new one.
        start_epoch, end_epoch: from (included) to (excluded), counted from 0; None is open:
            as many as the fit arguments say.
    """

    trial: int | None = None
    start_epoch: int = 0
    end_epoch: int | None = None


class Scheduler(ABC):
    """Says which trial trains from which epoch to which, and which one stops.

    Like an oracle it has settings and no state of its own.
    """

    @abstractmethod
    def plan(self, history: History, free: int) -> list[Rung]:
        """Up to `free` rungs to train now; none means: wait for those that are running.

        Args:
            history: all trials, running ones included.
            free: at least 1: how many more trials could train at this moment.
        """

    @abstractmethod
    def judge(self, history: History, trial: int, losses: Sequence[float]) -> Decision:
        """Whether `trial` goes on after the latest of its epochs.

        Args:
            losses: of the running execution, one per epoch from its first; smaller is better.
        """

    def settings(self) -> dict[str, Value]:
        """What tells this scheduler from others, to be kept with the project."""
        return {"type": type(self).__name__}
