"""Projects that KerasTuner has written, read as if they were ours; nothing is written.

    directory/project_name/
      oracle.json               the space, and the order of the trials
      trial_0000/trial.json     values, metrics, score, status; one folder for each trial

The files have the score of each trial and the direction of each metric, but not which metric was
the objective.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.events import Event, StopReason
from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.objective import Direction, Objective, Sum
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.space.kerastuner_json import space_from
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.store import Epoch, Project, Session, Store
from kerastune_lite._src.util.errors import StoreError

ORACLE = "oracle.json"
"""The file that makes a folder a project of KerasTuner."""

TRIAL = "trial.json"

_STATUSES = {
    "COMPLETED": TrialStatus.COMPLETED,
    "FAILED": TrialStatus.FAILED,
    "INVALID": TrialStatus.FAILED,  # It would have been tried again.
    "RUNNING": TrialStatus.RUNNING,
    "STOPPED": TrialStatus.RUNNING,
    "IDLE": TrialStatus.RUNNING,
}

_HYPERBAND = "tuner/"
"""How the names begin under which KerasTuner's Hyperband adds its plan to the values of a trial."""


class KerasTunerFolder:
    """The folder of a project of KerasTuner.

    Args:
        root: the folder.
        objective: what was optimised; without a direction it has that of the metric. None: it is
            derived from the scores.
    """

    being_written = False
    """KerasTuner's files do not say it."""

    def __init__(self, root: Path, objective: Objective | None = None) -> None:
        self.root = root
        self._objective = objective

    @property
    def exists(self) -> bool:
        """Whether it is a project of KerasTuner."""
        return (self.root / ORACLE).is_file()

    def open(self, read_only: bool = True) -> KerasTunerStore:
        """The files, read now."""
        return KerasTunerStore(self.root, self._objective)

    def load(self) -> Project:
        """The project as it is at this moment.

        Raises:
            StoreError: a file cannot be read, or the objective is not known.
        """
        return self.open().load()


class KerasTunerStore(Store):
    """The content of a project of KerasTuner; for the arguments see `KerasTunerFolder`."""

    def __init__(self, root: Path, objective: Objective | None = None) -> None:
        oracle = _json(root / ORACLE)
        with _understood(root / ORACLE):
            entries = oracle["hyperparameters"]["space"]
            space = space_from(entries)
            started, moments = _times(oracle)
            ongoing = dict(oracle["ongoing_trials"])
            numbers = {k: v for k, v in oracle.items() if isinstance(v, (int, float))}
        records = [_Record.read(path, entries) for path in _trial_files(root, oracle)]
        for record in records:
            space = space.merged(record.further)
        objective = _objective(root, records, objective)
        self._epochs = [list(record.epochs()) for record in records]
        ended = (root / ORACLE).stat().st_mtime
        self._project = Project(
            name=root.resolve().name,
            settings={
                "objective": objective.to_json(),
                "oracle": {"type": "KerasTuner", **numbers},
            },
            space=space,
            trials=tuple(
                record.trial(number, space, objective, moments.get(record.trial_id))
                for number, record in enumerate(records)
            ),
            queue={},
            enqueued=0,
            versions={},
            session=Session(
                ended if started is None else started,
                ended,
                StopReason.INTERRUPTED if ongoing else StopReason.SCHEDULE,
                "or not ended yet; KerasTuner's files do not say it" if ongoing else None,
            ),
        )

    def record(self, events: Iterable[Event]) -> None:
        raise StoreError("Projects of KerasTuner can only be read.")

    def load(self) -> Project:
        return self._project

    def epochs(self, trial: int) -> list[Epoch]:
        return self._epochs[trial] if 0 <= trial < len(self._epochs) else []

    def close(self) -> None:
        """No file stays open."""


# ---------------------------------------------------------------------- files


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"KerasTuner's file {path} cannot be read: {error}. If a search is writing it, try "
            "again; otherwise restore it from a backup."
        ) from error


@contextlib.contextmanager
def _understood(path: Path) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{path} does not have the form of KerasTuner's files: {error!r}."
        ) from error


def _trial_files(root: Path, oracle: Any) -> list[Path]:
    """The files of the trials, in the order in which these were started."""
    files = list(root.glob(f"trial_*/{TRIAL}"))
    with _understood(root / ORACLE):
        # Versions before 1.3 have random ids, and did not record an order.
        order = {f"trial_{name}": place for place, name in enumerate(oracle.get("start_order", ()))}
    return sorted(
        files,
        key=lambda path: (
            order.get(path.parent.name, len(order)),
            0.0 if order else path.stat().st_mtime,
            path,
        ),
    )


def _times(oracle: Mapping[str, Any]) -> tuple[float | None, dict[str, float]]:
    """When the search and each trial started, in seconds since 1970, as far as it is known."""
    display = oracle.get("display") or {}
    started = display.get("search_start")
    trials = display.get("trial_start") or {}
    return (
        None if started is None else _moment(started),
        {name: _moment(text) for name, text in trials.items()},
    )


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


# ---------------------------------------------------------------------- trials


@dataclasses.dataclass(frozen=True)
class _Metric:
    """The mean values of a metric, by the epoch in which they were observed."""

    direction: Direction
    values: Mapping[int, float]

    @property
    def best(self) -> float:
        known = [value for value in self.values.values() if not math.isnan(value)]
        return (max if self.direction == "max" else min)(known, default=math.nan)

    def at(self, epoch: int | None) -> float:
        """The value in an epoch, otherwise the best."""
        return self.best if epoch is None else self.values.get(epoch, self.best)


