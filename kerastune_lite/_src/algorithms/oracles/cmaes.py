"""Evolution strategy with a covariance matrix, for numbers (CMA-ES with margin)."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import operator
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastune_lite._src.algorithms.oracles.numeric_axes import NumericAxis, numeric_axes
from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct, drawn_untried
from kerastune_lite._src.algorithms.oracles.sobol import checked_seed, with_scrambling
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value, same
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.threads import one_thread

PIP = 'pip install "kerastune_lite[cmaes]"'

Array = npt.NDArray[np.float64]

_DRAWS = 16
"""How many points are drawn for a trial: the first untried one is proposed."""

_CONVERGED = 1e-3
"""A generation whose points lie so close together, relative to their domains, is the last one."""

_ROUNDING = 1e-9
"""Positions that are nearer to one another are equal."""

_LEAST_SIZE = 4
"""The smallest generation that has something to learn from."""

_LEAST_ELITE, _ELITE_PART = 3, 5
"""A fifth of all trials, but at least three, say how often a value without order is drawn."""

_KEPT_SEARCHES = 4
"""Enough for several alternating searches."""


@public("kerastune_lite.oracles")
class CMAESOracle(Oracle):
    """CMA-ES with margin: a normal distribution that moves to where the losses are small.

    Each generation of trials moves its mean and adapts its covariance matrix (Hansen and
    Ostermeier, 2001). A margin keeps whole numbers and other steps from being stuck at one value
    (Hamano and others, 2022). When it has converged, it starts again at a random place, with twice
    as many trials in a generation (Auger and Hansen, 2005). For numbers, and hundreds of trials.

    - The first point is the start: the defaults that the user gave, and the middle of all other
      ranges. Failed trials are the worst of their generation.
    - A trial that starts before the latest generation has ended is drawn from the one before.
    - If the search begins with points that were enqueued, the first mean is the best of them. Other
      points that were not drawn (enqueued later, or of a smaller space) count as the nearest point
      that the distribution reaches.
    - Inactive hyperparameters are not moved. A value without order, such as the name of an
      activation, is drawn as often as the best trials have it.

    With several objectives the order of a generation is that of their fronts; trials that violate a
    constraint are behind. No point is tried twice. Trials of different numbers of epochs compete
    with their best losses.

    Args:
        population_size: the number of trials in a generation. Default: 4 + 3 ln(number of numeric
            hyperparameters).
        sigma: the standard deviation at the beginning, relative to the domains.
        seed: of the draws. Default: the seed of the search.

    Raises:
        ImportError: the package cmaes is not installed.
        ValueError: an argument is invalid.

    Example:
        >>> from kerastune_lite.oracles import CMAESOracle
        >>> CMAESOracle(population_size=12).settings()["sigma"]
        0.2
    """

    unseen = "sample"

    def __init__(
        self, population_size: int | None = None, sigma: float = 0.2, seed: int | None = None
    ) -> None:
        load_cmaes()
        self.population_size = None if population_size is None else _size(population_size)
        self.sigma = _deviation(sigma)
        self.seed = checked_seed(seed)
        self._scrambling = self.seed or 0
        # The first generations of the latest searches; each leads to those that followed.
        self._first: OrderedDict[_Start, _Generation] = OrderedDict()

    def seeded(self, seed: int) -> Oracle:
        return self if self.seed is not None else with_scrambling(self, seed)

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "population_size": self.population_size,
            "sigma": self.sigma,
            "seed": self.seed,
        }

    @one_thread()
    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        axes = numeric_axes(space)
        generation = self._latest(axes, history) if axes else None
        early = generation is None or generation.is_first
        elite = history.most_spread(max(_LEAST_ELITE, len(history) // _ELITE_PART))
        numbers = iter(range(len(history), len(history) + count))

        def draw() -> dict[str, Value] | None:
            number = next(numbers)
            if early and (start := space.start()) not in history.visited:
                return start
            for attempt in range(_DRAWS):
                units = generation.drawn(number, attempt + 1).units[attempt] if generation else ()
                point = _point(space, dict(zip(axes, units)), elite, rng)
                if point not in history.visited:
                    return point
            return next(drawn_untried(space, history.visited, rng, _DRAWS), None)

        return draw_distinct(history.visited, count, draw)

    def _latest(self, axes: tuple[NumericAxis, ...], history: TrialHistory) -> _Generation:
        """The generation after all those whose trials have ended."""
        given = [*itertools.takewhile(lambda trial: trial.origin != "oracle", history)]
        start = _Start(
            axes,
            self.population_size,
            self.sigma,
            self._scrambling,
            mean=_middle(axes, given),
            begin=len(given),
        )
        if start not in self._first:
            self._first[start] = start.generation()
            if len(self._first) > _KEPT_SEARCHES:
                self._first.popitem(last=False)
        self._first.move_to_end(start)
        generation = self._first[start]
        while True:
            trials = history[generation.begin : generation.begin + generation.size]
            running = any(trial.status is TrialStatus.RUNNING for trial in trials)
            if len(trials) < generation.size or running:
                return generation
            generation = generation.followed(trials)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_first": OrderedDict()}


def load_cmaes() -> Any:
    """The package cmaes.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import cmaes
    except ImportError as error:
        raise ImportError(f"CMAESOracle needs cmaes. Install it with: {PIP}") from error
    return cmaes


