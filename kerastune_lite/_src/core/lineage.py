"""The ancestors of trials, and the schedules that they make.

A trial with a parent was not trained from the start. The pieces of its ancestors come before its
own, so that each trial has a schedule: values that change while the model is trained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Union

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.formatting import value_text
from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a training with constant values.

    Args:
        start_epoch, end_epoch: the first epoch, and the epoch before which it ends, counted from 0.
        values: by name.
        trial: the number of the trial that has these values.

    Example:
        >>> from kerastune_lite.schedulers import Piece
        >>> print(Piece(0, 5, {"learning_rate": 0.01}, trial=3))
        epochs 1 to 5: learning_rate=0.01 (trial 3)
    """

    start_epoch: int
    end_epoch: int
    values: Mapping[str, Value]
    trial: int

    def __str__(self) -> str:
        values = " ".join(f"{name}={value_text(value)}" for name, value in self.values.items())
        return f"epochs {self.start_epoch + 1} to {self.end_epoch}: {values} (trial {self.trial})"


ByNumber = Union[Sequence[Trial], Mapping[int, Trial]]
"""Trials that an index by their numbers finds."""


def first_epoch(trial: Trial) -> int:
    """The first epoch that a trial trains itself, counted from 0."""
    return 0 if trial.parent is None else trial.parent.epoch


def ancestors(trials: ByNumber, trial: Trial) -> list[Trial]:
    """The trial and those whose states led to it, the oldest first.

    Args:
        trials: all, by number.
    """
    line = [trial]
    while line[-1].parent is not None:
        line.append(trials[line[-1].parent.trial])
    return line[::-1]


def schedule(trials: ByNumber, trial: Trial) -> list[Piece]:
    """The pieces of a training, up to the best epoch of the trial.

    Args:
        trials: all, by number.
    """
    line = ancestors(trials, trial)
    ends = [first_epoch(child) for child in line[1:]]
    ends.append(trial.epochs if trial.best_step is None else trial.best_step + 1)
    return [
        Piece(first_epoch(each), end, dict(each.values), each.number)
        for each, end in zip(line, ends)
    ]
