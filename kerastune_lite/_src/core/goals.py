"""Several objectives and constraints, and what users write for objectives."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from kerastune_lite._src.core.constraint import (
    Constraint,
    constraint_from_json,
    constraints_of,
)
from kerastune_lite._src.core.marks import Marks
from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.objective import (
    DefaultObjective,
    Direction,
    Objective,
    Sum,
    single_objectives,
)

if TYPE_CHECKING:
    from kerastune_lite._src.core.trial import Trial

MEASURED = {
    "model_size": "the number of parameters of the model",
    "train_time": "the seconds that its training took",
    "inference_time": "the milliseconds that it needs for a batch of 32 samples",
    "peak_memory": "the bytes that its training needs for weights, gradients and outputs",
}
"""Metrics that are measured after each training, if an objective or a constraint names them."""


@dataclasses.dataclass(frozen=True)
class Guide(Objective):
    """By which the epochs of a training are compared, if the search has several goals.

    Attributes:
        required: the metrics that each training must report.
        measured: those that are measured after it.
    """

    required: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.required

    def score(self, metrics: Mapping[str, float]) -> float:
        """NaN if any of the metrics is not finite, so that the epoch does not count."""
        finite = all(math.isfinite(metrics[name]) for name in self.required)
        return super().score(metrics) if finite else math.nan


@dataclasses.dataclass(frozen=True)
class Goals(Objective):
    """Several objectives without weights, constraints, or both.

    A trial is better than another one if it is in no objective worse and in one better. As an
    objective it is the first one: that is the score that views show.

    Args:
        objectives: the single objectives, at least one.
        constraints: that results must satisfy.
    """

    name: str = dataclasses.field(default="", init=False)
    direction: Direction | None = dataclasses.field(default=None, init=False)
    objectives: tuple[Objective, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.objectives[0].name)
        object.__setattr__(self, "direction", self.objectives[0].direction)

    def __str__(self) -> str:
        parts = [*map(str, self.objectives), *map(str, self.constraints)]
        return f"Goals: [{', '.join(parts)}]"

    @property
    def parts(self) -> tuple[Objective, ...]:
        return self.objectives

    def with_parts(self, parts: Iterable[Objective]) -> Goals:
        return dataclasses.replace(self, objectives=tuple(parts))

    @property
    def _named(self) -> list[Objective]:
        """The metrics of all goals, but not the results of functions."""
        bounds = [each.objective for each in self.constraints if not each.is_function]
        return [*self.objectives, *bounds]

    @property
    def further(self) -> list[str]:
        """The metrics of all goals but the first objective."""
        names = [each.name for each in self.objectives]
        names += [each.name for each in self.constraints]
        return list(dict.fromkeys(names[1:]))

    @property
    def guide(self) -> Objective:
        """The first metric that a training reports by epoch, of the objectives if possible."""
        if len(self._named) == 1 and not self.measured:
            return self.objectives[0]
        reported = [each for each in self._named if each.name not in MEASURED]
        first = reported[0] if reported else self.objectives[0]
        required = tuple(dict.fromkeys(each.name for each in reported or [first]))
        return Guide(first.name, first.direction, required, self.measured)

    @property
    def measured(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.name for each in self._named if each.name in MEASURED))

    def marks(self, metrics: Mapping[str, float]) -> Marks:
        """What the metrics of an epoch, and those that are known besides, say of each goal."""
        known = {name for name, value in metrics.items() if not math.isnan(value)}
        return Marks(
            tuple(p.loss(metrics) if p.name in known else math.nan for p in self.objectives),
            tuple(c.excess(metrics) if c.name in known else math.nan for c in self.constraints),
        )

    def judged(self, trial: Trial) -> Trial:
        """`trial` with the losses of all objectives, and how far it exceeds constraints.

        The results of functions become metrics of the trial, so they are stored with it.

        Raises:
            Exception: a function of the user raised it.
        """
        metrics = dict(trial.metrics)
        if trial.score is None or any(part.missing(metrics) for part in self.objectives):
            return trial
        for constraint in self.constraints:
            if constraint.name not in metrics:
                metrics.update(constraint.measured(trial))
        losses = tuple(part.loss(metrics) for part in self.objectives)
        return dataclasses.replace(
            trial,
            score=self.objectives[0].score(metrics),
            loss=losses[0],
            metrics=Metrics(metrics, trial.best_step),
            losses=losses if len(losses) > 1 else (),
            excesses=tuple(each.excess(metrics) for each in self.constraints),
        )

    def to_json(self) -> Any:
        return {
            "objectives": [part.to_json() for part in self.objectives],
            "constraints": [constraint.to_json() for constraint in self.constraints],
        }


ObjectiveLike = Union[str, Objective, Sequence["str | Objective"], None]


def create_objective(objective: ObjectiveLike, constraints: Any = None) -> Objective:
    """An objective from what a user writes.

    Args:
        objective: a name, an `Objective`, a list of these, or None.
        constraints: a list of texts and functions, or None.

    Raises:
        TypeError: it is none of these.
        ValueError: a list is empty, or a constraint has no valid form.
    """
    bounds = constraints_of(constraints)
    if objective is None:
        single: Objective = DefaultObjective()
    elif isinstance(objective, Goals):
        return dataclasses.replace(objective, constraints=(*objective.constraints, *bounds))
    elif isinstance(objective, Objective):
        single = objective
    elif isinstance(objective, str):
        single = Objective(objective)
    elif isinstance(objective, (list, tuple)):
        several = single_objectives(objective)
        if len(several) > 1:
            return Goals(several, bounds)
        single = several[0]
    else:
        raise TypeError(
            "`objective` must be the name of a metric, a kerastune_lite.Objective, a list of "
            f"these, or None. Received: {objective!r} of type {type(objective).__name__}."
        )
    needed = bounds or any(part.name in MEASURED for part in single.parts)
    if needed and isinstance(single, Sum):
        raise ValueError(
            "kerastune_lite.objectives.Sum adds up metrics of single epochs. It cannot contain "
            f"{', '.join(MEASURED)}, and cannot be combined with constraints. Write a list of "
            f"objectives. Received: {single}{''.join(f', {each}' for each in bounds)}."
        )
    return Goals((single,), bounds) if needed else single


def largest_model(max_model_size: int | None, objective: Objective) -> int | None:
    """The largest number of parameters that `max_model_size` and the constraints allow.

    It is known before a training, so larger models are not trained.
    """
    bounds = [] if max_model_size is None else [max_model_size]
    if isinstance(objective, Goals):
        sizes = [each for each in objective.constraints if each.name == "model_size"]
        bounds += [math.floor(each.bound) for each in sizes if each.at_most]
    return min(bounds, default=None)


def objective_from_json(data: Any) -> Objective:
    """The inverse of `Objective.to_json`."""
    if isinstance(data, list):
        return Sum(tuple(objective_from_json(each) for each in data))
    if isinstance(data, Mapping) and "objectives" in data:
        return Goals(
            tuple(objective_from_json(each) for each in data["objectives"]),
            tuple(constraint_from_json(each) for each in data["constraints"]),
        )
    objective = Objective(data["name"], data["direction"])
    default = DefaultObjective()
    return default if objective.to_json() == default.to_json() else objective
