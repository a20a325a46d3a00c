"""Grid search, including conditional parameters."""

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
    """Grid search: every point once; the hyperparameter declared last varies fastest.

    Hyperparameters that only some branches of `build(hp)` declare are included. A domain without a
    finite list of values is represented by ten points.

    Example:
        >>> from kerastune_lite.oracles import GridOracle
        >>> GridOracle().settings()
        {'type': 'GridOracle'}
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
