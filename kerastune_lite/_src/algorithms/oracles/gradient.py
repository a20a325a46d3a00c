"""Gradient descent on continuous hyperparameters, with restarts."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from kerastune_lite._src.algorithms.oracles.oracle import Oracle, completed, draw_distinct
from kerastune_lite._src.algorithms.oracles.sobol import checked_seed, untried_point
from kerastune_lite._src.core.gradients import gradient_of, is_continuous
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Domain, Value, same
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public

Values = Mapping[str, Value]

_FIRST, _LONGEST, _SHORTEST = 0.15, 0.3, 0.01
"""Lengths of steps, as parts of a domain: the first, the longest, and one too short to go on."""

_GROWTH = 2.0
"""How much longer a step may be than the one before, if the gradient has the same sign."""

_LEAST, _MOST = 0.1, 0.7
"""The part of a step to which it is shortened, if the gradient has changed its sign."""

_UNSTABLE = 10.0
"""How much larger the derivatives after a step may be than before it, to be trusted."""

_EDGE = 0.002
"""How near to the end of a domain a step may come, as a part of the domain."""


@public("kerastune_lite.oracles")
class GradientOracle(Oracle):
    """Gradient descent on the validation loss, for learning rates and other continuous values.

    Each trial is trained twice: once as always, and once more with its derivatives by all
    continuous hyperparameters, through all steps of the training (Maclaurin et al., 2015; forward
    mode: Franceschi et al., 2017). They are recorded as metrics "gradient/<name>": the derivative
    of the loss by the position of the value in its domain.

    The first descent starts at the defaults that the user gave, and in the middle of all other
    ranges; the next ones start at quasi-random points. Each hyperparameter has its own step, on the
    scale of its domain; only the sign of its derivative says in which direction (Rprop: Riedmiller
    and Braun, 1993), so large derivatives of unstable trainings do no harm. A step grows while the
    sign stays the same; if it changes, the next step goes to where the derivative vanishes on a
    straight line between both. A step is taken back and shortened if it came to a worse loss,
    unless the derivatives say that the loss falls along it: trials have different seeds. When all
    steps are short, or after `steps` trials, there is another start. Of several descents the best
    one goes on, unless its next trial is running.

    Discrete hyperparameters have no derivative: an oracle `structure` proposes the starts, with
    values for all hyperparameters, and the descents leave what is discrete as it is.

    Args:
        steps: the largest number of steps of a descent.
        starts: how many descents are started before the best one goes on.
        structure: proposes the starts. Default: as above.
        seed: of the quasi-random points. Default: the seed of the search.

    Raises:
        ValueError: an argument is invalid; from `propose`, if a hyperparameter is discrete and
            there is no `structure`.

    Example:
        >>> from kerastune_lite.oracles import BayesianOracle, GradientOracle
        >>> oracle = GradientOracle(structure=BayesianOracle())  # for units and layers, too
        >>> oracle.settings()["structure_type"]
        'BayesianOracle'
    """

    reads_gradients: ClassVar[bool] = True

    unseen = "start"

    def __init__(
        self,
        steps: int = 10,
        starts: int = 3,
        structure: Oracle | None = None,
        seed: int | None = None,
    ) -> None:
        self.steps = _count("steps", steps)
        self.starts = _count("starts", starts)
        if structure is not None and not isinstance(structure, Oracle):
            raise ValueError(
                f"`structure` must be an oracle. Received: {structure!r}. Write "
                "structure=BayesianOracle(), for example."
            )
        self.structure = structure
        self.seed = checked_seed(seed)
        self._scrambling = self.seed or 0
        if structure is not None:
            vars(self).update(unseen=structure.unseen, reads_curves=structure.reads_curves)

    def seeded(self, seed: int) -> Oracle:
        seeded = copy.copy(self)
        if self.seed is None:
            seeded._scrambling = seed
        if self.structure is not None:
            seeded.structure = self.structure.seeded(seed)
        return seeded

    def settings(self) -> dict[str, Value]:
        inner = {} if self.structure is None else self.structure.settings()
        return {
            **super().settings(),
            "steps": self.steps,
            "starts": self.starts,
            "seed": self.seed,
            **{f"structure_{name}": value for name, value in inner.items()},
        }

    def propose(
        self, space: Space, history: TrialHistory, count: int, rng: np.random.Generator
    ) -> list[dict[str, Value]]:
        if self.structure is None:
            _check_continuous(space)
        descents = _descents(space, history, self.steps)
        waiting = [each for each in descents if each.next is not None]
        waiting.sort(key=lambda descent: descent.best)
        begun = len(descents)
        numbers = iter(range(len(history), len(history) + count))

        def draw() -> dict[str, Value] | None:
            nonlocal begun
            number = next(numbers)
            while begun >= self.starts and waiting:
                point = waiting.pop(0).next
                if point is not None and point not in history.visited:
                    return point
            begun += 1
            return self._start(space, history, number, rng)

        return draw_distinct(history.visited, count, draw)

    def _start(
        self, space: Space, history: TrialHistory, number: int, rng: np.random.Generator
    ) -> dict[str, Value] | None:
        if self.structure is not None:
            points = self.structure.propose(space, history, 1, rng)
            self.is_waiting = self.structure.is_waiting
            return points[0] if points else None
        start = space.start()
        if start not in history.visited:
            return start
        return untried_point(space, history.visited, number, self._scrambling, rng)


@dataclasses.dataclass
class _Descent:
    """The trials of a descent, so far.

    Attributes:
        best: the loss of the best of them.
        next: the point of the next one; None if it has ended, or the latest one is running.
    """

    trials: list[Trial]
    best: float = math.inf
    next: dict[str, Value] | None = None


def _descents(space: Space, history: TrialHistory, steps: int) -> list[_Descent]:
    """All descents, replayed: a trial at the next point of a descent belongs to it.

    A descent has one running trial at most, so its next point depends on its own trials alone.
    """
    found: list[_Descent] = []
    for trial in history:
        values = trial.space.as_proposed(trial.values)
        of = next((each for each in found if _is_at(values, each.next)), None)
        if of is None:
            of = _Descent([])
            found.append(of)
        of.trials.append(trial)
        of.best = min(of.best, _loss(trial))
        of.next = _next_point(space, of.trials) if len(of.trials) <= steps else None
    return found


def _is_at(values: Values, point: Values | None) -> bool:
    """Whether a trial is at a point; it may not have asked for all of the point's values."""
    return point is not None and all(
        name in point and same(value, point[name]) for name, value in values.items()
    )


