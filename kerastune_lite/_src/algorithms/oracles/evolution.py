"""Evolutionary search: selection, crossover, mutation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle, draw_distinct, drawn_untried
from kerastune_lite._src.algorithms.oracles.sobol import (
    checked_seed,
    untried_point,
    with_scrambling,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Domain, Value, same
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.public import public

Values = Mapping[str, Value]

_PARENTS = 2
_BIRTHS = 32
"""How many children may repeat earlier trials before the untried points are searched."""

_SHORT, _LONG = 0.02, 0.3
"""The range of the standard deviation of a mutation, relative to the domain: small steps refine,
large steps explore."""

_DOUBLINGS = 20
"""How often a step is doubled that is too short to change the value."""

_BEYOND = 0.25
"""How far a child may lie outside its parents, relative to their distance (alpha of BLX-alpha)."""


@public("kerastune_lite.oracles")
class EvolutionaryOracle(Oracle):
    """Evolutionary search: a steady-state (mu + 1) genetic algorithm.

    The first point is the start: the defaults that the user gave, and the middle of all other
    ranges. The next ones are quasi-random, until there is a population. All further points are
    children:

    - Selection: the population is the best trials of all. Each of two parents is the best of a few
      that are drawn from it (a tournament).
    - Crossover: a child's numbers lie between those of its parents or slightly outside (BLX-alpha,
      Eshelman and Schaffer, 1993); each other value is that of one parent. In a conditional space,
      a value that only one parent has is taken from it, and one that neither has is drawn.
    - Mutation: at least one value takes a step on the scale of its domain, or, if the domain has no
      order, is replaced.

    With several objectives the population is that of NSGA-II (Deb et al., 2002): the trials that no
    other one dominates come first, then those that only these dominate, and so on; of the last
    front that fits, the least crowded. Trials that violate a constraint come after all others.

    No point is tried twice. Trials of different numbers of epochs compete with their best losses.

    Args:
        population_size: the number of possible parents, and of trials before the first child,
            including the start.
        tournament_size: the number of trials in a tournament; larger is greedier.
        mutation_prob: the probability that a value is mutated. Default: 1 / number of values.
        seed: of the quasi-random points. Default: the seed of the search.

    Raises:
        ValueError: an argument is invalid.

    Example:
        >>> from kerastune_lite.oracles import EvolutionaryOracle
        >>> EvolutionaryOracle(population_size=10).settings()["tournament_size"]
        8
    """

    unseen = "start"

    def __init__(
        self,
        population_size: int = 16,
        tournament_size: int = 8,
        mutation_prob: float | None = None,
        seed: int | None = None,
    ) -> None:
        self.population_size = _count("population_size", population_size, 2)
        self.tournament_size = _count("tournament_size", tournament_size, 1)
        self.mutation_prob = None if mutation_prob is None else _probability(mutation_prob)
        self.seed = checked_seed(seed)
        self._scrambling = self.seed or 0

    def seeded(self, seed: int) -> Oracle:
        return self if self.seed is not None else with_scrambling(self, seed)

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "population_size": self.population_size,
            "tournament_size": self.tournament_size,
            "mutation_prob": self.mutation_prob,
            "seed": self.seed,
        }

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        population = history.most_spread(self.population_size)
        numbers = iter(range(len(history), len(history) + count))

        def draw() -> dict[str, Value] | None:
            number = next(numbers)
            if number < self.population_size or len(population) < _PARENTS:
                return self._founder(space, history, number, rng)
            return self._untried_child(space, history, population, rng)

        return draw_distinct(history.visited, count, draw)

    def _founder(
        self, space: Space, history: TrialHistory, number: int, rng: np.random.Generator
    ) -> dict[str, Value] | None:
        start = space.start()
        if start not in history.visited:
            return start
        return untried_point(space, history.visited, number, self._scrambling, rng)

    def _untried_child(
        self,
        space: Space,
        history: TrialHistory,
        population: Sequence[Trial],
        rng: np.random.Generator,
    ) -> dict[str, Value] | None:
        for _ in range(_BIRTHS):
            parents = self._parents(population, rng)
            child = self._child(space, [parent.values for parent in parents], rng)
            if child not in history.visited:
                return child
        return next(drawn_untried(space, history.visited, rng, _BIRTHS), None)

    def _parents(self, population: Sequence[Trial], rng: np.random.Generator) -> list[Trial]:
        """Two trials of the population, which is sorted from the best on."""
        first = self._winner(population, rng)
        others = [trial for trial in population if trial is not first]
        return [first, self._winner(others, rng)]

    def _winner(self, trials: Sequence[Trial], rng: np.random.Generator) -> Trial:
        return trials[int(rng.integers(len(trials), size=self.tournament_size).min())]

    def _child(
        self, space: Space, parents: Sequence[Values], rng: np.random.Generator
    ) -> dict[str, Value]:
        asked = space.walk(lambda parameter: _bred(parameter, parents[:1], rng))
        # A parameter with a single value cannot be mutated.
        names = [n for n in asked if any(p.domain.cardinality != 1 for p in space.named(n))]
        probability = 1 / max(1, len(names)) if self.mutation_prob is None else self.mutation_prob
        sure = names[rng.integers(len(names))] if names else None

        def choose(parameter: Parameter) -> Value:
            value = _bred(parameter, parents, rng)
            if parameter.name == sure or rng.random() < probability:
                return mutated(parameter.domain, value, rng)
            return value

        return space.walk(choose)


def _bred(parameter: Parameter, parents: Sequence[Values], rng: np.random.Generator) -> Value:
    """A value from the parents; a random one if they have none that is in the domain."""
    domain, name = parameter.domain, parameter.name
    # The domain may have changed since the parents were trained.
    known = [p[name] for p in parents if name in p and domain.contains(p[name])]
    if not known:
        return domain.sample(rng)
    if not _has_order(domain) or same(known[0], known[-1]):
        return known[int(rng.integers(len(known)))]
    one, other = map(domain.to_unit, known)
    unit = one + rng.uniform(-_BEYOND, 1.0 + _BEYOND) * (other - one)
    return domain.from_unit(min(max(unit, 0.0), 1.0))


def mutated(domain: Domain, value: Value, rng: np.random.Generator) -> Value:
    """Another value of a domain, near `value` if there is an order."""
    if domain.cardinality == 1:
        return value
    if not _has_order(domain):
        others = [other for other in domain.members() or () if not same(other, value)]
        return others[int(rng.integers(len(others)))]
    unit = domain.to_unit(value)
    step = _SHORT * (_LONG / _SHORT) ** rng.random() * rng.standard_normal()
    for _ in range(_DOUBLINGS):
        for there in (unit + step, unit - step):
            found = domain.from_unit(_reflected(there))
            if not same(found, value):
                return found
        step *= 2.0
    return value


def _has_order(domain: Domain) -> bool:
    return domain.ordered is True if isinstance(domain, Choice) else not isinstance(domain, Boolean)


def _reflected(unit: float) -> float:
    """A number in [0, 1]: numbers outside are reflected at the ends."""
    unit = abs(unit) % 2.0
    return 2.0 - unit if unit > 1.0 else unit


def _count(name: str, number: int, least: int) -> int:
    is_whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not is_whole or number < least:
        raise ValueError(
            f"`{name}` must be a whole number of at least {least}. Received: {number!r}."
        )
    return int(number)


def _probability(number: float) -> float:
    is_number = isinstance(number, (int, float, np.number)) and not isinstance(number, bool)
    if not is_number or not 0.0 <= number <= 1.0:
        raise ValueError(f"`mutation_prob` must be from 0 to 1, or None. Received: {number!r}.")
    return float(number)
