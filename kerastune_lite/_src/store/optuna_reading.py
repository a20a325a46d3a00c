"""Studies of Optuna, read as if they were projects of ours; nothing is written.

Optuna does not know of conditions: a hyperparameter that only some trials have is one that is not
always active.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.events import Event, StopReason
from kerastune_lite._src.core.goals import ObjectiveLike, create_objective
from kerastune_lite._src.core.objective import (
    Direction,
    Objective,
    best_epoch,
    single_objectives,
)
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Domain, Value
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.store.store import Epoch, Project, Session, Store
from kerastune_lite._src.util.errors import StoreError

NAME = "value"
"""The objective of a study without names of metrics, as in Optuna's tables."""


class OptunaFolder:
    """A study in place of the folder of a project.

    Args:
        study: an `optuna.Study`.
        objective: names of its objectives, or None.

    Raises:
        ValueError: `objective` does not fit the study.
    """

    being_written = False
    """A study does not say it."""

    def __init__(self, study: Any, objective: ObjectiveLike = None) -> None:
        self.root = Path(study.study_name)
        self._study = study
        self._objective = objective_of(study, objective)

    def open(self, read_only: bool = True) -> OptunaStore:
        """The trials as they are now."""
        return OptunaStore(self._study, self._objective)

    def load(self) -> Project:
        """The study as it is at this moment."""
        return self.open().load()


class OptunaStore(Store):
    """The content of a study; for the arguments see `OptunaFolder`."""

    def __init__(self, study: Any, objective: Objective) -> None:
        found = [trial for trial in study.get_trials() if trial.state.name != "WAITING"]
        domains = _domains(found)
        space = Space(Parameter(name, domain) for name, domain in domains.items())
        trials = tuple(
            _trial(number, trial, domains, space, objective) for number, trial in enumerate(found)
        )
        self._curves = [_curve(trial) for trial in found]
        self._name = objective.name
        started = [trial.started for trial in trials if trial.started is not None]
        ended = [trial.finished for trial in trials if trial.finished is not None]
        self._project = Project(
            name=study.study_name,
            settings={
                "objective": objective.to_json(),
                "oracle": {"type": "Optuna", "study": study.study_name},
            },
            space=space,
            trials=trials,
            queue={},
            enqueued=0,
            versions={},
            session=Session(
                min(started, default=0.0), max(ended, default=None), StopReason.SCHEDULE
            ),
        )

    def record(self, events: Iterable[Event]) -> None:
        raise StoreError("Studies of Optuna can only be read.")

    def load(self) -> Project:
        return self._project

    def epochs(self, trial: int) -> list[Epoch]:
        if not 0 <= trial < len(self._curves):
            return []
        curve = enumerate(self._curves[trial])
        return [Epoch(0, 0, epoch, {self._name: value}) for epoch, value in curve]

    def close(self) -> None:
        """No file stays open."""


# ---------------------------------------------------------------------- objectives


def objective_of(study: Any, given: ObjectiveLike) -> Objective:
    """The objective of a study, with its directions.

    Args:
        given: names of the objectives, or None.

    Raises:
        ValueError: there are not as many as the study has, or one has another direction.
    """
    directions: list[Direction] = [
        "max" if each.name == "MAXIMIZE" else "min" for each in study.directions
    ]
    if given is None:
        count = len(directions)
        unnamed = [NAME] if count == 1 else [f"{NAME}_{i}" for i in range(count)]
        named: Sequence[Objective] = [Objective(each) for each in study.metric_names or unnamed]
    else:
        named = single_objectives(given if isinstance(given, (list, tuple)) else [given])
    if len(named) != len(directions):
        raise ValueError(
            f"`objective` must name all objectives of the study, which has {len(directions)}. "
            f"Received: {given!r}."
        )
    for each, direction in zip(named, directions):
        if each.direction not in (None, direction):
            raise ValueError(
                f"`objective` must have the direction of the study, {direction!r}. "
                f"Received: {each}. Omit the direction."
            )
    parts = [Objective(each.name, direction) for each, direction in zip(named, directions)]
    return create_objective(parts)


# ---------------------------------------------------------------------- spaces


