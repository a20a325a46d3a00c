"""Bayesian optimisation with a Gaussian process."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.acquisition import (
    confidence_bound,
    log_expected_improvement,
)
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, encoding_of
from kerastune_lite._src.algorithms.oracles.gp.learning import Learned, learned
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Priors, fitted
from kerastune_lite._src.algorithms.oracles.gp.surface import Surface
from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct, drawn_untried
from kerastune_lite._src.algorithms.oracles.sobol import (
    checked_seed,
    untried_point,
    with_scrambling,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.threads import one_thread

_SOBOL_POINTS = 7
"""With fewer, searches of six and more parameters end worse; with more, they begin worse."""
_LEAST = 3
"""So many results there must be before a model is made."""
_KEPT_FITS = 8
"""Enough for a batch, and for several searches that take turns."""
_LOOKED_AT = 64
"""How many of the most promising points are looked at for one that was not tried."""
_LEFT = 16
"""How many of the last untried points of a finite space are compared."""
_DRAWS_FROM = 30
"""From this trial on some proposals are the best points of a draw of the function,"""
_DRAWS_EVERY = 3
"""one in so many."""


@public("kerastune_lite.oracles")
class BayesianOracle(Oracle):
    """Proposes where a Gaussian process, made from all trials so far, promises most.

    The space's defaults come first, then quasi-random points, then the model's. Trials that are
    running count with what the model expects of them, so that several workers do not crowd at one
    place; failed trials count with the worst loss, so that their like is avoided. Where trials were
    trained for different numbers of epochs, all of them enter, each at the epochs it was trained
    for.

    Args:
        num_initial_points: how many trials come before the model, the defaults included.
            Default: 8.
        alpha: the variance of the noise, as a share of that of the losses. Default: learned.
        beta: weight of the uncertainty; what is minimised is then mean - beta x deviation.
            Default: none, expected improvement is maximised.
        seed: of the quasi-random points' scrambling. Default: the search's.
        batch: propose so many trials at once, where they can be trained side by side; they differ
            in fractions alone, and do not learn from one another. It pays where a trial of a stack
            costs less than about a third of one alone; on a processor it does not
            (docs/choosing.md).

    Raises:
        ValueError: an argument is invalid.
    """

    reads_curves = True

    def __init__(
        self,
        num_initial_points: int | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        seed: int | None = None,
        batch: int = 1,
    ) -> None:
        counts = {"batch": batch}
        if num_initial_points is not None:
            counts["num_initial_points"] = num_initial_points
        for name, count in counts.items():
            if not _is_count(count):
                raise ValueError(
                    f"`{name}` must be a whole number of at least 1. Received: {count!r}."
                )
        for name, number in (("alpha", alpha), ("beta", beta)):
            if number is not None and not _is_amount(number):
                raise ValueError(f"`{name}` must be a number of at least 0. Received: {number!r}.")
        self.num_initial_points = None if num_initial_points is None else int(num_initial_points)
        self.alpha = None if alpha is None else float(alpha)
        self.beta = None if beta is None else float(beta)
        self.seed = checked_seed(seed)
        self.batch = int(batch)
        self._scrambling = self.seed or 0
        # The fits that were made last; they are found again from the same data.
        self._fits: OrderedDict[tuple[bytes, ...], Array] = OrderedDict()

    def seeded(self, seed: int) -> Oracle:
        return self if self.seed is not None else with_scrambling(self, seed)

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "num_initial_points": self.num_initial_points,
            "alpha": self.alpha,
            "beta": self.beta,
            "seed": self.seed,
            **({"batch": self.batch} if self.batch > 1 else {}),
        }

    @one_thread()
    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        points = self._points(space, history, rng)
        return draw_distinct(history.visited, count, lambda: next(points, None))

    @one_thread()
    def propose_alike(
        self,
        space: Space,
        history: TrialHistory,
        point: Mapping[str, Value],
        count: int,
        rng: np.random.Generator,
    ) -> list[dict[str, Value]]:
        points = self._alike(space, history, point, rng)
        return draw_distinct(history.visited, count, lambda: next(points, None))

    def _alike(
        self,
        space: Space,
        history: TrialHistory,
        point: Mapping[str, Value],
        rng: np.random.Generator,
    ) -> Iterator[dict[str, Value]]:
        """Points that differ from `point` in fractions alone, the most promising first."""
        encoding = encoding_of(space)
        held = encoding.units(point)[0].copy()
        for i, axis in enumerate(encoding.axes):
            if type(point.get(axis.parameter.name)) is float:
                held[i] = np.nan
        if not np.isnan(held).any():
            return
        # As for the point itself, which is in the history now.
        early = len(history) <= (self.num_initial_points or 1 + _SOBOL_POINTS)
        model = None if early else learned(history, encoding, self._theta, _LEAST)
        pending: list[Array] = []
        while True:
            if model is None:
                units = np.where(np.isnan(held), rng.random((_LOOKED_AT, len(held))), held)
                units = encoding.snapped(units)
            else:
                surface, leaders = self._surface(encoding, model, pending, held)
                units = surface.not_taken(surface.best(leaders, rng))[:_LOOKED_AT]
            values = map(encoding.values, units)
            found = next((each for each in values if each not in history.visited), None)
            if found is None:
                return
            pending.append(encoding.units(found)[0])
            yield found

    def _points(
        self, space: Space, history: TrialHistory, rng: np.random.Generator
    ) -> Iterator[dict[str, Value]]:
        """Points in the order of proposal, each untried when it is asked for."""
        visited, number = history.visited, len(history)
        initial = self.num_initial_points or 1 + _SOBOL_POINTS
        encoding = encoding_of(space)
        model: Learned | None = None
        pending: list[Array] = []
        while True:
            point: dict[str, Value] | None = None
            if number < initial or not encoding.axes:
                defaults = space.defaults()
                point = defaults if defaults not in visited else None
            elif model is None:
                model = learned(history, encoding, self._theta, _LEAST)
            if point is None and model is not None:
                surface, leaders = self._surface(encoding, model, pending)
                point = _best(space, visited, surface, leaders, number, self.beta, rng)
                if point is None:
                    return
            if point is None:
                point = untried_point(space, visited, number, self._scrambling, rng)
            if point is None:
                return
            pending.append(encoding.units(point)[0])
            number += 1
            yield point

    def _surface(
        self,
        encoding: Encoding,
        model: Learned,
        pending: list[Array],
        held: Array | None = None,
    ) -> tuple[Surface, Array]:
        """The surface after the points of this batch, and the best trials' units."""
        taken = model.pending(pending)
        posterior, best = model.posterior(taken)
        acquisition = (
            functools.partial(log_expected_improvement, best=best)
            if self.beta is None
            else functools.partial(confidence_bound, beta=self.beta)
        )
        surface = Surface(encoding, model.rules, posterior, model.timed, taken, acquisition, held)
        return surface, model.leaders

    def _theta(self, data: Data) -> Array:
        """The settings of the process for these data."""
        key = data.key()
        if key not in self._fits:
            self._fits[key] = fitted(data, Priors(fixed_noise=self.alpha))
            if len(self._fits) > _KEPT_FITS:
                self._fits.popitem(last=False)
        self._fits.move_to_end(key)
        return self._fits[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_fits": OrderedDict()}


def _is_count(number: Any) -> bool:
    """Whether it is a whole number of at least 1."""
    is_number = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    return is_number and number >= 1


def _is_amount(number: Any) -> bool:
    """Whether it is a finite number of at least 0."""
    is_number = isinstance(number, (int, float, np.number)) and not isinstance(number, bool)
    return is_number and 0.0 <= float(number) < float("inf")


def _best(
    space: Space,
    visited: Visited,
    surface: Surface,
    leaders: Array,
    number: int,
    beta: float | None,
    rng: np.random.Generator,
) -> dict[str, Value] | None:
    """The most promising untried point; None if all were tried."""
    # Expected improvement trusts the model; where the model is wrong it stays at one place. A draw
    # of the function now and then leaves it.
    draws = beta is None and number >= _DRAWS_FROM and number % _DRAWS_EVERY == 0
    units = surface.drawn(leaders, rng) if draws else surface.best(leaders, rng)
    units = surface.not_taken(units)
    for row in units[:_LOOKED_AT]:
        point = surface.encoding.values(row)
        if point not in visited:
            return point
    # Nearly exhausted: compare some of the points that nobody has tried.
    left = list(drawn_untried(space, visited, rng, _LEFT))
    if not left:
        return None
    acquired = surface.acquired(np.array([surface.encoding.units(point)[0] for point in left]))
    return left[int(np.argmax(acquired))]
