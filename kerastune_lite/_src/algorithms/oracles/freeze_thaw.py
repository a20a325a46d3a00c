"""Points for freeze-thaw optimisation, by the same model of learning curves as its scheduler."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.curve_observations import (
    CurveModel,
    curve_model,
    hope_of,
    pauses,
)
from kerastune_lite._src.algorithms.oracles.gp.encoding import encoding_of
from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct
from kerastune_lite._src.algorithms.oracles.sobol import (
    checked_seed,
    untried_point,
    with_scrambling,
)
from kerastune_lite._src.algorithms.schedulers.rungs import whole_number
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.threads import one_thread

_INITIAL = 8
"""The number of trials before the model is used: the start, then quasi-random points."""
_LOOKED_AT = 64
"""How many of the most promising points are searched for an untried one."""


@public("kerastune_lite.oracles")
class FreezeThawOracle(Oracle):
    """Proposes the new trials of freeze-thaw optimisation (`kt.schedulers.FreezeThaw`).

    The first point is the start: the defaults that the user gave, and the middle of all other
    ranges. The next seven are quasi-random. The others are what most probably improves on the best
    loss by a certain step within a certain number of epochs: by the same model of learning curves,
    the same step and the same number as the decision of the scheduler that a new trial begins.

    Args:
        max_epochs: that of the scheduler.
        seed: of the quasi-random points. Default: the seed of the search.

    Raises:
        TypeError: `max_epochs` is not a whole number.
        ValueError: an argument is out of range.

    Example:
        >>> from kerastune_lite.oracles import FreezeThawOracle
        >>> FreezeThawOracle(max_epochs=27).settings()
        {'type': 'FreezeThawOracle', 'max_epochs': 27, 'seed': None}
    """

    unseen = "start"
    reads_curves = True

    def __init__(self, max_epochs: int = 100, seed: int | None = None) -> None:
        self.max_epochs = whole_number("max_epochs", max_epochs, 1)
        self.seed = checked_seed(seed)
        self._scrambling = self.seed or 0

    def seeded(self, seed: int) -> Oracle:
        return self if self.seed is not None else with_scrambling(self, seed)

    def settings(self) -> dict[str, Value]:
        return {**super().settings(), "max_epochs": self.max_epochs, "seed": self.seed}

    @one_thread()
    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        points = self._points(space, history, rng)
        return draw_distinct(history.visited, count, lambda: next(points, None))

    def _points(
        self, space: Space, history: TrialHistory, rng: np.random.Generator
    ) -> Iterator[dict[str, Value]]:
        """Points in the order of proposal, each untried when it is yielded."""
        encoding, model = encoding_of(space), None
        if len(history) >= _INITIAL and encoding.axes:
            model = curve_model(history, encoding, pauses(self.max_epochs))
        slot = 0
        while True:
            point = self._promising(model, history, slot, rng)
            if point is None and len(history) + slot < _INITIAL:
                start = space.start()
                point = start if start not in history.visited else None
            if point is None:
                # The sequence is that of a search without former projects.
                place = len(history) - history.from_former + slot
                point = untried_point(space, history.visited, place, self._scrambling, rng)
            if point is None:
                return
            slot += 1
            yield point

    def _promising(
        self,
        model: CurveModel | None,
        history: TrialHistory,
        slot: int,
        rng: np.random.Generator,
    ) -> dict[str, Value] | None:
        """An untried point by the model; None without one, or if the best were all tried."""
        if model is None:
            return None
        hope = hope_of(history, slot, self.max_epochs)
        units = model.of_new(hope, rng)[0]
        points = map(model.encoding.values, units[:_LOOKED_AT])
        return next((point for point in points if point not in history.visited), None)
