"""The interface of an oracle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.core.visited import Visited
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.public import public


@public("kerastune_lite.oracles")
class Oracle(ABC):
    """Proposes the values of the next trials.

    It has settings but no state: its proposals are functions of the space, the trials so far and a
    random generator. So a resumed search proposes the same as one that was never interrupted.

    Example:
        An oracle for a single hyperparameter `n`:

        >>> from kerastune_lite.oracles import Oracle
        >>> class Ascending(Oracle):
        ...     def propose(self, space, history, count, rng):
        ...         points = ({"n": n} for n in range(100))
        ...         return [point for point in points if point not in history.visited][:count]
        >>> Ascending().settings()
        {'type': 'Ascending'}
    """

    unseen: ClassVar[str] = "default"
    """The value of a parameter that is declared for the first time in a trial: its "default", its
    "start" (the default that the user gave, or the middle of the range), a "sample" drawn with the
    trial's seed, or the "first" point of its grid."""

    learns: bool = True
    """Whether proposals depend on the results of trials, not only on which points were tried."""

    reads_curves: ClassVar[bool] = False
    """Whether it uses `history.curve`, the losses of trials by epoch."""

    reads_gradients: ClassVar[bool] = False
    """Whether trials record the gradient of their loss by continuous hyperparameters: metrics
    "gradient/<name>", by the position in the domain. It takes another training, with derivatives.
    """

    is_waiting: bool = False
    """Whether `propose` returned fewer points than it could because it waits for running trials."""

    proposes_again: bool = False
    """Whether it may propose points that were tried, also if all were."""

    batch: int = 1
    """If it learns: how many trials it proposes at once if they can be trained in one stack."""

    @abstractmethod
    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        """Up to `count` points, each with values for all its active parameters.

        No point is in `history.visited`, and all are different, unless it `proposes_again`. There
        are fewer than `count` only if no more are left, or if it `is_waiting`. If the list is empty
        and it is not waiting, the search ends when the running trials, which may still extend the
        space, have ended.

        Args:
            space: the parameters known so far.
            history: all trials, including running ones.
            count: at least 1.
            rng: derived from the seed of the search and the number of the next trial.
        """

    def propose_alike(
        self,
        space: Space,
        history: TrialHistory,
        point: Mapping[str, Value],
        count: int,
        rng: np.random.Generator,
    ) -> list[dict[str, Value]]:
        """Up to `count` untried points that can be trained in one stack with `point`.

        They differ from it only in floating-point numbers, such as learning rates, which do not
        change the network. Called only for oracles that learn and whose `batch` is above 1.

        Args:
            space: the parameters known so far.
            history: all trials, including running ones.
            point: the values of the latest trial, which has started.
            count: at least 1.
            rng: derived from the seed of the search and the number of the next trial.
        """
        return []

    def trial_ended(self, trial: Trial) -> Trial:
        """Called when `trial` ends, before that is recorded; returns it, perhaps scored anew."""
        return trial

    def trial_recorded(self, trial: Trial) -> None:  # noqa: B027  # not every oracle needs it
        """Called when the end of `trial` is recorded."""

    def seeded(self, seed: int) -> Oracle:
        """This oracle; if it needs a seed and has none, a copy with `seed`, that of the search."""
        return self

    def settings(self) -> dict[str, Value]:
        """Its class and arguments, stored with the project; another oracle cannot resume it."""
        return {"type": type(self).__name__}


@public("kerastune_lite.oracles")
def draw_distinct(
    visited: Visited, count: int, draw: Callable[[], dict[str, Value] | None]
) -> list[dict[str, Value]]:
    """Up to `count` points from `draw`, each counted as visited while the next is drawn.

    On return `visited` is unchanged.

    Args:
        visited: `history.visited`, the points that were tried.
        count: at least 1.
        draw: returns an untried point, or None if there is none.

    Example:
        An oracle whose `propose` draws from the whole space:

        >>> from kerastune_lite.oracles import Oracle, draw_distinct
        >>> class Uniform(Oracle):
        ...     def propose(self, space, history, count, rng):
        ...         def draw():
        ...             points = (space.sample(rng) for _ in range(100))
        ...             return next((p for p in points if p not in history.visited), None)
        ...         return draw_distinct(history.visited, count, draw)
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
    """`answers`, and `fill(parameter)` for all other active parameters."""

    def choose(parameter: Parameter) -> Value:
        return answers[parameter.name] if parameter.name in answers else fill(parameter)

    return space.walk(choose)


def drawn_untried(
    space: Space, visited: Visited, rng: np.random.Generator, draws: int
) -> Iterator[dict[str, Value]]:
    """Untried points from at most `draws` draws; none if all points were tried.

    For spaces that are nearly exhausted: it looks only at the points that are left.
    """
    for _ in range(draws):
        answers = visited.sample_untried(space, rng)
        if answers is None:
            return
        point = completed(space, answers, lambda parameter: parameter.domain.sample(rng))
        if point not in visited:
            yield point
