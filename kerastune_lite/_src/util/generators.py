"""The random generators of Python and NumPy, which belong to the process: kept and restored."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastune_lite._src.util.threads import turn


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
