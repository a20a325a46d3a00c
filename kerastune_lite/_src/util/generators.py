"""Random generators: those of Python and NumPy are kept and restored, those of objects seeded."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from kerastune_lite._src.util.threads import turn

_MOST_GENERATORS = 64
"""Of one object."""


@contextlib.contextmanager
def kept_generators() -> Iterator[None]:
    """Restore Python's and NumPy's generators at the end.

    Threads take turns: the generators would forget what another thread had drawn meanwhile.
    """
    with turn():
        kept = state_of_generators()
        try:
            yield
        finally:
            set_generators(kept)


def state_of_generators() -> tuple[Any, Any]:
    """The states of Python's and NumPy's generators."""
    return random.getstate(), np.random.get_state()


def set_generators(state: tuple[Any, Any]) -> None:
    """Restore what `state_of_generators` returned."""
    random.setstate(state[0])
    np.random.set_state(state[1])


def seed_generators(owner: object, entropy: Sequence[int]) -> None:
    """Seed all generators that an object holds, itself or in the objects that it is made of.

    Args:
        entropy: the generators get different seeds, which follow from these numbers.
    """
    seeds = np.random.SeedSequence(entropy).generate_state(_MOST_GENERATORS).tolist()
    for generator, each in zip(_generators(owner, set()), seeds):
        if isinstance(generator, np.random.Generator):
            fresh = type(generator.bit_generator)(each)
            generator.bit_generator.state = fresh.state
        else:
            generator.seed(each)


def _generators(value: object, seen: set[int]) -> Iterator[Any]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, (np.random.RandomState, np.random.Generator, random.Random)):
        yield value
        return
    if isinstance(value, dict):
        inside: Iterable[object] = value.values()
    elif isinstance(value, (list, tuple)):
        inside = value
    elif hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType, FunctionType)):
        # Some make their generator when `rng` is first read.
        inside = [getattr(value, "rng", None), *vars(value).values()]
    else:
        return
    for each in inside:
        yield from _generators(each, seen)
