"""The protocol of a scheduler."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
class Decision(enum.Enum):
    """Whether a trial goes on training."""

    CONTINUE = "continue"
    STOP = "stop"


@public("kerastune_lite.schedulers")
@dataclasses.dataclass(frozen=True)
class TrainingRequest:
    """Epochs to train next.

    Attributes:
        trial: the number of a trial to go on with; None asks the oracle for a new one.
        start_epoch, end_epoch: from (included) to (excluded), counted from 0; None is open:
            as many as the fit arguments say.
        bracket: that a new trial belongs to; kept with the trial.
        resumable: whether the trial may be asked to go on later. It is then PAUSED at the end of
            the rung, with a score and the state of its training; otherwise it is COMPLETED.
    """

    trial: int | None = None
    start_epoch: int = 0
    end_epoch: int | None = None
    bracket: int | None = None
    resumable: bool = False


@public("kerastune_lite.schedulers")
@dataclasses.dataclass(frozen=True)
class Supply:
    """Whether the search can still begin new trials.

    Attributes:
        exhausted: no new trial will begin, as far as is known: the oracle has no untried point
            left, or `max_trials` is reached.
        all_tried: every point of the space was tried, is being tried, or failed. Then the supply
            is exhausted, too.
    """

    exhausted: bool = False
    all_tried: bool = False


@public("kerastune_lite.schedulers")
class Scheduler(ABC):
    """Says which trial trains from which epoch to which, and which one stops.

    Like an oracle it has settings and no state of its own: what it answers is a function of the
    trials so far. A trial says which `bracket` it belongs to, for how many epochs it is trained at
    present (`goal`) and for how many it has been (`epochs`). `history.curve(number)` has its
    losses.

    A trial may be COMPLETED before its rung's end. If a callback stopped it, which its executions
    tell (`stopped`), its loss is what it would be at any later rung; if the scheduler did, `goal`
    is where.
    """

    reads_curves: ClassVar[bool] = False
    """Whether it looks at `history.curve`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_signature(cls, "plan", "history", "free", "supply")
        _check_signature(cls, "finished", "history", "supply")

    @property
    def decides_epochs(self) -> bool:
        """Whether it says for how many epochs trials train, whatever the fit arguments say."""
        return False

    @abstractmethod
    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        """Up to `free` rungs to train now, each of which depends on no other of them.

        An empty list means: wait for the trials that are running; if none is running, the search
        ends. Once `supply.exhausted` is true, no new trials may be requested.

        Args:
            history: all trials, running ones included.
            free: how many more trials could train at this moment, at least 1.
            supply: whether new trials can still begin.
        """

    @abstractmethod
    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        """Whether `trial` goes on after the latest of its epochs.

        It is asked after each epoch with a loss; that is number `len(losses)`, counted from 1, so
        that trials can be compared at equal epochs.

        Args:
            losses: of the running execution, one per epoch from its first, NaN for those without
                validation; smaller is better.
        """

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        """The numbers of paused trials that will not be resumed; they complete with their scores.

        When the search ends, all trials that are still paused complete.

        Args:
            history: all trials, running ones included.
            supply: whether new trials can still begin.
        """
        return []

    def pausing(self, epochs: int) -> Scheduler:
        """One of the same rule that never stops a trial in mid-training.

        For jobs that know of no loss before the end of a rung. Where this one stops trials, that
        one has rungs end, and does not go on with them.

        Args:
            epochs: that a trial is trained for, if this scheduler leaves it open.
        """
        return self

    def settings(self) -> dict[str, Value]:
        """What tells this scheduler from others, to be kept with the project."""
        return {"type": type(self).__name__}


def _check_signature(scheduler: type[Scheduler], method: str, *arguments: str) -> None:
    """Check that a subclass's method takes the arguments that the search passes by position.

    Raises:
        TypeError: it does not.
    """
    expected, received = ("self", *arguments), inspect.signature(getattr(scheduler, method))
    try:
        received.bind(*expected)
    except TypeError:
        raise TypeError(
            f"{scheduler.__name__}.{method} must take the arguments ({', '.join(expected)}). "
            f"Received: {method}{received}."
        ) from None
