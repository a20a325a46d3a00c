"""Exhaustive search over the grid, conditional parameters included."""

from __future__ import annotations

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle, completed, draw_distinct
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public


@public("kerastune_lite.oracles")
class GridOracle(Oracle):
    """Every grid point once, the last question of the builder turning fastest.

    The next point is the first one, in depth-first order over the builder's questions, that no
    trial has tried; so the search can stop and go on anywhere, and finds the parameters that
    only some branches ask for. A domain without a finite list of values stands with ten points.
    """

    unseen = "first"
    learns = False

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        visited = history.visited
        return draw_distinct(visited, count, lambda: _first_untried(space, visited))


def _first_untried(space: Space, visited: Visited) -> dict[str, Value] | None:
    for answers in visited.untried(space):
        point = completed(space, answers, lambda parameter: parameter.domain.grid()[0])
        if point not in visited:
            return point
    return None