# ---------------------------------------------------------------------- generations


@dataclasses.dataclass(frozen=True)
class _Draws:
    """What was drawn for a trial, `(n, d)` each: positions in [0, 1], and what is told."""

    units: Array
    told: Array


@dataclasses.dataclass(frozen=True)
class _Start:
    """The settings of a search, and how often it has started again.

    Attributes:
        begin: the number of the first trial.
    """

    axes: tuple[NumericAxis, ...]
    size: int | None
    sigma: float
    seed: int
    mean: tuple[float, ...]
    begin: int
    restarts: int = 0

    def generation(self) -> _Generation:
        """The first generation."""
        dimensions = len(self.axes)
        optimizer = load_cmaes().CMAwM(
            mean=np.array(self.mean),
            sigma=self.sigma,
            bounds=np.tile([0.0, 1.0], (dimensions, 1)),
            steps=np.array([axis.step for axis in self.axes]),
            population_size=self.size,
        )
        return _Generation(self, optimizer, self.begin)

    def again(self, begin: int, size: int) -> _Start:
        """The next start, at trial `begin`, after generations of `size` trials."""
        restarts = self.restarts + 1
        mean = np.random.default_rng([self.seed, restarts]).random(len(self.axes))
        return dataclasses.replace(
            self, mean=tuple(mean.tolist()), begin=begin, size=2 * size, restarts=restarts
        )


@dataclasses.dataclass(frozen=True)
class _Next:
    """The generation that follows one, and what decided it.

    Attributes:
        trials: in the order of their numbers.
        told: their points, `(n, d)`, the best first.
        scored: how many of them had a score.
    """

    trials: tuple[Trial, ...]
    told: Array
    scored: int
    generation: _Generation


