"""The plain data that all layers share: trials, their executions, and segments of training."""

from __future__ import annotations

import dataclasses
import enum
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from kerastune_lite._src.space.domains import Domain, Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.formatting import (
    NO_REASON,
    html_block,
    html_line,
    html_table,
    one_line,
    score_text,
    seconds_text,
    value_text,
)
from kerastune_lite._src.util.public import public

_RAISED = re.compile(r"[\w.]+(Error|Exception|Interrupt|Exit|Warning)\b")
_FAILURE_LINES = 2
"""Keras says in the first line of a message where it was, and in the second what was wrong."""

REJECTED = "rejected (max_model_size, FailedTrialError)"
"""What happened to a trial whose values cannot work, and by which means."""

TRAINING_PATHS = ("model.fit", "own trace", "shared trace", "NumPy", "stacked")
"""The ways in which models are trained, from the slowest."""


@public("kerastune_lite.oracles")
class TrialStatus(str, enum.Enum):
    """Where a trial stands. Names follow KerasTuner."""

    RUNNING = "RUNNING"
    """Proposed, and not yet finished; what a killed search leaves behind."""
    PAUSED = "PAUSED"
    """Trained to the end of a rung, with a score; it may go on, if its scheduler wants it to."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value


@public("kerastune_lite.oracles")
class Outcome(str, enum.Enum):
    """How an execution ended."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    """The user's code raised, or the objective was not finite: may be tried again."""
    REJECTED = "REJECTED"
    """`FailedTrialError`, `max_model_size`: these values cannot work, so there is no retry."""


@public("kerastune_lite.oracles")
@dataclasses.dataclass(frozen=True)
class Execution:
    """One training of a trial's model, from new weights to the last epoch.

    Attributes:
        index: 0 for the first repeat of the trial.
        attempt: 0, and one more for each retry of this execution.
        score, loss: of the best epoch; None unless completed.
        metrics: all metrics at the best epoch.
        best_epoch: counted from 0; None when no epochs were reported.
        epochs: how many epochs were trained.
        seconds: wall clock.
        message: why it failed, with the traceback.
        weights: the file of the best epoch's weights, relative to the project's folder.
        build_config: what a model needs to create its variables, if `build` left it unbuilt.
        path: how it was trained, one of `TRAINING_PATHS` (docs/training.md); several where
            `HyperModel.fit` trained more than once, joined by ", ". None where we did not train
            it: what a user's own `run_trial` does, or a project of an earlier version.
        path_reason: why on no faster path; None where nothing needs saying.
        state: the file from which it can go on, relative to the project's folder.
        stopped: whether a callback of the user's ended it before its goal, so that there is nothing
            to go on with. What the scheduler stopped is not counted here.
    """

    index: int
    outcome: Outcome
    attempt: int = 0
    score: float | None = None
    loss: float | None = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    best_epoch: int | None = None
    epochs: int = 0
    seconds: float = 0.0
    message: str | None = None
    weights: str | None = None
    build_config: Mapping[str, Any] | None = None
    path: str | None = None
    path_reason: str | None = None
    state: str | None = None
    stopped: bool = False


