"""What a search asks of one fold's training: its hyperparameters, epochs and state."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from kerastune_lite._src.space.hyperparameters import HyperParameters

if TYPE_CHECKING:
    from kerastune_lite._src.keras.fast.dispatcher import Dispatcher, Fit
    from kerastune_lite._src.keras.fast.member import Member
    from kerastune_lite._src.keras.resuming import StateKeeper, TrainingState


class HandedOver(BaseException):
    """Ends a `fit` whose training is done elsewhere; holds that training.

    Not an `Exception`, so that no handler on the way treats it as a failure.
    """

    def __init__(self, member: Member) -> None:
        super().__init__("a training was handed over")
        self.member = member


@dataclasses.dataclass
class Assignment:
    """What an estimator is told before it fits, and what it reports afterwards.

    Attributes:
        hp: passed to `build`; None: made from the estimator's own parameters.
        seed: for an estimator that has none; below 2**32.
        end_epoch: train up to this epoch (excluded); None: as the estimator says.
        state: of an earlier training that is continued; None: train from the beginning.
        keep_state: whether the state at the end is needed.
        whole: whether the model needs the optimizer's state afterwards, too.
        beside: whether to hand the training over, if it can be trained side by side with others.
        alone_because: afterwards: why it cannot.
        y: all targets of the search, of which a fold has a part.
        keeper: afterwards: has the state at the end.
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
        """Whether the whole state of the model is read from it, or was put into it."""
        return self.whole or self.keep_state or self.state is not None

    def hand_over(self, dispatcher: Dispatcher, fit: Fit, overridden: bool) -> None:
        """Hand a training over, if that is wanted and possible.

        Args:
            overridden: whether a `fit` other than the model's own would be called.

        Raises:
            HandedOver: the training is done elsewhere.
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
        """Set epochs, the model's state and callbacks for a training that is continued.

        Args:
            arguments: of `fit`; changed.

        Raises:
            StoreError: the state belongs to another model.
            FatalValueError: a callback cannot be continued.
        """
        from kerastune_lite._src.keras.resuming import make_resumable

        resumable = list(arguments["callbacks"])
        if self.end_epoch is not None:
            arguments["epochs"] = self.end_epoch
        self.keeper = make_resumable(arguments, model, resumable, self.state, self.keep_state)
