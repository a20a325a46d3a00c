"""What a search optimises. This is the only module that knows about directions.

Everywhere else smaller is better: a *score* is the value of the objective that the user sees, a
*loss* is the score, negated if the objective is maximised.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union

from kerastune_lite._src.util.public import public

Direction = Literal["min", "max"]


@public("kerastune_lite")
@dataclasses.dataclass(frozen=True)
class Objective:
    """A metric to optimise, and its direction.

    Args:
        name: as in Keras's logs: "val_loss", "val_accuracy", ...
        direction: "min" or "max". Default: derived from the metric.

    Raises:
        ValueError: the direction is neither "min" nor "max".

    Example:
        >>> import kerastune_lite as kt
        >>> tuner = kt.RandomSearch(build, kt.Objective("val_auc", "max"), directory="runs")
    """

    name: str
    direction: Direction | None = None

    def __post_init__(self) -> None:
        if self.direction not in ("min", "max", None):
            raise ValueError(
                f'`direction` must be "min" or "max". Received: {self.direction!r} for the '
                f"objective {self.name!r}."
            )

    def __str__(self) -> str:
        return f'Objective(name="{self.name}", direction="{self.direction}")'

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics from which the score is computed."""
        return (self.name,)

    @property
    def parts(self) -> tuple[Objective, ...]:
        """The single objectives."""
        return (self,)

    def missing(self, metrics: Mapping[str, Any]) -> list[str]:
        """The names that are not in `metrics`."""
        return [name for name in self.names if name not in metrics]

    def has_value(self, logs: Mapping[str, Any]) -> bool:
        """Whether the score can be computed from `logs`, metrics by name."""
        return not self.missing(logs)

    def get_value(self, logs: Mapping[str, float]) -> float:
        """The score, given `logs`, metrics by name."""
        return self.score(logs)

    def better_than(self, a: float, b: float) -> bool:
        """Whether the score `a` is better than the score `b`."""
        return self.loss_of(a) < self.loss_of(b)

    def score(self, metrics: Mapping[str, float]) -> float:
        """The value that the user sees, given `metrics` by name."""
        return float(metrics[self.name])

    def loss(self, metrics: Mapping[str, float]) -> float:
        """The value to minimise, given `metrics` by name."""
        return self.loss_of(self.score(metrics))

    def loss_of(self, score: float) -> float:
        """The loss of `score`; also the score of a loss."""
        if self.direction is None:
            raise ValueError(f"The direction of the objective {self.name!r} is not known yet.")
        return -score if self.direction == "max" else score

    def to_json(self) -> Any:
        """This objective as JSON; `objective_from_json` is the inverse."""
        return {"name": self.name, "direction": self.direction}


@dataclasses.dataclass(frozen=True)
class DefaultObjective(Objective):
    """The float that `run_trial` returns if no objective was named; it is minimised."""

    name: str = dataclasses.field(default="default_objective", init=False)
    direction: Direction | None = dataclasses.field(default="min", init=False)


@dataclasses.dataclass(frozen=True)
class MultiObjective(Objective):
    """The sum of the losses of several objectives.

    Args:
        objectives: the single objectives, with their directions.
    """

    name: str = dataclasses.field(default="multi_objective", init=False)
    direction: Direction | None = dataclasses.field(default="min", init=False)
    objectives: tuple[Objective, ...] = ()

    def __str__(self) -> str:
        return f"Multi{super().__str__()}: [{', '.join(map(str, self.objectives))}]"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(objective.name for objective in self.objectives)

    @property
    def parts(self) -> tuple[Objective, ...]:
        return self.objectives

    @property
    def name_to_direction(self) -> dict[str, Direction | None]:
        """The directions of the single objectives, by name."""
        return {objective.name: objective.direction for objective in self.objectives}

    def score(self, metrics: Mapping[str, float]) -> float:
        return sum(objective.loss(metrics) for objective in self.objectives)

    def to_json(self) -> Any:
        return [objective.to_json() for objective in self.objectives]


ObjectiveLike = Union[str, Objective, Sequence["str | Objective"], None]


def create_objective(objective: ObjectiveLike) -> Objective:
    """An objective from the argument of a user: a name, an `Objective`, a list of these, or None.

    Raises:
        TypeError: it is none of these.
        ValueError: it is an empty list.
    """
    if objective is None:
        return DefaultObjective()
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        return Objective(objective)
    if isinstance(objective, (list, tuple)):
        if not objective:
            raise ValueError("`objective` must name at least one metric. Received an empty list.")
        for each in objective:
            if not isinstance(each, (str, Objective)) or isinstance(each, MultiObjective):
                raise TypeError(
                    "A list of objectives must contain only names of metrics and "
                    f"kerastune_lite.Objective. Received: {each!r} of type {type(each).__name__}."
                )
        return MultiObjective(objectives=tuple(create_objective(each) for each in objective))
    raise TypeError(
        "`objective` must be the name of a metric, a kerastune_lite.Objective, a list of these, or "
        f"None. Received: {objective!r} of type {type(objective).__name__}."
    )


def objective_from_json(data: Any) -> Objective:
    """The inverse of `Objective.to_json`."""
    if isinstance(data, list):
        return MultiObjective(objectives=tuple(objective_from_json(each) for each in data))
    objective = Objective(data["name"], data["direction"])
    default = DefaultObjective()
    return default if objective.to_json() == default.to_json() else objective


def best_epoch(objective: Objective, history: Mapping[str, Sequence[float]]) -> int | None:
    """The index of the best epoch in `history`, which has one list per metric.

    Epochs whose objective is missing, NaN or infinite do not count; None if no epoch counts. Of
    equal epochs, the first.
    """
    series = [history.get(name, ()) for name in objective.names]
    best, best_loss = None, math.inf
    for epoch, values in enumerate(zip(*series, strict=False)):
        if any(value is None for value in values):
            continue
        loss = objective.loss(dict(zip(objective.names, values, strict=True)))
        if math.isfinite(loss) and loss < best_loss:
            best, best_loss = epoch, loss
    return best
