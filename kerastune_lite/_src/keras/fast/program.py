"""What computes epochs: NumPy, a trace that models share, or a model's own trace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from kerastune_lite._src.keras.fast.samples import Pool
from kerastune_lite._src.keras.fast.state import Slot, State

Values = TypeVar("Values")
"""The states of G members side by side, as a program computes with them."""

Logs = dict[str, Any]


class Program(ABC, Generic[Values]):
    """Trains and measures G members at once; NumPy's any number of them, the others one.

    A program is a function: values go in and come out, and those that went in are as they were. It
    holds nothing of a training, so that all models of a structure share it.
    """

    slots: Sequence[Slot] = ()
    """How the optimizer's variables begin."""
    in_model: ClassVar[bool] = False
    """Whether the state is in the model's variables all the time; such a program is one model's."""

    @abstractmethod
    def packed(self, states: Sequence[State]) -> Values:
        """The values of members in these states."""

    @abstractmethod
    def unpacked(self, values: Values, place: int, whole: bool) -> State:
        """One member's state.

        Args:
            place: of the member.
            whole: or of the optimizer at least what it has before it is built.
        """

    def picked(self, values: Values, places: Sequence[int]) -> Values:
        """Those of some members."""
        return values

    @abstractmethod
    def with_own(self, values: Values, place: int, own: Sequence[Any]) -> Values:
        """The values with others for what a member's optimizer has before it is built."""

    @abstractmethod
    def epoch(
        self,
        values: Values,
        pool: Pool,
        scalars: np.ndarray,
        orders: Sequence[np.ndarray],
        halt: bool = False,
    ) -> tuple[Values, list[Logs], int]:
        """Train all members for an epoch.

        Args:
            pool: the samples of all.
            scalars: `(G, k)`, those of the structure.
            orders: of each member, the rows of the pool to train on, in this order, `(n,)`; those
                with more of them come later.
            halt: whether a loss that is not finite ends it, of a member alone.

        Returns:
            The new values, the logs of each, and how many batches there were at most.
        """

    @abstractmethod
    def measure(
        self, values: Values, pool: Pool, scalars: np.ndarray, rows: Sequence[np.ndarray]
    ) -> tuple[Values, list[Logs]]:
        """Measure all members on validation data.

        Args:
            rows: of each member, the rows of the pool that it is measured on, `(m,)`.

        Returns:
            The new values (recurrent layers draw masks even now), and the logs of each.
        """
