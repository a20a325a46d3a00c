"""Random search (Bergstra and Bengio, 2012): independent draws, without replacement."""

from __future__ import annotations

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct, drawn_untried
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public

_DRAWS = 32
"""How many draws may repeat earlier trials before the untried points are searched."""


@public("kerastune_lite.oracles")
class RandomOracle(Oracle):
    """Random search without repetition (Bergstra and Bengio, 2012).

    Each active parameter is drawn from its domain, uniform on the domain's scale. If it has a
    prior, half of the points are drawn from that (Mallik and others, 2023, "PriorBand").

    Example:
        >>> from kerastune_lite.oracles import RandomOracle
        >>> RandomOracle().settings()
        {'type': 'RandomOracle'}
    """

    unseen = "sample"
    learns = False

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        visited = history.visited
        return draw_distinct(visited, count, lambda: _draw(space, visited, rng))


def _draw(space: Space, visited: Visited, rng: np.random.Generator) -> dict[str, Value] | None:
    for _ in range(_DRAWS):
        point = space.sample(rng)
        if point not in visited:
            return point
    return next(drawn_untried(space, visited, rng, _DRAWS), None)