class _Generation:
    """A distribution, and the trials that decide what the next one is.

    Attributes:
        begin: the number of the first of these trials.
        size: how many there are.
    """

    def __init__(self, start: _Start, optimizer: Any, begin: int) -> None:
        self.begin = begin
        self.size: int = optimizer.population_size
        self._start = start
        self._optimizer = optimizer
        self._steps = np.array([axis.step for axis in start.axes])
        self._drawn: dict[int, _Draws] = {}
        self._next: _Next | None = None

    @property
    def is_first(self) -> bool:
        """Whether no generation of the search has ended."""
        return self.begin == self._start.begin and not self._start.restarts

    def drawn(self, number: int, count: int) -> _Draws:
        """At least `count` draws for a trial; they depend on its number, not on earlier draws."""
        known = self._drawn.get(number)
        if known is None or len(known.units) < count:
            seeds = np.random.SeedSequence([self._start.seed, number]).generate_state(1)
            self._optimizer.reseed_rng(int(seeds[0]))
            units, told = map(np.array, zip(*(self._optimizer.ask() for _ in range(count))))
            known = self._drawn[number] = _Draws(units, told)
        return known

    def followed(self, trials: Sequence[Trial]) -> _Generation:
        """The next generation, after `trials`, which have all ended."""
        known = self._next
        if known is not None and all(map(operator.is_, trials, known.trials)):
            return known.generation
        ranking = best_first(trials)
        scored = {trial.number for trial in ranking}
        points = [*ranking, *(trial for trial in trials if trial.number not in scored)]
        told = np.array([self._told(trial) for trial in points])
        if known is not None and np.array_equal(known.told, told) and known.scored == len(scored):
            following = known.generation
        else:
            following = self._after(told) if scored else self._unmoved()
        self._next = _Next(tuple(trials), told, len(scored), following)
        return following

    def _unmoved(self) -> _Generation:
        """The same distribution, for other trials."""
        return _Generation(self._start, self._optimizer, self.begin + self.size)

    def _after(self, points: Array) -> _Generation:
        """The next generation, after these points, `(size, d)`, the best first."""
        begin = self.begin + self.size
        optimizer = copy.deepcopy(self._optimizer)
        # Only their order counts in CMA-ES; it has no place for several objectives.
        optimizer.tell([(point, float(place)) for place, point in enumerate(points)])
        free = self._steps == 0.0
        converged = free.any() and np.ptp(points[:, free], axis=0).max() < _CONVERGED
        if converged or optimizer.should_stop():
            return self._start.again(begin, self.size).generation()
        return _Generation(self._start, optimizer, begin)

    def _told(self, trial: Trial) -> Array:
        """The point of a trial as it was drawn; if it was not, the nearest one in reach."""
        there = np.array([axis.place(trial.values) for axis in self._start.axes])
        for count in (1, _DRAWS):
            draws = self.drawn(trial.number, count)
            far = np.nan_to_num(np.abs(self._snapped(draws.units) - there))
            nearest = far.sum(axis=1).argmin()
            if far[nearest].max() <= _ROUNDING:
                return draws.told[nearest]
        low, high = draws.told.min(axis=0), draws.told.max(axis=0)
        moved = (far[nearest] > _ROUNDING) & (self._steps == 0.0)
        return np.where(moved, np.clip(there, low, high), draws.told[nearest])

    def _snapped(self, units: Array) -> Array:
        """The positions of the values at these positions, `(n, d)`."""
        axes = self._start.axes
        return np.array([[axis.snapped(unit) for axis, unit in zip(axes, row)] for row in units])


def _middle(axes: Sequence[NumericAxis], trials: Sequence[Trial]) -> tuple[float, ...]:
    """The place of the best of these trials; the middle of the space if none has a score."""
    best = best_first(trials)
    values = best[0].values if best else {}
    places = np.nan_to_num([axis.place(values) for axis in axes], nan=0.5)
    return tuple(places.clip(0.0, 1.0).tolist())


# ---------------------------------------------------------------------- points


def _point(
    space: Space,
    units: Mapping[NumericAxis, float],
    elite: Sequence[Trial],
    rng: np.random.Generator,
) -> dict[str, Value]:
    """A point with these positions; the other values are drawn."""
    numeric = {axis.parameter.identity: axis.value(unit) for axis, unit in units.items()}

    def choose(parameter: Parameter) -> Value:
        if parameter.identity in numeric:
            return numeric[parameter.identity]
        return _as_often(parameter, elite, rng)

    return space.walk(choose)


def _as_often(parameter: Parameter, elite: Sequence[Trial], rng: np.random.Generator) -> Value:
    """A value of a domain without order, drawn as often as the best trials have it."""
    members = parameter.domain.members() or [parameter.default]
    found = [trial.values[parameter.name] for trial in elite if parameter.name in trial.values]
    # One more trial for each value, so that none is lost.
    counts = [1 + sum(same(value, each) for each in found) for value in members]
    return members[int(rng.choice(len(members), p=np.array(counts) / sum(counts)))]


def _size(number: Any) -> int:
    is_whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not is_whole or number < _LEAST_SIZE:
        raise ValueError(
            f"`population_size` must be a whole number of at least {_LEAST_SIZE}, or None. "
            f"Received: {number!r}."
        )
    return int(number)


def _deviation(number: Any) -> float:
    is_number = isinstance(number, (int, float, np.number)) and not isinstance(number, bool)
    if not is_number or not 0.0 < number <= 1.0:
        raise ValueError(f"`sigma` must be above 0 and at most 1. Received: {number!r}.")
    return float(number)
