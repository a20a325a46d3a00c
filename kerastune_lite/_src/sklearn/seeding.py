"""Random generators: seeded for a fit, and as they were afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastune_lite._src.util.threads import turn


def seed_of_fit(random_state: Any) -> int | None:
    """A seed; of a generator its next number, which it gives again to the next fit."""
    if not isinstance(random_state, np.random.RandomState):
        return None if random_state is None else int(random_state)
    copied = np.random.RandomState()
    copied.set_state(random_state.get_state())
    return int(copied.randint(2**31 - 1))


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Within it, all random generators begin with `seed`, if there is one.

    They are those of the process, as is the switch for determinism: threads take turns.
    """
    with turn():
        if seed is None:
            yield
            return
        from kerastune_lite._src.keras.determinism import deterministic

        with kept_generators(), deterministic(seed):
            random.seed(seed)
            np.random.seed(seed)
            yield


@contextlib.contextmanager
def kept_generators() -> Iterator[None]:
    """After it, Python's and NumPy's generators go on as if nothing had been drawn.

    Threads take turns: what another draws meanwhile would be forgotten with the rest.
    """
    with turn():
        kept = state_of_generators()
        try:
            yield
        finally:
            set_generators(kept)


def state_of_generators() -> tuple[Any, Any]:
    """Where Python's and NumPy's generators stand."""
    return random.getstate(), np.random.get_state()


def set_generators(state: tuple[Any, Any]) -> None:
    """Have them go on from there.

    Args:
        state: as `state_of_generators` gives it.
    """
    random.setstate(state[0])
    np.random.set_state(state[1])
