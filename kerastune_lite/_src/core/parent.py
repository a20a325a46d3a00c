"""Where a trial comes from that was not trained from the start."""

from __future__ import annotations

import dataclasses

from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
@dataclasses.dataclass(frozen=True)
class Parent:
    """The state from which a trial was trained on.

    Args:
        trial: the number of the other trial.
        epoch: how many epochs that one had been trained for.

    Example:
        >>> from kerastune_lite.schedulers import Parent
        >>> str(Parent(trial=3, epoch=10))
        '3 at epoch 10'
    """

    trial: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.trial} at epoch {self.epoch}"