@dataclasses.dataclass(frozen=True)
class _Record:
    """What the file of a trial says.

    Attributes:
        further: its space, if it differs from that of the oracle.
    """

    path: Path
    trial_id: str
    values: Mapping[str, Any]
    further: Space
    status: TrialStatus
    score: float | None
    best_step: int | None
    message: str | None
    metrics: Mapping[str, _Metric]

    @staticmethod
    def read(path: Path, known: Any) -> _Record:
        """The content of a file; `known` are the entries of the space of the oracle."""
        state = _json(path)
        with _understood(path):
            entries = state["hyperparameters"]["space"]
            score = state["score"]
            if score is not None:
                score = None if math.isnan(score) else float(score)
            return _Record(
                path=path,
                trial_id=str(state["trial_id"]),
                values=dict(state["hyperparameters"]["values"]),
                further=Space() if entries == known else space_from(entries),
                status=_STATUSES[state["status"]],
                score=score,
                best_step=None if score is None else state["best_step"],
                message=state.get("message"),
                metrics={
                    name: _metric(config) for name, config in state["metrics"]["metrics"].items()
                },
            )

    def epochs(self) -> Iterator[Epoch]:
        """The observations; the epochs before the last one that were not observed are empty."""
        last = max((epoch for each in self.metrics.values() for epoch in each.values), default=-1)
        for epoch in range(last + 1):
            named = self.metrics.items()
            values = {name: each.values[epoch] for name, each in named if epoch in each.values}
            yield Epoch(0, 0, epoch, values)

    def trial(
        self, number: int, space: Space, objective: Objective, started: float | None
    ) -> Trial:
        loss = None if self.score is None else objective.loss_of(self.score)
        metrics = {name: each.at(self.best_step) for name, each in self.metrics.items()}
        series = {n: {e: [v] for e, v in m.values.items()} for n, m in self.metrics.items()}
        directions = {name: each.direction for name, each in self.metrics.items()}
        plan = {
            name.removeprefix(_HYPERBAND): value
            for name, value in self.values.items()
            if name.startswith(_HYPERBAND)
        }
        origin = f"KerasTuner's trial {self.trial_id}"
        if plan.get("trial_id"):
            origin += f", continues its trial {plan['trial_id']}"
        return Trial(
            number=number,
            values={k: v for k, v in self.values.items() if not k.startswith(_HYPERBAND)},
            space=space,
            status=self.status,
            origin=origin,
            score=self.score,
            loss=loss,
            metrics=Metrics(metrics, self.best_step, series, directions),
            best_step=self.best_step,
            message=self.message,
            executions=tuple(self._executions(loss, metrics, plan.get("epochs", 0))),
            started=started,
            bracket=plan.get("bracket"),
            goal=plan.get("epochs"),
        )

    def _executions(
        self, loss: float | None, metrics: Mapping[str, float], epochs: int
    ) -> Iterator[Execution]:
        if self.status is TrialStatus.COMPLETED:
            weights = self.path.with_name("checkpoint.weights.h5")
            yield Execution(
                0,
                Outcome.COMPLETED,
                score=self.score,
                loss=loss,
                metrics=metrics,
                best_epoch=self.best_step,
                epochs=epochs,
                weights=f"{weights.parent.name}/{weights.name}" if weights.exists() else None,
            )
        elif self.status is TrialStatus.FAILED:
            rejected = "FailedTrialError" in (self.message or "")
            outcome = Outcome.REJECTED if rejected else Outcome.FAILED
            yield Execution(0, outcome, message=self.message)


def _metric(config: Mapping[str, Any]) -> _Metric:
    values = {}
    for observation in config["observations"]:
        given = observation["value"]
        numbers = given if isinstance(given, list) else [given]
        values[int(observation["step"])] = sum(numbers) / len(numbers)
    return _Metric(config["direction"], values)


# ---------------------------------------------------------------------- objective


def _objective(root: Path, records: list[_Record], given: Objective | None) -> Objective:
    """The objective with its direction."""
    if given is not None:
        return _directed(root, records, given)
    scored = [record for record in records if record.score is not None]
    if not scored:
        return Objective("score")  # Nothing depends on it.
    found = [
        Objective(name, metric.direction)
        for name, metric in scored[0].metrics.items()
        if all(_is_score(record, name) for record in scored)
    ]
    if len({each.direction for each in found}) != 1:
        candidates = " and of ".join(f"{each.name!r} ({each.direction})" for each in found)
        raise StoreError(
            f"KerasTuner's files in {root} do not say what was optimised, and the scores of the "
            f"{len(scored)} trials that have one are those of {candidates or 'no metric'}. Name "
            "it: kerastune_lite.open_project(folder, objective=kerastune_lite.Objective(name, "
            "'min')) or 'max'."
        )
    # If several metrics have the scores, only the name is open: all have the same best trials.
    validated = (each for each in found if each.name.startswith("val_"))
    return next(validated, found[0])


def _directed(root: Path, records: list[_Record], given: Objective) -> Objective:
    """An objective of the user, with the direction of its metric if it has none."""
    if isinstance(given, Sum):
        parts = tuple(_directed(root, records, part) for part in given.parts)
        return given.with_parts(parts)
    if given.direction is not None:
        return given
    for record in records:
        if given.name in record.metrics:
            return Objective(given.name, record.metrics[given.name].direction)
    raise StoreError(
        f"No trial in {root} has the metric {given.name!r}. Write the objective with its "
        f"direction: kerastune_lite.Objective({given.name!r}, 'min') or 'max'."
    )


def _is_score(record: _Record, name: str) -> bool:
    metric = record.metrics.get(name)
    if metric is None or record.score is None:
        return False
    return math.isclose(metric.best, record.score, rel_tol=1e-9)
