"""The interface of a scheduler."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
class Decision(enum.Enum):
    """Whether a trial continues to train.

    Example:
        >>> from kerastune_lite.schedulers import Decision
        >>> [decision.name for decision in Decision]
        ['CONTINUE', 'STOP']
    """

    CONTINUE = "continue"
    STOP = "stop"


@public("kerastune_lite.schedulers")
@dataclasses.dataclass(frozen=True)
class TrainingRequest:
    """A request to train a trial for some epochs.

    Args:
        trial: the number of a paused trial to resume; None: a new trial.
        start_epoch: the first epoch, counted from 0: the number of epochs trained so far.
        end_epoch: the epoch to stop before; None: as many epochs as the fit arguments say.
        bracket: of a new trial; stored with it.
        resumable: whether a later request may resume the trial. If so, the trial is PAUSED at the
            end, with a score and the state of its training; otherwise it is COMPLETED.
        parent: of a new trial that continues from the state of a paused one: that one's number. Its
            values are those of the scheduler's `explore`, not of the oracle, and `start_epoch` is
            the epoch of the state. No later request may resume the parent before this one starts.

    Example:
        >>> from kerastune_lite.schedulers import TrainingRequest
        >>> first_rung = TrainingRequest(end_epoch=3, resumable=True)
        >>> second_rung = TrainingRequest(trial=7, start_epoch=3, end_epoch=9)
        >>> second_rung.resumable
        False
    """

    trial: int | None = None
    start_epoch: int = 0
    end_epoch: int | None = None
    bracket: int | None = None
    resumable: bool = False
    parent: int | None = None


@public("kerastune_lite.schedulers")
@dataclasses.dataclass(frozen=True)
class Supply:
    """Whether the search can still start new trials.

    Args:
        exhausted: no new trial can start: the oracle has no untried point, or `max_trials` is
            reached.
        all_tried: every point of the space was tried, is being tried, or failed. The supply is
            then also exhausted.
        left: how many more trials `max_trials` allows, also with points that were tried; None: any
            number.

    Example:
        >>> from kerastune_lite.schedulers import Supply
        >>> Supply().exhausted
        False
    """

    exhausted: bool = False
    all_tried: bool = False
    left: int | None = None


@public("kerastune_lite.schedulers")
class Scheduler(ABC):
    """Decides for how many epochs each trial trains, and which trials stop early.

    It has settings but no state: its decisions are functions of the trials so far. A trial has its
    `bracket`, the epochs trained so far (`epochs`) and the epoch at which it will end or pause
    (`goal`). `history.curve(number)` has its losses.

    A trial may be COMPLETED before the end of its rung. If a callback stopped it, its executions
    are `stopped`, and its loss counts in all later rungs. If the scheduler stopped it, `goal` is
    the epoch at which it did.

    Example:
        >>> from kerastune_lite.schedulers import Decision, FullTraining
        >>> class TwentyEpochs(FullTraining):
        ...     def judge(self, history, trial, losses):
        ...         return Decision.STOP if len(losses) >= 20 else Decision.CONTINUE
        >>> TwentyEpochs().judge(None, 0, [0.5] * 20)
        <Decision.STOP: 'stop'>
    """

    reads_curves: ClassVar[bool] = False
    """Whether it uses `history.curve`."""

    stops_trials: ClassVar[bool] = True
    """Whether `judge` may stop a trial. If not, a worker process trains on without its answer. Each
    class with a `judge` of its own says so for itself."""

    copies_states: ClassVar[bool] = False
    """Whether it asks for trials that continue from the states of others."""

    fills_stacks: ClassVar[bool] = True
    """Whether `plan` is also asked for as many trials as can train in one stack. If not, only for
    those that workers are free for, so that each decision knows the results before it."""

    takes_several_goals: ClassVar[bool] = True
    """Whether a search may have several objectives, or constraints."""

    default_trials: ClassVar[int | None] = 10
    """The `max_trials` of a tuner that received none; None: all that is planned."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _place_of("judge", cls) < _place_of("stops_trials", cls):
            cls.stops_trials = True
        _check_signature(cls, "plan", "history", "free", "supply")
        _check_signature(cls, "finished", "history", "supply")

    @property
    def decides_epochs(self) -> bool:
        """Whether it sets the number of epochs of a trial; if not, the fit arguments do."""
        return False

    @abstractmethod
    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        """Up to `free` independent requests of training to start now.

        If the list is empty, the search waits for the running trials, or ends if there are none.
        If `supply.exhausted`, only paused trials may be requested, and trials with a parent as long
        as `supply.left` allows them.

        Args:
            history: all trials, including running ones.
            free: how many more trials can train now, at least 1.
            supply: whether new trials can still start.
        """

    @abstractmethod
    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        """Whether `trial` continues after its latest epoch.

        Called after each epoch with a loss. Counted from 1, that is epoch `len(losses)`.

        Args:
            history: all trials, including running ones.
            trial: the number of the trial.
            losses: of the running execution, one per epoch, NaN for epochs without validation;
                smaller is better. Of several objectives, of the first one that training reports by
                epoch; `history.marks(trial, [epoch])` has all.
        """

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        """The numbers of paused trials that will not be resumed; they are completed.

        At the end of the search all paused trials are completed.

        Args:
            history: all trials, including running ones.
            supply: whether new trials can still start.
        """
        return []

    def check_trials(self, max_trials: int | None) -> None:  # noqa: B027  # most take any number
        """Check the total number of trials, before a search.

        Args:
            max_trials: that of the tuner.

        Raises:
            ValueError: there are too few.
        """

    def changing(self, names: Collection[str]) -> Scheduler:
        """This scheduler, for a search in which `explore` may change these.

        Args:
            names: of hyperparameters.
        """
        return self

    def explore(self, space: Space, parent: Trial, rng: np.random.Generator) -> dict[str, Value]:
        """The values of a trial that continues from the state of `parent`.

        Args:
            space: the parameters known so far.
            parent: the trial whose state is copied.
            rng: derived from the seed of the search and the number of the next trial.
        """
        return dict(parent.values)

    def facts(self, trial: Trial) -> Mapping[str, Value]:
        """What `hp.get(name)` answers in `trial` besides hyperparameters, by name."""
        return {}

    def pausing(self, epochs: int) -> Scheduler:
        """A scheduler with the same rule that pauses trials instead of stopping them.

        For `TunerSearchCV`, where no loss is known before the end of a rung.

        Args:
            epochs: of a trial, if this scheduler does not set them.
        """
        return self

    def settings(self) -> dict[str, Value]:
        """Its class and arguments, stored with the project; another scheduler cannot resume it."""
        return {"type": type(self).__name__}


def _place_of(name: str, cls: type) -> int:
    """How far up an attribute comes from: 0 for the class itself."""
    return next(place for place, kind in enumerate(cls.__mro__) if name in vars(kind))


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
