"""What a search optimises. This is the only module that knows about directions.

Everywhere else smaller is better: a *score* is the value of the objective that the user sees, a
*loss* is the score, negated if the objective is maximised.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

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

    def with_parts(self, parts: Iterable[Objective]) -> Objective:
        """The same made of these single objectives, as many as there are `parts`."""
        (part,) = parts
        return part

    @property
    def guide(self) -> Objective:
        """By which the epochs of a training are compared; what a training must report."""
        return self

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that are measured once, after a training."""
        return ()

    def marks(self, metrics: Mapping[str, float]) -> Any:
        """Its `Marks`, given `metrics` of an epoch by name; None, since the score says it all."""
        return None

    def judged(self, trial: Any) -> Any:
        """A scored `Trial`, with all that follows from its metrics: here that is `trial` itself."""
        return trial

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
        """The loss of `score`; also the score of a loss.

        Raises:
            ValueError: the direction is not known yet.
        """
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


@public("kerastune_lite.objectives")
@dataclasses.dataclass(frozen=True)
class Sum(Objective):
    """The sum of several objectives as a single one, as KerasTuner reads a list of objectives.

    Args:
        objectives: names of metrics, or objectives; those that are maximised are subtracted.

    Raises:
        TypeError, ValueError: one of them is no objective, or there is none.

    Example:
        >>> import kerastune_lite as kt
        >>> both = kt.objectives.Sum([kt.Objective("loss", "min"), kt.Objective("auc", "max")])
        >>> both.score({"loss": 0.5, "auc": 0.75})
        -0.25
    """

    name: str = dataclasses.field(default="multi_objective", init=False)
    direction: Direction | None = dataclasses.field(default="min", init=False)
    objectives: Sequence[str | Objective] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", single_objectives(self.objectives))

    def __str__(self) -> str:
        return f"Multi{super().__str__()}: [{', '.join(map(str, self.parts))}]"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def parts(self) -> tuple[Objective, ...]:
        return self.objectives  # type: ignore[return-value]  # see __post_init__

    def with_parts(self, parts: Iterable[Objective]) -> Sum:
        return Sum(tuple(parts))

    @property
    def name_to_direction(self) -> dict[str, Direction | None]:
        """The directions of the single objectives, by name."""
        return {part.name: part.direction for part in self.parts}

    def score(self, metrics: Mapping[str, float]) -> float:
        return sum(part.loss(metrics) for part in self.parts)

    def to_json(self) -> Any:
        return [part.to_json() for part in self.parts]


def single_objectives(given: Any) -> tuple[Objective, ...]:
    """The objectives in a list of a user's, each a name or an `Objective`.

    Raises:
        TypeError: one of them is neither, or is itself made of several.
        ValueError: there is none, or one twice.
    """
    if not isinstance(given, (list, tuple)):
        raise TypeError(
            "Several objectives must be a list of names of metrics and of "
            f"kerastune_lite.Objective. Received: {given!r} of type {type(given).__name__}."
        )
    if not given:
        raise ValueError("`objective` must name at least one metric. Received an empty list.")
    for each in given:
        single = isinstance(each, Objective) and each.parts == (each,)
        if not isinstance(each, str) and not single:
            raise TypeError(
                "A list of objectives must contain only names of metrics and "
                f"kerastune_lite.Objective. Received: {each!r} of type {type(each).__name__}."
            )
    found = tuple(Objective(each) if isinstance(each, str) else each for each in given)
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"Each objective must be named once. Received {twice!r} more than once.")
    return found


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
