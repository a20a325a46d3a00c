"""One fold's training as a search asks for it: with these values, from here to there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from kerastune_lite.hyperparameters import HyperParameters

if TYPE_CHECKING:
    from kerastune_lite.training.resuming import StateKeeper, TrainingState


@dataclasses.dataclass
class Assignment:
    """What an estimator is told before it fits, and where it leaves what came of it.

    Attributes:
        hp: what `build` is given; None: as the estimator says.
        seed: of an estimator that has none of its own; below 2**32.
        end_epoch: train to here (excluded); None: as far as the estimator says.
        state: where an earlier training ended; None: from the beginning.
        keep_state: whether the state at the end is wanted.
        keeper: has it afterwards.
    """

    hp: HyperParameters | None
    seed: int
    end_epoch: int | None = None
    state: TrainingState | None = None
    keep_state: bool = False
    keeper: StateKeeper | None = None

    def prepare(self, model: Any, arguments: dict[str, Any]) -> None:
        """Put the model into the state in which the training goes on.

        Args:
            arguments: of `fit`, to be added to.

        Raises:
            StoreError: the state is of another model.
            FatalValueError: a callback cannot go on where it stopped.
        """
        from kerastune_lite.training import resuming

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
