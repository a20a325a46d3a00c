"""One fold's training as a search asks for it: with these values, from here to there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from kerastune_lite._src.space.hyperparameters import HyperParameters

if TYPE_CHECKING:
    from kerastune_lite._src.keras.fast.dispatcher import Dispatcher, Fit
    from kerastune_lite._src.keras.fast.member import Member
    from kerastune_lite._src.keras.resuming import StateKeeper, TrainingState


class HandedOver(BaseException):
    """A training that is another's: it ends the `fit` in which it would have begun.

    No `Exception`, so that nothing on the way takes it for a failure.

    Args:
        member: the training.
    """

    def __init__(self, member: Member) -> None:
        super().__init__("a training was handed over")
        self.member = member


@dataclasses.dataclass
class Assignment:
    """What an estimator is told before it fits, and where it leaves what came of it.

    Attributes:
        hp: what `build` is given; None: as the estimator says.
        seed: of an estimator that has none of its own; below 2**32.
        end_epoch: train to here (excluded); None: as far as the estimator says.
        state: where an earlier training ended; None: from the beginning.
        keep_state: whether the state at the end is wanted.
        whole: whether the state of the optimizer is wanted in the model afterwards, too.
        beside: whether the training is to be handed over, if it can go on beside others.
        alone_because: why it cannot.
        y: all targets of the search, of which a fold has a part.
        keeper: has the state at the end afterwards.
    """

    hp: HyperParameters | None
    seed: int
    end_epoch: int | None = None
    state: TrainingState | None = None
    keep_state: bool = False
    whole: bool = True
    beside: bool = False
    alone_because: str | None = None
    y: Any = None
    keeper: StateKeeper | None = None

    @property
    def needs_all(self) -> bool:
        """Whether all of the model's state is read from it, or was put into it."""
        return self.whole or self.keep_state or self.state is not None

    def hand_over(self, dispatcher: Dispatcher, fit: Fit, overridden: bool) -> None:
        """Leave a training to others, if that is wanted and possible.

        Args:
            dispatcher: that it would go through.
            overridden: whether another `fit` than the model's own is to be called.

        Raises:
            HandedOver: it is left to them.
        """
        if not self.beside:
            return
        from kerastune_lite._src.keras.fast.member import NotStacked
        from kerastune_lite._src.keras.fast.stacking import stacked_program

        try:
            if overridden:
                raise NotStacked("HyperModel.fit() is the user's own")
            member = dispatcher.member(fit)
            stacked_program(member)
        except NotStacked as reason:
            self.alone_because = str(reason)
            return
        raise HandedOver(member)

    def prepare(self, model: Any, arguments: dict[str, Any]) -> None:
        """Put the model into the state in which the training goes on.

        Args:
            arguments: of `fit`, to be added to.

        Raises:
            StoreError: the state is of another model.
            FatalValueError: a callback cannot go on where it stopped.
        """
        from kerastune_lite._src.keras import resuming

        resumable = list(arguments["callbacks"])
        if self.end_epoch is not None:
            arguments["epochs"] = self.end_epoch
        if self.state is not None:
            resuming.restore_model(self.state, model)
            arguments["initial_epoch"] = self.state.epoch
            arguments["callbacks"].append(resuming.StateRestorer(self.state, resumable))
        if self.keep_state:
            resuming.check_resumable(resumable)
            self.keeper = resuming.StateKeeper(resumable, arguments["epochs"])
            arguments["callbacks"].append(self.keeper)
