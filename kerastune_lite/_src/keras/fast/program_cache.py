"""The programs of this process by their keys, and what is known of each."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
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
        checked: whether it was compared with the training of another model than that one.
        trusted: whether it may have trained a model that it was not compared with.
    """

    program: Any
    traced_with: Sequence[float] = ()
    banned: str | None = None
    checked: bool = False
    trusted: bool = False
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
        others = self.varied(scalars) - self._proven
        if self.checked and not others:
            self.trusted = True
        elif self.compare(difference):
            self.checked = True
            self._proven |= others

    def varied(self, scalars: Sequence[float]) -> set[int]:
        """Which scalars have another value than in the model that it was traced with."""
        return {i for i, one in enumerate(scalars) if one != self.traced_with[i]}

    def compare(self, difference: Callable[[], str | None]) -> bool:
        """Whether it trains a model as the model trains itself; it is banned if not.

        Args:
            difference: as for `check`.
        """
        try:
            found = difference()
        except Undecided:
            self.trusted = True
            return False
        if found is None:
            return True
        self.banned, self.program = f"the self-check found {found}", None
        logger.warning(
            "A fast path gave another result than the model's own training (%s) and is "
            "no longer used. %s; please report the model.",
            found,
            "Models that it trained before may be affected: train them anew with fast=False"
            if self.trusted
            else "The result is not affected",
        )
        return False


class Programs:
    """Programs by their keys; those not used for long are let go of.

    Also what comparisons have shown that holds for more than one program.
    """

    def __init__(self, size: int = _KEPT) -> None:
        self._size = size
        self._known: collections.OrderedDict[str, Known] = collections.OrderedDict()
        self._facts: set[bytes] = set()

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

    def unproven(self, facts: Iterable[str]) -> list[str]:
        """Those of the facts that no comparison has shown yet."""
        return [fact for fact in facts if _digest(fact) not in self._facts]

    def prove(self, facts: Iterable[str]) -> None:
        """A comparison has shown them."""
        self._facts.update(map(_digest, facts))

    def disprove(self, facts: Iterable[str]) -> None:
        """A comparison has failed that they were part of."""
        self._facts.difference_update(map(_digest, facts))

    def __len__(self) -> int:
        return len(self._known)


def _digest(fact: str) -> bytes:
    # They are descriptions of whole models, some kilobytes each, and are never forgotten.
    return hashlib.blake2b(fact.encode(), digest_size=16).digest()


PROGRAMS = Programs()


def traced(trace: Callable[[], Any], scalars: Sequence[float]) -> Known:
    """What is known of the program that `trace` makes: that there can be none, if it raises."""
    try:
        return Known(trace(), list(scalars))
    except Exception as error:
        # Keras and TensorFlow raise what they like when something cannot be traced so.
        logger.debug("A program cannot be traced.", exc_info=error)
        return Known(None, banned=f"tracing raised {type(error).__name__}")
