"""The metrics of a trial: a mapping with the methods of KerasTuner's tracker."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.objective import Direction

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


class Metrics(dict[str, float]):
    """Metrics by name, as the means over a trial's executions at their best epochs.

    Without a series, a metric has one observation: its value, at the trial's best epoch.

    Args:
        values: by name.
        step: the trial's best epoch, counted from 0.
        series: more than that, for metrics that were observed at several steps.
        directions: of metrics by name. Default: "min".
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

    def exists(self, name: str) -> bool:
        """Whether there is a metric called `name`."""
        return name in self or name in self._series

    def get_history(self, name: str) -> list[MetricObservation]:
        """The observations of the metric `name` in the order of their steps.

        The learning curves of a trial are `tuner.history(trial)`.

        Raises:
            ValueError: there is no such metric.
        """
        if name in self._series:
            return [
                MetricObservation(list(v), step) for step, v in sorted(self._series[name].items())
            ]
        if name not in self:
            raise ValueError(
                f"There is no metric {name!r}. The trial has: {', '.join(self) or 'none'}."
            )
        return [MetricObservation([self[name]], self._step)]

    def get_best_value(self, name: str) -> float | None:
        """The best mean value of the metric `name`; None if all are NaN."""
        best = self._best(name)
        return None if best is None else best.mean()

    def get_best_step(self, name: str) -> int | None:
        """The step of the best value of the metric `name`; None if all are NaN."""
        best = self._best(name)
        return None if best is None else best.step

    def get_last_value(self, name: str) -> float | None:
        """The mean value of the metric `name` at the last step; None if it was never observed."""
        history = self.get_history(name)
        return history[-1].mean() if history else None

    def get_direction(self, name: str) -> Direction:
        """Whether the metric `name` is to be minimised ("min") or maximised ("max")."""
        self.get_history(name)
        return self._directions.get(name, "min")

    def get_statistics(self, name: str) -> dict[str, float]:
        """Minimum, maximum, mean, median, variance and standard deviation over the steps."""
        means = [each.mean() for each in self.get_history(name)]
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
        """Directions and observations as JSON, in KerasTuner's format."""
        names = dict.fromkeys([*self, *self._series])
        return {
            "metrics": {
                name: {
                    "direction": self.get_direction(name),
                    "observations": [dataclasses.asdict(each) for each in self.get_history(name)],
                }
                for name in names
            }
        }

    def _best(self, name: str) -> MetricObservation | None:
        observed = [each for each in self.get_history(name) if not math.isnan(each.mean())]
        choose = max if self.get_direction(name) == "max" else min
        return choose(observed, key=MetricObservation.mean, default=None)
