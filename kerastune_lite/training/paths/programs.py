"""The programs of this process by their keys, and what is known of each."""

from __future__ import annotations

import collections
import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import Any

logger = logging.getLogger(__name__)

_KEPT = 24
"""How many programs are kept; one takes a few megabytes."""


class Undecided(Exception):
    """Nothing can be learned of a program from this model: its training diverges at once."""


@dataclasses.dataclass
class Known:
    """A program and what is known of it.

    Attributes:
        program: None where there can be none, for the reason `banned`.
        traced_with: the scalars of the model that it was traced with.
        banned: why it may not be used.
        checked: whether it was compared with a model's own training.
    """

    program: Any
    traced_with: Sequence[float] = ()
    banned: str | None = None
    checked: bool = False
    _proven: set[int] = dataclasses.field(default_factory=set)

    def check(self, scalars: Sequence[float], difference: Callable[[], str | None]) -> None:
        """Compare it with another model's own training, where that could tell something new.

        That is when a model is the first one besides that which was traced, and when it is the
        first one with another value for some scalar.

        Args:
            scalars: of the model at hand.
            difference: compares; what it found, in words. Where it is undecided, the next model is
                compared.
        """
        if self.program is None:
            return
        others = {i for i, one in enumerate(scalars) if one != self.traced_with[i]} - self._proven
        if self.checked and not others:
            return
        try:
            found = difference()
        except Undecided:
            return
        self.checked = True
        self._proven |= others
        if found is not None:
            self.banned, self.program = f"the self-check found {found}", None
            logger.warning(
                "A fast path gave another result than the model's own training (%s) and is "
                "no longer used. The result is not affected; please report the model.",
                found,
            )


class Programs:
    """Programs by their keys; those not used for long are let go of."""

    def __init__(self, size: int = _KEPT) -> None:
        self._size = size
        self._known: collections.OrderedDict[str, Known] = collections.OrderedDict()

    def get(self, key: str) -> Known | None:
        """What is known for `key`."""
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def put(self, key: str, known: Known) -> None:
        """Remember it; of many, the longest unused are forgotten."""
        self._known[key] = known
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)


PROGRAMS = Programs()


def traced(trace: Callable[[], Any], scalars: Sequence[float]) -> Known:
    """What is known of the program that `trace` makes: that there can be none, if it raises."""
    try:
        return Known(trace(), list(scalars))
    except Exception as error:
        # Keras and TensorFlow raise what they like when something cannot be traced so.
        logger.debug("A program cannot be traced.", exc_info=error)
        return Known(None, banned=f"tracing raised {type(error).__name__}")
