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
    log_probability_of_feasibility,
)
from kerastune_lite._src.algorithms.oracles.gp.belief import Belief
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, encoding_of
from kerastune_lite._src.algorithms.oracles.gp.learning import Learned, learned
from kerastune_lite._src.algorithms.oracles.gp.merit import Merit, MeritOfOne, MeritOfTwo
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior, Priors, fitted
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

_SOBOL_POINTS = 4
"""More are worse at the beginning of a search, and no better after 25 trials and later."""
_SIGNAL = (1.0, 1.0)
"""The prior of the logarithm of the variance: more than that of the few trials so far."""
_LEAST = 3
"""The smallest number of results for a model."""
_TRUSTED = 0.5
"""The trust in former projects from which on the model is used before there are enough results."""
_KEPT_FITS = 16
"""Enough for a batch, for objectives and constraints, and for several alternating searches."""
_LOOKED_AT = 64
"""How many of the most promising points are searched for an untried one."""
_LEFT = 16
"""How many of the last untried points of a finite space are compared."""
_COMBINED_EVERY = 3
"""One in this many proposals combines two objectives, if each of them has a process."""


@public("kerastune_lite.oracles")
class BayesianOracle(Oracle):
    """Bayesian optimisation with a Gaussian process.

    The first point is the start: the defaults that the user gave, and the middle of all other
    ranges. The next ones are quasi-random. The others maximise the logarithm of expected
    improvement (Ament and others, 2023, eq. 9), or a confidence bound (Cox and John, 1992). Running
    trials count with the losses that the model expects (Ginsbourger and others, 2010, "kriging
    believer"), failed trials with the worst loss. Trials of different numbers of epochs are all
    used, with the training time as an input of the model.

    Two objectives have a process each, and two of three proposals maximise the logarithm of the
    expected hypervolume improvement of the front (Emmerich and others, 2011), up to a tenth of its
    range beyond its ends. For the third proposal, and for all if there are more objectives or a
    `beta`, the objectives are combined with weights that are drawn anew (Knowles, 2006, "ParEGO").
    Each constraint has a process of its own; the logarithm of the probability that it is satisfied
    is added to that of the expected improvement (Gardner and others, 2014), and counts alone while
    no trial satisfies all of them.

    What you believe of the best values (`kerastune_lite.prior`) is the first point. Every other one
    of the quasi-random points follows it, and the logarithm of its density is added to that of the
    expected improvement, less with each trial (Hvarfner and others, 2022, "piBO").

    What the search remembers of former projects is the prior mean of the process, weighted by ranks
    (Feurer and others, 2018), as long as it agrees with the new results (docs/warm_start.md).

    Args:
        num_initial_points: the number of trials before the model is used, including the start.
            Default: 5.
        alpha: the variance of the noise, relative to that of the losses. Default: learned.
        beta: the weight of the uncertainty in the confidence bound, mean - beta x standard
            deviation. Default: none, expected improvement is used.
        seed: of the quasi-random points. Default: the seed of the search.
        batch: how many trials to propose at once if they can be trained in one stack; they differ
            only in floating-point numbers, and do not learn from each other. It saves time if a
            trial in a stack takes less than a third of its time alone; on a CPU it does not
            (docs/choosing.md).

    Raises:
        ValueError: an argument is invalid.

    Example:
        >>> from kerastune_lite.oracles import BayesianOracle
        >>> BayesianOracle(num_initial_points=4, beta=2.6).num_initial_points
        4
    """

    unseen = "start"
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
        # The latest fits, by their data.
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
        """Points that differ from `point` only in floats, the most promising first."""
        encoding = encoding_of(space)
        held = encoding.units(point)[0].copy()
        for i, axis in enumerate(encoding.axes):
            if type(point.get(axis.parameter.name)) is float:
                held[i] = np.nan
        if not np.isnan(held).any():
            return
        # As for `point` itself, which is now in the history.
        early = len(history) <= (self.num_initial_points or 1 + _SOBOL_POINTS)
        model = None if early else self._learned(history, encoding, len(history) - 1, rng)
        pending: list[Array] = []
        while True:
            if model is None:
                units = np.where(np.isnan(held), rng.random((_LOOKED_AT, len(held))), held)
                units = encoding.snapped(units)
            else:
                surface, leaders = self._surface(encoding, model, pending, len(history), held)
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
        """Points in the order of proposal, each untried when it is yielded."""
        visited, number = history.visited, len(history)
        # The sequence is that of a search without former projects.
        place = number - history.from_former
        initial = self.num_initial_points or 1 + _SOBOL_POINTS
        encoding = encoding_of(space)
        model: Learned | None = None
        pending: list[Array] = []
        while True:
            point: dict[str, Value] | None = None
            early = number < initial or not encoding.axes
            if early:
                start = space.start()
                point = start if start not in visited else None
            if model is None and encoding.axes and (history.former or not early):
                model = self._learned(history, encoding, number, rng)
            certain = model is not None and (not early or model.trust >= _TRUSTED)
            if point is None and model is not None and certain:
                surface, leaders = self._surface(encoding, model, pending, number)
                point = _best(space, visited, surface, leaders, rng)
                if point is None:
                    return
                if model.changes:
                    model = None
            if point is None:
                point = untried_point(space, visited, place, self._scrambling, rng)
            if point is None:
                return
            pending.append(encoding.units(point)[0])
            number, place = number + 1, place + 1
            yield point

    def _learned(
        self, history: TrialHistory, encoding: Encoding, number: int, rng: np.random.Generator
    ) -> Learned | None:
        """What is known for the proposal of the trial `number`."""
        # If one point dominates all others, hypervolume is improved most surely next to it, and a
        # search for it alone stays there. Weights lead to the ends of the front.
        combined = number % _COMBINED_EVERY == _COMBINED_EVERY - 1
        # A confidence bound is that of one loss.
        as_one = combined or self.beta is not None
        return learned(history, encoding, self._theta, _LEAST, rng, as_one)

    def _surface(
        self,
        encoding: Encoding,
        model: Learned,
        pending: list[Array],
        number: int,
        held: Array | None = None,
    ) -> tuple[Surface, Array]:
        """The surface given the points of this batch, and the units of the best trials.

        Args:
            number: of trials before the next one.
        """
        taken = model.pending(pending)
        posteriors, front = model.believing(taken)
        merits: list[Merit] = []
        # While no trial satisfies the constraints, that alone is searched for.
        if model.is_allowed:
            merits.append(self._merit(posteriors, front, model.reference))
        merits += [MeritOfOne(limit, log_probability_of_feasibility) for limit in model.limits]
        belief = Belief(encoding, number) if encoding.has_priors else None
        surface = Surface(encoding, model.rules, merits, model.timed, taken, held, belief)
        return surface, model.leaders

    def _merit(self, posteriors: tuple[Posterior, ...], front: Array, reference: Array) -> Merit:
        """What proposals improve on `front`, if constraints are left aside."""
        if len(posteriors) == 2:
            return MeritOfTwo(posteriors, front, reference)
        acquisition = (
            functools.partial(log_expected_improvement, best=float(front.min()))
            if self.beta is None
            else functools.partial(confidence_bound, beta=self.beta)
        )
        return MeritOfOne(posteriors[0], acquisition)

    def _theta(self, data: Data) -> Array:
        """The settings of the process for these data."""
        key = data.key()
        if key not in self._fits:
            self._fits[key] = fitted(data, Priors(signal=_SIGNAL, fixed_noise=self.alpha))
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
    rng: np.random.Generator,
) -> dict[str, Value] | None:
    """The most promising untried point; None if all were tried."""
    units = surface.not_taken(surface.best(leaders, rng))
    for row in units[:_LOOKED_AT]:
        point = surface.encoding.values(row)
        if point not in visited:
            return point
    # Nearly exhausted: compare some of the untried points.
    left = list(drawn_untried(space, visited, rng, _LEFT))
    if not left:
        return None
    merit = surface.merit(np.array([surface.encoding.units(point)[0] for point in left]))
    return left[int(np.argmax(merit))]