@public("kerastune_lite.oracles")
@dataclasses.dataclass(frozen=True)
class Trial:
    """One set of hyperparameter values, and what became of it.

    Attributes:
        number: counted from 0 in the order of proposal.
        values: by name, in the order in which the builder asked for them. While the trial runs,
            all that was proposed; afterwards only what it used.
        space: the space as it was known at the proposal.
        status: see `TrialStatus`.
        origin: "oracle", or "enqueued" for a hand-picked point.
        score: the objective's value as the user reads it, the mean over executions.
        loss: the same with smaller always better.
        metrics: means over executions of the metrics at each one's best epoch.
        best_step: the mean best epoch, counted from 0, rounded.
        message: the traceback of a failed trial.
        started, finished: seconds since 1970.
        bracket: the scheduler's bracket that it belongs to.
        goal: how many epochs it is trained for at present; None: as many as the fit arguments say.
            Of a trial that its scheduler stopped, as many as it had then.
        resumable: whether it may be trained for more afterwards, so that its state is kept.
    """

    number: int
    values: Mapping[str, Value]
    space: Space = dataclasses.field(default_factory=Space, repr=False, compare=False)
    status: TrialStatus = TrialStatus.RUNNING
    origin: str = "oracle"
    score: float | None = None
    loss: float | None = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    best_step: int | None = None
    message: str | None = None
    executions: tuple[Execution, ...] = ()
    started: float | None = None
    finished: float | None = None
    bracket: int | None = None
    goal: int | None = None
    resumable: bool = False

    def __repr__(self) -> str:
        score = "" if self.score is None else f", score={score_text(self.score)}"
        return f"Trial({self.number}, {self.status}{score}, values={dict(self.values)})"

    def _repr_html_(self) -> str:
        title = [f"Trial {self.number}", str(self.status)]
        if self.score is not None:
            title.append(f"score {score_text(self.score)}")
        if self.best_step is not None:
            title.append(f"best epoch {self.best_step + 1}")
        if self.seconds is not None:
            title.append(f"{seconds_text(self.seconds)} s")
        values = [[one_line(name), value_text(value)] for name, value in self.values.items()]
        failed = self.status is TrialStatus.FAILED
        reason = one_line(self.failure or NO_REASON)
        if self.rejected:
            reason = f"{REJECTED}: {reason}"
        return html_block(
            html_line(" · ".join(title), bold=True),
            html_line(reason) if failed else "",
            html_table(["hyperparameter", "value"], values, left=["hyperparameter"]),
        )

    @property
    def trial_id(self) -> str:
        """The number, padded so that names sort."""
        return f"{self.number:04d}"

    @functools.cached_property
    def hyperparameters(self) -> HyperParameters:
        """Space and values as the `hp` object that builders take."""
        return HyperParameters(self.space, self.values)

    def bound_to(self, hp: HyperParameters) -> Trial:
        """This trial with `hp` as its hyperparameters, so that what is asked of it is seen."""
        bound = dataclasses.replace(self)
        bound.__dict__["hyperparameters"] = hp
        return bound

    @property
    def completed_executions(self) -> list[Execution]:
        """The executions that came to their end; of each repeat the latest."""
        done = {e.index: e for e in self.executions if e.outcome is Outcome.COMPLETED}
        return [done[index] for index in sorted(done)]

    @property
    def epochs(self) -> int:
        """How many epochs all of its executions have been trained for."""
        return min((e.epochs for e in self.completed_executions), default=0)

    @property
    def path(self) -> str | None:
        """How its executions were trained: the distinct paths, in the order of appearance."""
        paths = [path for e in self.executions if e.path for path in e.path.split(", ")]
        return ", ".join(dict.fromkeys(paths)) or None

    def failed_by(self, execution: Execution, now: float) -> Trial:
        """This trial, given up because of `execution`."""
        return dataclasses.replace(
            self, status=TrialStatus.FAILED, message=execution.message, finished=now
        )

    def scored(self, loss_of: Callable[[float], float], now: float) -> Trial:
        """This trial, completed: score, metrics and best epoch are means over its executions.

        Args:
            loss_of: turns a score into a loss.
            now: seconds since 1970.
        """
        done = self.completed_executions
        scores = [e.score for e in done if e.score is not None]
        score = sum(scores) / len(scores)
        names = [name for name in done[0].metrics if all(name in e.metrics for e in done)]
        epochs = [e.best_epoch for e in done if e.best_epoch is not None]
        return dataclasses.replace(
            self,
            status=TrialStatus.COMPLETED,
            score=score,
            loss=loss_of(score),
            metrics={name: sum(e.metrics[name] for e in done) / len(done) for name in names},
            best_step=round(sum(epochs) / len(epochs)) if epochs else None,
            finished=now,
        )

    @property
    def rejected(self) -> bool:
        """Whether its values cannot work: the model was too large, or `FailedTrialError` raised."""
        return self.status is TrialStatus.FAILED and any(
            e.outcome is Outcome.REJECTED for e in self.executions
        )

    @property
    def seconds(self) -> float | None:
        """Wall clock from start to finish."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started

    @property
    def failure(self) -> str | None:
        """What was raised, in one line: the error at the end of the traceback."""
        lines = [line.strip() for line in (self.message or "").splitlines()]
        # Below the last frame stands the exception; Keras's go on over many lines.
        starts = [i for i, line in enumerate(lines) if _RAISED.match(line)]
        error = [line for line in lines[starts[-1] if starts else -1 :] if line]
        return " ".join(error[:_FAILURE_LINES]) or None


@dataclasses.dataclass(frozen=True)
class Segment:
    """The unit of work: train this execution of this trial over these epochs.

    Attributes:
        trial: the trial, with its values.
        execution: which repeat.
        attempt: which retry.
        start_epoch, end_epoch: from (included) and to (excluded), counted from 0; `end_epoch`
            None means as many as the fit arguments say.
        seed: for weights, shuffling and dropout.
        unseen: how a parameter that the space does not hold yet gets its value: "default",
            "sample", or "first" (of its grid).
        fill_seed: for those samples; the same for all segments of a trial.
        keep_below: the best epoch's weights are kept when the loss is below this; None: always.
        resume_from: the file with the state of the training at `start_epoch`, relative to the
            project's folder; None for a training that begins at 0.
        keep_state: the file for the state at the segment's end; None: it is not wanted.
        companions: other executions of the trial that may be trained at the same time, if that
            saves time; those that were are in the report.
    """

    trial: Trial
    execution: int = 0
    attempt: int = 0
    start_epoch: int = 0
    end_epoch: int | None = None
    seed: int = 0
    unseen: str = "default"
    fill_seed: int = 0
    keep_below: float | None = None
    resume_from: str | None = None
    keep_state: str | None = None
    companions: tuple[Segment, ...] = ()


@dataclasses.dataclass(frozen=True)
class Report:
    """What a runner says when a segment has ended.

    Attributes:
        segment: which one.
        executions: its result, and those of others that were trained along with it.
        values: the hyperparameters that were used, in order of use.
        added: parameters that the space did not hold yet.
        fatal: the exception that must stop the search.
        redeclared: names that were declared with several domains: the one that holds, and another.
    """

    segment: Segment
    executions: tuple[Execution, ...]
    values: Mapping[str, Value]
    added: tuple[Parameter, ...] = ()
    fatal: BaseException | None = None
    redeclared: Mapping[str, tuple[Domain, Domain]] = dataclasses.field(default_factory=dict)
