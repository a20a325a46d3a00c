"""Random generators: seeded for a fit, and restored afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Union

import numpy as np

from kerastune_lite._src.util.generators import kept_generators
from kerastune_lite._src.util.threads import turn

RandomState = Union[int, np.random.RandomState, None]
"""What `random_state=` takes."""


def seed_of_fit(random_state: RandomState) -> int | None:
    """A seed; from a generator its next number, without changing the generator."""
    if not isinstance(random_state, np.random.RandomState):
        return None if random_state is None else int(random_state)
    copied = np.random.RandomState()
    copied.set_state(random_state.get_state())
    return int(copied.randint(2**31 - 1))


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed all random generators, if there is a seed, and restore them at the end.

    The generators and the switch for determinism belong to the process, so threads take turns.
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