def _next_point(space: Space, trials: Sequence[Trial]) -> dict[str, Value] | None:
    """Where a descent goes on; None if it has ended, or waits for a trial."""
    if trials[-1].status in (TrialStatus.RUNNING, TrialStatus.PAUSED):
        return None
    centre, domains = trials[0], _domains(space, trials[0])
    slopes = _slopes(centre, domains)
    lengths = np.full(len(domains), _FIRST)
    units = _units(centre, domains)
    for trial in trials[1:]:
        there, units_there = _slopes(trial, domains), _units(trial, domains)
        better = _loss(trial) < _loss(centre) or _falls(slopes, there, units_there - units)
        lengths = _lengths(lengths, slopes, there, better)
        if better and there is not None:
            centre, slopes, units = trial, there, units_there
    if slopes is None:
        return None
    there_units = np.clip(units - lengths * np.sign(slopes), _EDGE, 1.0 - _EDGE)
    moved = np.abs(there_units - units)
    if not np.any(moved >= _SHORTEST):
        return None
    answers: dict[str, Value] = dict(centre.values)
    for (name, domain), unit in zip(domains.items(), there_units.tolist()):
        answers[name] = domain.from_unit(unit)
    return completed(space, answers, lambda parameter: parameter.default)


def _falls(here: np.ndarray | None, there: np.ndarray | None, step: np.ndarray) -> bool:
    """Whether the derivatives say that the loss falls along a step, whatever trials came to.

    Losses also differ because each trial has a seed of its own. Where a training becomes unstable,
    its derivatives are large, and say nothing.

    Args:
        here, there: the derivatives at both ends, `(n,)`; None where there are none.
        step: from here to there, `(n,)`.
    """
    if here is None or there is None:
        return False
    is_stable = np.linalg.norm(there) <= _UNSTABLE * np.linalg.norm(here)
    return bool(is_stable and (here + there) @ step < 0)


