"""Quasi-random search: the points of a scrambled Sobol sequence (Sobol 1967; Owen 1998)."""

from __future__ import annotations

import copy
import functools
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct, drawn_untried
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.public import public

_PAGES = 32
"""How many sequences are searched for an untried point."""

_BLOCK = 16
"""Dimensions are added in blocks, so that a growing space keeps its sequence for a while."""


@public("kerastune_lite.oracles")
class SobolOracle(Oracle):
    """Quasi-random search, more even than random search (Sobol, 1967; scrambled: Owen, 1998).

    Each parameter has its own dimension, whether it is active or not. Trial k gets point k of the
    sequence; if that was tried, point k of another sequence. If hyperparameters have a prior, every
    other point is as even with respect to it.

    Args:
        seed: of the scrambling. Default: the seed of the search.

    Raises:
        ValueError: `seed` is not a whole number of at least 0.

    Example:
        >>> from kerastune_lite.oracles import SobolOracle
        >>> SobolOracle(seed=7).settings()
        {'type': 'SobolOracle', 'seed': 7}
    """

    learns = False

    def __init__(self, seed: int | None = None) -> None:
        self.seed = checked_seed(seed)
        self._scrambling = self.seed or 0

    def seeded(self, seed: int) -> Oracle:
        return self if self.seed is not None else with_scrambling(self, seed)

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        visited = history.visited
        numbers = iter(range(len(history), len(history) + count))
        return draw_distinct(
            visited,
            count,
            lambda: untried_point(space, visited, next(numbers), self._scrambling, rng),
        )

    def settings(self) -> dict[str, Value]:
        return {**super().settings(), "seed": self.seed}


def checked_seed(seed: int | None) -> int | None:
    """`seed` as an int, or None.

    Raises:
        ValueError: it is not a whole number of at least 0.
    """
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"`seed` must be a whole number of at least 0. Received: {seed!r}.")
    return int(seed)


class _Scrambled(Protocol):
    _scrambling: int


_ScrambledOracle = TypeVar("_ScrambledOracle", bound=_Scrambled)


def with_scrambling(oracle: _ScrambledOracle, seed: int) -> _ScrambledOracle:
    """A copy of an oracle with the sequence of this seed and the same settings."""
    seeded = copy.copy(oracle)
    seeded._scrambling = seed
    return seeded


def untried_point(
    space: Space, visited: Visited, number: int, seed: int, rng: np.random.Generator
) -> dict[str, Value] | None:
    """Point `number` of the first sequence in which it is untried; None if all were tried."""
    for page in range(_PAGES):
        point = point_at(space, number, (seed, page))
        if point not in visited:
            return point
    return next(drawn_untried(space, visited, rng, _PAGES), None)


def point_at(space: Space, number: int, entropy: tuple[int, ...]) -> dict[str, Value]:
    """Point `number` of a sequence, with values for all its active parameters."""
    units = _sequence(len(space) // _BLOCK + 1, max(number, 1).bit_length(), entropy)[number]
    unit_of = dict(zip((parameter.identity for parameter in space), units.tolist()))

    # Half of the points are as even on the scale of the user's belief.
    believing = number % 2 == 1

    def choose(parameter: Parameter) -> Value:
        unit, domain = unit_of[parameter.identity], parameter.domain
        return domain.believed(unit) if believing else domain.from_unit(unit)

    return space.walk(choose)


@functools.lru_cache(maxsize=256)
def _sequence(blocks: int, log2: int, entropy: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The first `2**log2` points of a sequence, `(2**log2, blocks * _BLOCK)` in [0, 1)."""
    rng = np.random.default_rng(entropy)
    sampler = _sampler(blocks * _BLOCK, rng)
    points: npt.NDArray[np.float64] = sampler.random_base2(log2)
    return points


def _sampler(dimensions: int, rng: np.random.Generator) -> qmc.Sobol:
    # SciPy 1.15 renamed the argument and deprecates the old name.
    try:
        return qmc.Sobol(dimensions, scramble=True, rng=rng)
    except TypeError:
        return qmc.Sobol(dimensions, scramble=True, seed=rng)
