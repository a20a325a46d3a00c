"""Population based training: values change while models are trained."""

from __future__ import annotations

import bisect
import dataclasses
import math
import numbers
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np

from kerastune_lite._src.algorithms.schedulers.exploring import explored
from kerastune_lite._src.algorithms.schedulers.merit import Place, in_order, latest_place
from kerastune_lite._src.algorithms.schedulers.rungs import level_of, next_rung, whole_number
from kerastune_lite._src.algorithms.schedulers.scheduler import (
    Decision,
    Scheduler,
    Supply,
    TrainingRequest,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import first_epoch
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.public import public


@public("kerastune_lite.schedulers")
class PopulationBasedTraining(Scheduler):
    """Population based training (Jaderberg et al., 2017, Algorithm 1), with truncation selection.

    A population of models is trained side by side. After every `interval` epochs the worst of them,
    a part of `quantile`, end. As many new trials take their places, their children: each copies
    the weights and the state of the optimizer of one of the best (exploit), changes its
    hyperparameters (explore), and is trained on from there. So the search finds a schedule of
    values, `tuner.schedule()`, and trains it at the same time.

    - Selection is by the losses of the latest epoch, with several objectives by fronts. Each of the
      best `quantile` gets as many children as the others; the paper draws them. All members finish
      an interval before the first child starts, unlike in the paper: so the number of workers does
      not change the search. Who is neither among the best nor among the worst does not wait.
    - A number is multiplied by one of `factors` (on the scale "reverse_log" its mirror image is),
      and kept within its domain. Whole numbers and those with a step move to a neighbour at least,
      ordered choices to a neighbour; other choices are drawn. 0 moves by a part of the range.
    - Only hyperparameters that leave the network and the optimizer as they are can change while a
      model is trained: rates, momentum, dropout, weight decay, the batch size. The others are
      inherited. By default a tuner finds out which those are, by building models with other values.
      A hyperparameter that `build(hp)` does not ask for is changed only if it is named.
    - Callbacks continue with the state that they had in the parent, but for attributes that they
      were made with. A learning rate that one has reduced stays reduced, by the same ratio.
    - A member that failed, or that a callback stopped, is replaced like one of the worst. In the
      first interval, a new trial replaces one that failed.

    The oracle proposes the values of the first members. `max_trials` counts members and children:
    `trials` is how many there are if none fails. When there are no more, the worst still end, and
    the population shrinks. `max_total_epochs` counts the epochs that were trained; those that a
    child has inherited do not count again. A trial's score is that of its own epochs. Tuners with
    their own `run_trial` cannot copy states, nor can `TunerSearchCV`.

    Args:
        max_epochs: the epochs of a model, with those of its ancestors.
        population_size: how many models are trained side by side, at least 2.
        interval: the epochs between two selections.
        quantile: the part of the population that ends, and the part that has children; above 0, at
            most 0.5. At least one model each.
        factors: two numbers, below and above 1, by which numbers are multiplied.
        resample_probability: with which a hyperparameter of a child is drawn anew, from 0 to 1.
        hyperparameters: the names of those that change; None: all that can.

    Raises:
        TypeError: an argument has another type.
        ValueError: an argument is out of range.

    Example:
        >>> from kerastune_lite.schedulers import PopulationBasedTraining
        >>> scheduler = PopulationBasedTraining(max_epochs=20, population_size=10, interval=5)
        >>> scheduler.trials, scheduler.total_epochs
        (16, 200)
    """

    reads_curves: ClassVar[bool] = True
    stops_trials: ClassVar[bool] = False
    copies_states: ClassVar[bool] = True
    default_trials: ClassVar[int | None] = None

    def __init__(
        self,
        max_epochs: int = 100,
        population_size: int = 10,
        interval: int = 5,
        quantile: float = 0.2,
        factors: tuple[float, float] = (0.8, 1.2),
        resample_probability: float = 0.25,
        hyperparameters: Sequence[str] | None = None,
    ) -> None:
        self.max_epochs = whole_number("max_epochs", max_epochs, 2)
        self.population_size = whole_number("population_size", population_size, 2)
        self.interval = whole_number("interval", interval, 1)
        if self.interval >= self.max_epochs:
            raise ValueError(
                "`interval` must be below `max_epochs`, so that there is a selection. Received: "
                f"interval={self.interval}, max_epochs={self.max_epochs}."
            )
        self.quantile = _number("quantile", quantile)
        if not 0.0 < self.quantile <= 0.5:
            raise ValueError(
                "`quantile` must be above 0 and at most 0.5, so that the worst are not among the "
                f"best. Received: {quantile}; write quantile=0.2."
            )
        self.factors = _checked_factors(factors)
        self.resample_probability = _number("resample_probability", resample_probability)
        if not 0.0 <= self.resample_probability <= 1.0:
            raise ValueError(
                f"`resample_probability` must be from 0 to 1. Received: {resample_probability}."
            )
        self.hyperparameters = _checked_names(hyperparameters)
        self._changing: frozenset[str] = frozenset(self.hyperparameters or ())
        self._ends = [*range(self.interval, self.max_epochs, self.interval), self.max_epochs]

    @property
    def trials(self) -> int:
        """The number of trials, members and children, if none fails or ends early."""
        children = _truncated(self.population_size, self.quantile)
        return self.population_size + (len(self._ends) - 1) * children

    @property
    def total_epochs(self) -> int:
        """The epochs of a search in which no trial fails or ends early."""
        return self.population_size * self.max_epochs

    @property
    def decides_epochs(self) -> bool:
        return True

    def check_trials(self, max_trials: int | None) -> None:
        if max_trials is not None and max_trials <= self.population_size:
            raise ValueError(
                "PopulationBasedTraining needs trials for the population and for its children. "
                f"Received: max_trials={max_trials} for a population of {self.population_size}. "
                f"Write max_trials=None: there are {self.trials} trials then."
            )

    def changing(self, names: Collection[str]) -> PopulationBasedTraining:
        other = PopulationBasedTraining(
            self.max_epochs,
            self.population_size,
            self.interval,
            self.quantile,
            self.factors,
            self.resample_probability,
            self.hyperparameters,
        )
        other._changing = frozenset(names)
        return other

    def explore(self, space: Space, parent: Trial, rng: np.random.Generator) -> dict[str, Value]:
        return explored(space, parent, self._changing, self.factors, self.resample_probability, rng)

    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        requests: list[TrainingRequest] = []
        for generation in self._generations(history, supply):
            requests += generation.requests
        return requests[:free]

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.CONTINUE

    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        if not history.paused:
            return []
        generations = self._generations(history, supply)
        return sorted(number for generation in generations for number in generation.given_up)

    def pausing(self, epochs: int) -> Scheduler:
        raise ValueError(
            "TunerSearchCV trains each candidate on several folds, and cannot copy states between "
            "candidates. Received: PopulationBasedTraining. Use it with kerastune_lite.Tuner, or "
            "take another scheduler, such as Hyperband."
        )

    def settings(self) -> dict[str, Value]:
        names = None if self.hyperparameters is None else ", ".join(self.hyperparameters)
        return {
            **super().settings(),
            "max_epochs": self.max_epochs,
            "population_size": self.population_size,
            "interval": self.interval,
            "quantile": self.quantile,
            "factors": f"{self.factors[0]:g}, {self.factors[1]:g}",
            "resample_probability": self.resample_probability,
            "hyperparameters": names,
        }

    # ------------------------------------------------------------------ generations

    def _generations(self, history: TrialHistory, supply: Supply) -> list[_Generation]:
        """The current state of the generations that have begun, and what they ask for."""
        levels: list[list[Trial]] = [[] for _ in self._ends]
        for trial in history:
            born = bisect.bisect_right(self._ends, first_epoch(trial))
            for level in range(born, level_of(trial, self._ends) + 1):
                levels[level].append(trial)
        # Those that failed in the first interval were replaced by new ones.
        levels[0] = [trial for trial in levels[0] if not self._failed_at(trial, 0)]
        missing = 0 if supply.exhausted else max(0, self.population_size - len(levels[0]))
        new = TrainingRequest(None, 0, self._ends[0], resumable=True)
        generations = [_Generation([new] * missing, [], missing)]
        for level in range(len(self._ends) - 1):
            if not levels[level]:
                break
            missing = generations[-1].to_come
            generations.append(self._selected(history, supply, level, levels, missing))
        return generations

    def _selected(
        self,
        history: TrialHistory,
        supply: Supply,
        level: int,
        levels: Sequence[Sequence[Trial]],
        missing: int,
    ) -> _Generation:
        """What follows from the end of a generation for the next one.

        Args:
            level: the index of the generation.
            levels: the members of all.
            missing: how many members of this one have not begun.
        """
        members, following = levels[level], levels[level + 1]
        size = len(members) + missing
        lost = _truncated(size, self.quantile)
        known = [t for t in members if level_of(t, self._ends) > level or not _is_running(t)]
        standing = in_order([self._place(history, trial, level) for trial in known])
        ranked = [history[place.number] for place in standing]
        able = [trial for trial in ranked if self._is_able(trial, level)]
        if len(ranked) < size:
            # With several objectives, who comes later may change the order of the others.
            several = any(place.losses for place in standing)
            resumed = [] if several else self._certain(ranked, able, lost, level)
            return _Generation(resumed, [], size - len(following))
        worst = {trial.number for trial in ranked[size - lost :]}
        # If all others have ended, the worst are the best that there is.
        survivors = [trial for trial in able if trial.number not in worst] or able
        resumed = [next_rung(t, self._ends, level + 1) for t in survivors if self._waits(t, level)]
        parents = [trial for trial in survivors[:lost] if self._waits(trial, level)]
        born = sum(first_epoch(trial) == self._ends[level] for trial in following)
        places = range(born, size - len(survivors)) if parents else range(0)
        if supply.left is not None:
            places = places[: supply.left]
        children = [self._child(parents[place % len(parents)], level) for place in places]
        kept = {trial.number for trial in survivors}
        given_up = [t.number for t in able if self._waits(t, level) and t.number not in kept]
        return _Generation([*children, *resumed], given_up, len(children) + len(resumed))

    def _certain(
        self, ranked: Sequence[Trial], able: Sequence[Trial], lost: int, level: int
    ) -> list[TrainingRequest]:
        """Requests for members that are certain to be neither among the worst nor the best."""
        inner = {trial.number for trial in ranked[: max(0, len(ranked) - lost)]}
        return [
            next_rung(trial, self._ends, level + 1)
            for trial in able[lost:]
            if trial.number in inner and self._waits(trial, level)
        ]

    def _child(self, parent: Trial, level: int) -> TrainingRequest:
        start, end = self._ends[level], self._ends[level + 1]
        resumable = level + 2 < len(self._ends)
        return TrainingRequest(None, start, end, resumable=resumable, parent=parent.number)

    def _place(self, history: TrialHistory, trial: Trial, level: int) -> Place:
        """The place of a member at the end of a generation: by its latest loss."""
        if self._failed_at(trial, level):
            return Place(math.inf, math.inf, trial.number)
        return latest_place(history, trial.number, self._ends[level])

    def _waits(self, trial: Trial, level: int) -> bool:
        """Whether a trial is paused at the end of a generation."""
        return trial.status is TrialStatus.PAUSED and level_of(trial, self._ends) == level

    def _is_able(self, trial: Trial, level: int) -> bool:
        """Whether a trial could continue at the end of a generation."""
        return self._waits(trial, level) or level_of(trial, self._ends) > level

    def _failed_at(self, trial: Trial, level: int) -> bool:
        return trial.status is TrialStatus.FAILED and level_of(trial, self._ends) == level


@dataclasses.dataclass(frozen=True)
class _Generation:
    """What is known of the members of a generation before they train.

    Attributes:
        requests: those that can begin now.
        given_up: paused trials whose places they take.
        to_come: how many members have not begun.
    """

    requests: list[TrainingRequest]
    given_up: list[int]
    to_come: int


def _is_running(trial: Trial) -> bool:
    return trial.status is TrialStatus.RUNNING


def _truncated(size: int, quantile: float) -> int:
    """How many of a population of this size end."""
    # A hair more: 0.29 * 100 is 28.999... as a float.
    return 0 if size < 2 else max(1, math.floor(size * quantile + 1e-9))


def _number(name: str, number: float) -> float:
    """`number` as a float.

    Raises:
        TypeError: it is not a finite number.
    """
    is_number = isinstance(number, numbers.Real) and not isinstance(number, bool)
    if not is_number or not math.isfinite(number):
        raise TypeError(
            f"`{name}` must be a number. Received: {number!r} of type {type(number).__name__}."
        )
    return float(number)


def _checked_factors(factors: Any) -> tuple[float, float]:
    if not isinstance(factors, (tuple, list)) or len(factors) != 2:
        raise TypeError(
            "`factors` must be two numbers, such as (0.8, 1.2). Received: "
            f"{factors!r} of type {type(factors).__name__}."
        )
    low, high = (_number("factors", factor) for factor in factors)
    if not 0.0 < low < 1.0 < high:
        raise ValueError(
            "`factors` must be a number between 0 and 1, and one above 1. Received: "
            f"{factors!r}; write factors=(0.8, 1.2)."
        )
    return low, high


def _checked_names(names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise TypeError(
            "`hyperparameters` must be a list of names, or None. Received: "
            f"{names!r} of type {type(names).__name__}; write hyperparameters=['learning_rate']."
        )
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`hyperparameters` must hold at least one name, and only names. Received: "
            f"{list(names)!r}; without any, nothing changes. None means all that can change."
        )
    return tuple(names)