def _lengths(
    lengths: np.ndarray, here: np.ndarray | None, there: np.ndarray | None, better: bool
) -> np.ndarray:
    """The lengths of the next steps.

    Args:
        lengths: of the steps from here to there, `(n,)`.
        here, there: the derivatives, `(n,)`; None where there are none.
        better: whether the loss there is better, so that the next steps begin there.
    """
    if here is None or there is None:
        return lengths / 2
    turned = here * there < 0
    size_here, size_there = np.abs(here), np.abs(there)
    # Where the derivative vanishes on a straight line, seen from where the next step begins.
    whole = np.where(size_here + size_there > 0, size_here + size_there, 1.0)
    back = lengths * np.clip((size_there if better else size_here) / whole, _LEAST, _MOST)
    if not better:
        return np.where(turned, back, lengths if np.any(turned) else lengths / 2)
    fall = np.maximum(size_here - size_there, 0.0)
    on = np.where(fall > 0, size_there / np.where(fall > 0, fall, 1.0), _GROWTH)
    grown = np.minimum(lengths * np.clip(on, 1.0, _GROWTH), _LONGEST)
    return np.where(turned, back, grown)


def _domains(space: Space, trial: Trial) -> dict[str, Domain]:
    """The domains of the continuous values of a trial, by name."""
    active = {name: space.active(name, trial.values) for name in trial.values}
    return {
        name: parameter.domain
        for name, parameter in active.items()
        if parameter is not None
        and is_continuous(parameter.domain)
        and parameter.domain.contains(trial.values[name])
    }


def _units(trial: Trial, domains: Mapping[str, Domain]) -> np.ndarray:
    """The positions of the continuous values of a trial in their domains, `(n,)`."""
    return np.array([domain.to_unit(trial.values[name]) for name, domain in domains.items()])


def _slopes(trial: Trial, domains: Mapping[str, Domain]) -> np.ndarray | None:
    """The derivatives of the loss of a trial, `(n,)`; None if they are not known."""
    gradient = gradient_of(trial)
    if not gradient:
        return None
    return np.array([gradient.get(name, 0.0) for name in domains])


def _loss(trial: Trial) -> float:
    if trial.status is not TrialStatus.COMPLETED or trial.loss is None or math.isnan(trial.loss):
        return math.inf
    return trial.loss


def _discrete(space: Space) -> Iterator[tuple[str, Domain]]:
    for parameter in space:
        if parameter.domain.cardinality != 1 and not is_continuous(parameter.domain):
            yield parameter.name, parameter.domain


def _check_continuous(space: Space) -> None:
    """Raise if a hyperparameter has no derivative.

    Raises:
        ValueError: it is discrete; the message says how to combine oracles.
    """
    for name, domain in _discrete(space):
        raise ValueError(
            "A gradient search needs hyperparameters of the training that are continuous: a Float "
            f"without a step. Received: {name!r}, {domain.describe()}. To search both, let another "
            "oracle choose what is discrete, and the gradient what is continuous: "
            "structure=BayesianOracle()."
        )


def _count(name: str, number: int) -> int:
    is_whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not is_whole or number < 1:
        raise ValueError(f"`{name}` must be a whole number of at least 1. Received: {number!r}.")
    return int(number)