def _domains(trials: Iterable[Any]) -> dict[str, Domain]:
    """For each hyperparameter a domain with all values that it could have in any trial."""
    found: dict[str, list[Any]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            known = found.setdefault(name, [])
            if distribution not in known:
                known.append(distribution)
    return {name: _joined(distributions) for name, distributions in found.items()}


def _joined(distributions: Sequence[Any]) -> Domain:
    kinds = {type(each).__name__ for each in distributions}
    if "CategoricalDistribution" in kinds:
        return _choice(distributions)
    low = min(each.low for each in distributions)
    high = max(each.high for each in distributions)
    log = all(each.log for each in distributions)
    steps = {each.step for each in distributions}
    step = steps.pop() if len(steps) == 1 and len(distributions) == 1 and not log else None
    sampling = "log" if log else "linear"
    if kinds == {"IntDistribution"}:
        return Int(low, high, step=step, sampling=sampling)
    return Float(low, high, step=step, sampling=sampling)


def _choice(distributions: Sequence[Any]) -> Domain:
    values: list[Any] = []
    for each in distributions:
        values += getattr(each, "choices", ())
    if all(isinstance(value, bool) for value in values) and len(set(values)) == 2:
        return Boolean()
    try:
        return Choice(tuple(values), ordered=False)
    except (TypeError, ValueError):  # of several types, or not scalars
        return Choice(tuple(map(str, values)), ordered=False)


def _value(domain: Domain, value: Any) -> Value:
    """A value of a trial; a text if the domain has texts in place of its values."""
    found: Value = value if domain.contains(value) else str(value)
    return found if domain.contains(found) else value


# ---------------------------------------------------------------------- trials


def _trial(
    number: int, theirs: Any, domains: Mapping[str, Domain], space: Space, objective: Objective
) -> Trial:
    started, finished = (
        None if time is None else time.timestamp()
        for time in (theirs.datetime_start, theirs.datetime_complete)
    )
    trial = Trial(
        number=number,
        values={name: _value(domains[name], param) for name, param in theirs.params.items()},
        space=space,
        origin=f"Optuna's trial {theirs.number}",
        started=started,
        finished=finished,
    )
    if theirs.state.name == "RUNNING":
        return trial
    curve, pruned = _curve(theirs), theirs.state.name == "PRUNED"
    values = list(theirs.values or (curve[-1:] if pruned else ()))
    if len(values) < len(objective.parts) or any(map(math.isnan, values)):
        message = "It was pruned before it reported a value." if pruned else None
        execution = Execution(0, Outcome.FAILED, message=message)
        return dataclasses.replace(
            trial, status=TrialStatus.FAILED, message=message, executions=(execution,)
        )
    scored = dataclasses.replace(
        trial,
        executions=(_execution(trial, theirs, objective, values),),
        # Those that were not pruned were trained to the end.
        goal=max(len(curve), 1) if pruned else None,
    ).scored(objective, finished or 0.0)
    excesses = tuple(theirs.constraints.values())
    return dataclasses.replace(scored, finished=finished, excesses=excesses)


def _execution(
    trial: Trial, theirs: Any, objective: Objective, values: Sequence[float]
) -> Execution:
    curve, parts = _curve(theirs), objective.parts
    known = trial.started is not None and trial.finished is not None
    return Execution(
        0,
        Outcome.COMPLETED,
        score=values[0],
        loss=parts[0].loss_of(values[0]),
        metrics={**_numbers(theirs.user_attrs), **{p.name: v for p, v in zip(parts, values)}},
        best_epoch=best_epoch(parts[0], {parts[0].name: curve}),
        epochs=len(curve),
        seconds=(trial.finished or 0.0) - (trial.started or 0.0) if known else 0.0,
    )


def _curve(theirs: Any) -> list[float]:
    """The values that were reported before the end, in the order of their steps."""
    return [float(theirs.intermediate_values[step]) for step in sorted(theirs.intermediate_values)]


def _numbers(attributes: Mapping[str, Any]) -> dict[str, float]:
    """The attributes that are numbers, and the metrics that `to_optuna` has written."""
    metrics = attributes.get("metrics")
    named = {**attributes, **(metrics if isinstance(metrics, Mapping) else {})}
    return {
        str(name): float(value)
        for name, value in named.items()
        if isinstance(value, numbers.Real) and not isinstance(value, bool)
    }
