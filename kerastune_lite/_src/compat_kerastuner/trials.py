"""KerasTuner's trial, whose attributes can be set, and its statuses."""

from __future__ import annotations

import enum
import json
import math
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kerastune_lite._src.core import trial as core
from kerastune_lite._src.core.metrics import MetricObservation, Metrics, direction_of
from kerastune_lite._src.core.objective import Direction, Objective
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public


@public("kerastune_lite.engine.trial")
class TrialStatus(str, enum.Enum):
    """The statuses of KerasTuner's trials. They equal their names as strings.

    Example:
        >>> import kerastune_lite as kt
        >>> kt.engine.trial.TrialStatus.COMPLETED == "COMPLETED"
        True
    """

    RUNNING = "RUNNING"
    IDLE = "IDLE"
    """There is no trial now; ask again."""
    INVALID = "INVALID"
    """It failed, and may be retried."""
    STOPPED = "STOPPED"
    """There are no more trials."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value


class MetricsTracker(Metrics):
    """The metrics of a trial that are reported one by one."""

    def __init__(self) -> None:
        super().__init__()
        self._series: dict[str, dict[int, list[float]]] = {}
        self._directions: dict[str, Direction] = {}
        self._best: dict[str, float | None] = {}

    def register(self, name: str, direction: Direction | None = None) -> None:
        """Add the metric `name` with its `direction`, by default that of its name.

        Raises:
            ValueError: there is one already.
        """
        if self.exists(name):
            raise ValueError(f"There is a metric {name!r} already.")
        self._series[name], self._best[name] = {}, None
        self._directions[name] = direction or direction_of(name)

    def set_history(self, name: str, observations: Iterable[MetricObservation]) -> None:
        """Record `observations` of the metric `name`."""
        for each in observations:
            for value in each.value:
                self.update(name, value, each.step)

    def update(self, name: str, value: float, step: int = 0) -> bool:  # type: ignore[override]
        """Record a value of the metric `name`; returns whether its best value changed."""
        if not self.exists(name):
            self.register(name)
        before = best = self._best[name]
        observed = self._series[name].setdefault(step, [])
        observed.append(float(value))
        if len(observed) > 1:
            best = self.get_best_value(name)
        elif not math.isnan(value):
            choose = max if self._directions[name] == "max" else min
            best = float(value) if before is None else choose(before, float(value))
        self._best[name] = best
        self[name] = float(value) if best is None else best
        return best != before


@public("kerastune_lite.engine.trial")
class Trial(core.Trial):
    """A trial whose attributes can be set, as KerasTuner's oracles do.

    Args:
        hyperparameters: its space and its values.
        trial_id: default: a random one.
        status: see `TrialStatus`.
        message: the traceback, if it failed.

    Example:
        >>> import kerastune_lite as kt
        >>> trial = kt.engine.trial.Trial(kt.HyperParameters(values={"units": 8}), "0001")
        >>> trial.score = 0.5
        >>> trial.summary()
        Trial 0001 summary
        Hyperparameters:
        units: 8
        Score: 0.5
    """

    trial_id: str = ""
    metrics: MetricsTracker
    __setattr__ = object.__setattr__

    def __init__(
        self,
        hyperparameters: HyperParameters,
        trial_id: str | None = None,
        status: str = TrialStatus.RUNNING,
        message: str | None = None,
    ) -> None:
        super().__init__(0, {}, metrics=MetricsTracker())
        self.trial_id = uuid.uuid4().hex if trial_id is None else trial_id
        self.mark(status, message)
        vars(self)["hyperparameters"] = hyperparameters

    def __repr__(self) -> str:
        values = self.hyperparameters.values
        return f"Trial({self.trial_id!r}, {self.status}, score={self.score}, values={values})"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash(self.trial_id)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over `state`, which `get_state` returned, here or in KerasTuner."""
        metrics = MetricsTracker()
        for name, held in state["metrics"]["metrics"].items():
            metrics.register(name, held["direction"])
            metrics.set_history(name, (MetricObservation(**each) for each in held["observations"]))
        vars(self).update(
            trial_id=state["trial_id"],
            hyperparameters=HyperParameters.from_config(state["hyperparameters"]),
            metrics=metrics,
            score=state["score"],
            best_step=state["best_step"],
        )
        self.mark(TrialStatus(state["status"]), state["message"])

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Trial:
        """The trial whose `get_state` returned `state`, here or in KerasTuner."""
        trial = cls(HyperParameters())
        trial.set_state(state)
        return trial

    def save(self, fname: str) -> None:
        """Write the trial to the file `fname`, as JSON."""
        Path(fname).write_text(json.dumps(self.get_state()), encoding="utf-8")

    def reload(self, fname: str) -> None:
        """Take over what is in the file `fname`, which `save` wrote, here or in KerasTuner."""
        self.set_state(json.loads(Path(fname).read_text(encoding="utf-8")))

    @classmethod
    def load(cls, fname: str) -> Trial:
        """The trial in the file `fname`, which `save` wrote, here or in KerasTuner."""
        trial = cls(HyperParameters())
        trial.reload(fname)
        return trial

    def mark(self, status: str, message: str | None = None) -> None:
        """Set its `status` and its `message`."""
        vars(self).update(status=status, message=message)

    def record(self, metrics: Mapping[str, float], step: int, objective: Objective) -> None:
        """Record `metrics` at `step`, with the directions of the `objective`."""
        for name, value in metrics.items():
            if not self.metrics.exists(name):
                self.metrics.register(name, direction_of(name, objective))
            self.metrics.update(name, value, step)
