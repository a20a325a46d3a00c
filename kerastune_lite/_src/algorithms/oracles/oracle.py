"""The protocol of an oracle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.public import public


@public("kerastune_lite.oracles")
class Oracle(ABC):
    """Proposes what to try next: a function of the space, the trials so far, and a generator.

    It has settings and no state of its own, so a search that died goes on as if it had not.
    """

    unseen: ClassVar[str] = "default"
    """The value of a parameter that a builder asks for and the space does not hold yet: its
    "default", a "sample" drawn from the trial's seed, or the "first" point of its grid."""

    learns: ClassVar[bool] = True
    """Whether the results of trials, other than which points were tried, enter into proposals."""

    reads_curves: ClassVar[bool] = False
    """Whether it looks at `history.curve`, the losses of trials epoch by epoch."""

    batch: int = 1
    """If it learns: how many trials it proposes at once where they can be trained side by side."""

    @abstractmethod
    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        """Up to `count` points, each with a value for every parameter that is active in it.

        None of them is in `history.visited`, and no two of them are the same. Fewer than `count`
        when no more are left: none at all means that the space is exhausted, if no trial is
        running that could still let it grow.

        Args:
            space: as known now.
            history: all trials, running ones included.
            count: at least 1.
            rng: derived from the search's seed and the number of the next trial.
        """

    def propose_alike(
        self,
        space: Space,
        history: TrialHistory,
        point: Mapping[str, Value],
        count: int,
        rng: np.random.Generator,
    ) -> list[dict[str, Value]]:
        """Up to `count` points that might be trained side by side with `point`, untried ones.

        They differ from it in floating-point numbers alone: learning rates and the like leave a
        network what it is. Asked of oracles that learn and have a `batch` of more than one.

        Args:
            point: that of the latest trial, which has begun.
        """
        return []

    def seeded(self, seed: int) -> Oracle:
        """This oracle, or one with the search's seed where it draws and was given none itself."""
        return self

    def settings(self) -> dict[str, Value]:
        """What tells this oracle from others, to be kept with the project."""
        return {"type": type(self).__name__}


@public("kerastune_lite.oracles")
def draw_distinct(
    visited: Visited, count: int, draw: Callable[[], dict[str, Value] | None]
) -> list[dict[str, Value]]:
    """Up to `count` points from `draw`, each of them counted as visited while the next is drawn.

    `visited` is as before when this returns.

    Args:
        visited: `history.visited`, the points that were tried.
        count: at least 1.
        draw: returns an untried point, or None when there is none.
    """
    points: list[dict[str, Value]] = []
    try:
        while len(points) < count and (point := draw()) is not None:
            visited.add(point)
            points.append(point)
    finally:
        for point in points:
            visited.remove(point)
    return points


def completed(
    space: Space, answers: Mapping[str, Value], fill: Callable[[Parameter], Value]
) -> dict[str, Value]:
    """`answers` where there are any, and `fill(parameter)` for every other active parameter."""

    def choose(parameter: Parameter) -> Value:
        return answers[parameter.name] if parameter.name in answers else fill(parameter)

    return space.walk(choose)


def drawn_untried(
    space: Space, visited: Visited, rng: np.random.Generator, draws: int
) -> Iterator[dict[str, Value]]:
    """Points that nobody has tried, from at most so many draws; none if all were tried.

    For spaces that are nearly exhausted: it walks down to what is left of them.
    """
    for _ in range(draws):
        answers = visited.sample_untried(space, rng)
        if answers is None:
            return
        point = completed(space, answers, lambda parameter: parameter.domain.sample(rng))
        if point not in visited:
            yield point
