"""The metrics of a trial: a mapping with the methods of KerasTuner's tracker."""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.objective import Direction, Objective

_MAXIMISED = re.compile(
    r"(val_)?(weighted_)?(acc|.*accuracy|auc|precision|recall|true_(positives|negatives)"
    r"|(sensitivity|specificity)_at_.*|.*_score)(_\d+)?"
)
"""Metrics that are maximised, if nobody says more of them."""

Series = Mapping[str, Mapping[int, Sequence[float]]]
"""By metric, the values that were observed at each step."""


@dataclasses.dataclass(frozen=True)
class MetricObservation:
    """What was observed of a metric at one step.

    Args:
        value: one number for each observation at this step.
        step: usually an epoch, counted from 0.
    """

    value: list[float]
    step: int

    def mean(self) -> float:
        """The mean of its values."""
        return sum(self.value) / len(self.value)


@dataclasses.dataclass(frozen=True)
class MetricHistory:
    """What was observed of one metric.

    Args:
        observations: in the order of their steps.
        direction: whether it is to be minimised ("min") or maximised ("max").
    """

    observations: Sequence[MetricObservation]
    direction: Direction

    def get_history(self) -> list[MetricObservation]:
        """The observations in the order of their steps."""
        return list(self.observations)

    def get_best_value(self) -> float | None:
        """The best mean value; None if all are NaN."""
        best = self._best()
        return None if best is None else best.mean()

    def get_best_step(self) -> int | None:
        """The step of the best value; None if all are NaN."""
        best = self._best()
        return None if best is None else best.step

    def get_last_value(self) -> float | None:
        """The mean value at the last step; None without observations."""
        return self.observations[-1].mean() if self.observations else None

    def get_statistics(self) -> dict[str, float]:
        """Minimum, maximum, mean, median, variance and standard deviation over the steps."""
        means = [each.mean() for each in self.observations]
        values = [value for value in means if not math.isnan(value)]
        if not values:
            return {}
        return {
            "min": min(values),
            "max": max(values),
            "mean": statistics.fmean(values),
            "median": statistics.median(values),
            "var": statistics.pvariance(values),
            "std": statistics.pstdev(values),
        }

    def get_config(self) -> dict[str, Any]:
        """Direction and observations as JSON, in KerasTuner's format."""
        observations = [dataclasses.asdict(each) for each in self.observations]
        return {"direction": self.direction, "observations": observations}

    def _best(self) -> MetricObservation | None:
        observed = [each for each in self.observations if not math.isnan(each.mean())]
        choose = max if self.direction == "max" else min
        return choose(observed, key=MetricObservation.mean, default=None)


def direction_of(name: str, objective: Objective | None = None) -> Direction:
    """The direction of a metric that need not be the objective: as in KerasTuner, or else "min"."""
    parts = () if objective is None else (objective, *objective.parts)
    given = {part.name: part.direction for part in parts}
    return given.get(name) or ("max" if _MAXIMISED.fullmatch(name) else "min")


class Metrics(dict[str, float]):
    """Metrics by name, as the means over a trial's executions at their best epochs.

    Without a series, a metric has one observation: its value, at the trial's best epoch.

    Args:
        values: by name.
        step: the trial's best epoch, counted from 0.
        series: more than that, for metrics that were observed at several steps.
        directions: of metrics by name. Default: as of `direction_of`.
    """

    def __init__(
        self,
        values: Mapping[str, float] = {},
        step: int | None = None,
        series: Series | None = None,
        directions: Mapping[str, Direction] | None = None,
    ) -> None:
        super().__init__(values)
        self._step = step or 0
        self._series = series or {}
        self._directions = directions or {}

    @property
    def metrics(self) -> dict[str, MetricHistory]:
        """What was observed, by metric."""
        return {name: self._of(name) for name in dict.fromkeys([*self, *self._series])}

    def exists(self, name: str) -> bool:
        """Whether there is a metric called `name`."""
        return name in self or name in self._series

    def get_history(self, name: str) -> list[MetricObservation]:
        """The observations of the metric `name` in the order of their steps.

        The learning curves of a trial are `tuner.history(trial)`.

        Raises:
            ValueError: there is no such metric.
        """
        return self._of(name).get_history()

    def get_best_value(self, name: str) -> float | None:
        """The best mean value of the metric `name`; None if all are NaN."""
        return self._of(name).get_best_value()

    def get_best_step(self, name: str) -> int | None:
        """The step of the best value of the metric `name`; None if all are NaN."""
        return self._of(name).get_best_step()

    def get_last_value(self, name: str) -> float | None:
        """The mean value of the metric `name` at the last step at which it was observed."""
        return self._of(name).get_last_value()

    def get_direction(self, name: str) -> Direction:
        """Whether the metric `name` is to be minimised ("min") or maximised ("max")."""
        return self._of(name).direction

    def get_statistics(self, name: str) -> dict[str, float]:
        """Minimum, maximum, mean, median, variance and standard deviation over the steps."""
        return self._of(name).get_statistics()

    def get_config(self) -> dict[str, Any]:
        """Directions and observations as JSON, in KerasTuner's format."""
        return {"metrics": {name: each.get_config() for name, each in self.metrics.items()}}

    def _of(self, name: str) -> MetricHistory:
        if not self.exists(name):
            raise ValueError(
                f"There is no metric {name!r}. The trial has: {', '.join(self) or 'none'}."
            )
        series = self._series.get(name)
        if series is None:
            series = {self._step: [self[name]]}
        observations = [MetricObservation(list(series[step]), step) for step in sorted(series)]
        return MetricHistory(observations, self._directions.get(name) or direction_of(name))
