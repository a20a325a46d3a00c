"""The plain data that all layers share: trials, their executions, and segments of training."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial_html import trial_html
from kerastune_lite._src.space.domains import Domain, Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.formatting import exception_in, score_text
from kerastune_lite._src.util.public import public

REJECTED = "rejected (max_model_size, constraints, FailedTrialError)"
"""The state of a rejected trial, and the possible causes."""

TRAINING_PATHS = ("model.fit", "own trace", "shared trace", "NumPy", "stacked")
"""How models are trained, from the slowest to the fastest."""


@public("kerastune_lite.oracles")
class TrialStatus(str, enum.Enum):
    """The state of a trial. Names follow KerasTuner.

    Example:
        >>> from kerastune_lite.oracles import TrialStatus
        >>> TrialStatus.PAUSED == "PAUSED", str(TrialStatus.PAUSED)
        (True, 'PAUSED')
    """

    RUNNING = "RUNNING"
    """Started, but not ended; also after the search was killed."""
    PAUSED = "PAUSED"
    """Trained to the end of a rung, with a score; the scheduler may resume it."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value


@public("kerastune_lite.oracles")
class Outcome(str, enum.Enum):
    """How an execution ended.

    Example:
        >>> from kerastune_lite.oracles import Outcome
        >>> [outcome.name for outcome in Outcome if outcome.failed]
        ['FAILED', 'OUT_OF_MEMORY']
    """

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    """The user's code raised, or the objective was not finite; it may be retried."""
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    """It failed because there was not enough memory; it may be retried."""
    REJECTED = "REJECTED"
    """`FailedTrialError` or `max_model_size`: it is not retried."""

    @property
    def failed(self) -> bool:
        """Whether something went wrong, so that it may be retried."""
        return self in (Outcome.FAILED, Outcome.OUT_OF_MEMORY)


@public("kerastune_lite.oracles")
@dataclasses.dataclass(frozen=True)
class Execution:
    """One training of the model of a trial, from new weights to the last epoch.

    Attributes:
        index: 0 for the first execution of the trial.
        outcome: see `Outcome`.
        attempt: 0, plus 1 for each retry of this execution.
        score, loss: of the best epoch; None unless completed.
        metrics: all metrics at the best epoch.
        best_epoch: counted from 0; None if no epochs were reported.
        epochs: the number of epochs trained.
        seconds: wall clock.
        message: the traceback, if it failed.
        weights: the file with the weights of the best epoch, relative to the project's folder.
        build_config: what a model needs to create its variables, if `build` left it unbuilt.
        path: how it was trained, one of `TRAINING_PATHS` (docs/training.md); several, joined by
            ", ", if `HyperModel.fit` trained more than once. None for a user's own `run_trial` and
            for projects of earlier versions.
        path_reason: why no faster path was taken, if that needs an explanation.
        state: the file from which it can be resumed, relative to the project's folder.
        stopped: whether a callback of the user ended it before its goal, so that it cannot be
            resumed; false if the scheduler did.
        log: the file with what was printed during its training, relative to the project's folder,
            if it was trained in a worker process and anything was printed.

    Example:
        >>> from kerastune_lite.oracles import Execution, Outcome
        >>> Execution(0, Outcome.COMPLETED, score=0.9, loss=-0.9, epochs=3).epochs
        3
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
    log: str | None = None


@public("kerastune_lite.oracles")
@dataclasses.dataclass(frozen=True)
class Trial:
    """One set of hyperparameter values, and its results.

    Attributes:
        number: counted from 0 in the order of proposal.
        values: by name, in the order in which `build(hp)` asked for them. While the trial runs, all
            proposed values; afterwards only those that it used.
        space: the space as it was known at the proposal.
        status: see `TrialStatus`.
        origin: "oracle", "enqueued", or "former": the point of a former project.
        score: the value of the objective, the mean over executions.
        loss: the score, negated if the objective is maximised; smaller is better.
        losses: those of all objectives, if there are several; not stored.
        excesses: by how much it exceeds the bound of each constraint, relative to the bound; at
            most 0 for those that it satisfies; not stored.
        metrics: means over executions of the metrics at their best epochs, by name.
        best_step: the mean of their best epochs, counted from 0, rounded.
        message: the traceback, if it failed.
        executions: its trainings.
        started, finished: in seconds since 1970.
        bracket: of the scheduler, if that has brackets.
        goal: the number of epochs at which it will end or pause; None: as the fit arguments say. If
            the scheduler stopped it, the number of epochs trained.
        resumable: whether it pauses at its goal and its state is kept.
        facts: what its `hp` answers besides hyperparameters; not stored.
        parent: the state of another trial from which it was trained on; None: from the start.
        confirmed: whether it has won the race after the search; not stored.

    Example:
        >>> from kerastune_lite.oracles import Execution, Outcome, Trial
        >>> trial = Trial(7, {"units": 32}, executions=(Execution(0, Outcome.COMPLETED, epochs=3),))
        >>> trial.trial_id, trial.hyperparameters["units"], trial.epochs
        ('0007', 32, 3)
    """

    number: int
    values: Mapping[str, Value]
    space: Space = dataclasses.field(default_factory=Space, repr=False, compare=False)
    status: TrialStatus = TrialStatus.RUNNING
    origin: str = "oracle"
    score: float | None = None
    loss: float | None = None
    metrics: Metrics = dataclasses.field(default_factory=Metrics)
    best_step: int | None = None
    message: str | None = None
    executions: tuple[Execution, ...] = ()
    started: float | None = None
    finished: float | None = None
    bracket: int | None = None
    goal: int | None = None
    resumable: bool = False
    facts: Mapping[str, Value] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    losses: tuple[float, ...] = ()
    excesses: tuple[float, ...] = ()
    parent: Parent | None = None
    confirmed: bool = dataclasses.field(default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.metrics, Metrics):
            object.__setattr__(self, "metrics", Metrics(self.metrics, self.best_step))

    def __repr__(self) -> str:
        score = "" if self.score is None else f", score={score_text(self.score)}"
        return f"Trial({self.number}, {self.status}{score}, values={dict(self.values)})"

    def _repr_html_(self) -> str:
        return trial_html(self, REJECTED)

    @functools.cached_property
    def violation(self) -> float:
        """How far it violates the constraints of the search, all together; 0 if it does not."""
        return math.fsum(max(excess, 0.0) for excess in self.excesses)

    @property
    def trial_id(self) -> str:
        """The number with leading zeros, for example "0007"."""
        return f"{self.number:04d}"

    @functools.cached_property
    def hyperparameters(self) -> HyperParameters:
        """Space and values as an `hp` object for `build(hp)`."""
        return HyperParameters(self.space, self.values, facts=self.facts)

    def bound_to(self, hp: HyperParameters) -> Trial:
        """This trial with `hp` as its hyperparameters, which records what is requested.

        Its attributes can be set, as KerasTuner's scripts do; the search does not read them.
        """
        bound = _BoundTrial(**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})
        bound.__dict__["hyperparameters"] = hp
        return bound

    @property
    def completed_executions(self) -> list[Execution]:
        """The completed executions, in the order of their indices; of each the latest attempt."""
        done = {e.index: e for e in self.executions if e.outcome is Outcome.COMPLETED}
        return [done[index] for index in sorted(done)]

    @property
    def epochs(self) -> int:
        """The number of epochs that all completed executions have reached."""
        return min((e.epochs for e in self.completed_executions), default=0)

    @property
    def path(self) -> str | None:
        """The distinct paths of its executions, joined by ", "; None if unknown."""
        paths = [path for e in self.executions if e.path for path in e.path.split(", ")]
        return ", ".join(dict.fromkeys(paths)) or None

    @property
    def log(self) -> str | None:
        """The file with what its latest training printed; see `Execution.log`."""
        return next((e.log for e in reversed(self.executions) if e.log is not None), None)

    def failed_by(self, execution: Execution, now: float) -> Trial:
        """This trial, failed because of `execution`; `now` is in seconds since 1970."""
        return dataclasses.replace(
            self, status=TrialStatus.FAILED, message=execution.message, finished=now
        )

    def scored(self, objective: Objective, now: float) -> Trial:
        """This trial, completed: score, metrics and best epoch are means over its executions.

        Args:
            objective: of the search.
            now: in seconds since 1970.
        """
        done = self.completed_executions
        scores = [e.score for e in done if e.score is not None]
        score = sum(scores) / len(scores)
        names = [name for name in done[0].metrics if all(name in e.metrics for e in done)]
        epochs = [e.best_epoch for e in done if e.best_epoch is not None]
        best_step = round(sum(epochs) / len(epochs)) if epochs else None
        metrics = {name: sum(e.metrics[name] for e in done) / len(done) for name in names}
        scored = dataclasses.replace(
            self,
            status=TrialStatus.COMPLETED,
            score=score,
            loss=objective.guide.loss_of(score),
            metrics=Metrics(metrics, best_step),
            best_step=best_step,
            finished=now,
        )
        return objective.judged(scored)

    @property
    def rejected(self) -> bool:
        """Whether its values cannot work: the model was too large, or raised `FailedTrialError`."""
        return self.status is TrialStatus.FAILED and any(
            e.outcome is Outcome.REJECTED for e in self.executions
        )

    @property
    def seconds(self) -> float | None:
        """Wall clock from start to finish; None while it runs."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started

    def summary(self) -> None:
        """Print its values, its score and, if it failed, the traceback."""
        print(f"Trial {self.trial_id} summary")
        print("Hyperparameters:")
        self.display_hyperparameters()
        if self.score is not None:
            print(f"Score: {self.score}")
        if self.message is not None:
            print(self.message)

    def display_hyperparameters(self) -> None:
        """Print its values, one per line."""
        for name, value in self.hyperparameters.values.items():
            print(f"{name}: {value}")

    def get_state(self) -> dict[str, Any]:
        """This trial as JSON, under KerasTuner's names."""
        return {
            "trial_id": self.trial_id,
            "hyperparameters": self.hyperparameters.get_config(),
            "metrics": self.metrics.get_config(),
            "score": self.score,
            "best_step": self.best_step,
            "status": str(self.status),
            "message": self.message,
        }

    @property
    def failure(self) -> str | None:
        """The exception at the end of the traceback, in one line."""
        return exception_in(self.message)


class _BoundTrial(Trial):
    __setattr__ = object.__setattr__


@dataclasses.dataclass(frozen=True)
class Segment:
    """The unit of work: train this execution of this trial over these epochs.

    Attributes:
        trial: the trial, with its values.
        execution: the index of the execution.
        attempt: 0, plus 1 for each retry.
        start_epoch, end_epoch: the first epoch, and the epoch to stop before, counted from 0;
            `end_epoch` None means as many as the fit arguments say.
        seed: for weights, shuffling and dropout.
        unseen: the value of a parameter that is declared for the first time: "default",
            "start", "sample", or "first" (of its grid).
        fill_seed: for these samples; the same for all segments of a trial.
        keep_below: the weights of the best epoch are kept if the loss is below this; None: always.
        resume_from: the file with the state of the training at `start_epoch`, relative to the
            project's folder; None if the training starts at 0.
        keep_state: the file for the state at the end of the segment; None: it is not saved.
        inherits: whether `resume_from` is the state of the trial's parent.
        midway: whether the state is also saved during the segment, in case the process dies.
        otherwise: what to train if the file `resume_from` is of no use; None: that is an error.
        companions: other executions of the trial that may be trained at the same time; if they
            were, the report contains them.
        race: whether it is a round of the race after the search; `execution` is its number then.
        place: where its validation samples begin, in [0, 1); None: where the user has put them.
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
    inherits: bool = False
    midway: bool = False
    otherwise: Segment | None = None
    companions: tuple[Segment, ...] = ()
    race: bool = False
    place: float | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of a segment.

    Attributes:
        segment: the segment that ended.
        executions: its execution, and those of its companions that were trained with it.
        values: the hyperparameters that were used, in order of use.
        added: parameters that are not in the space of the trial.
        fatal: an exception that must stop the search.
        redeclared: by the name of a parameter that was declared with several domains: the one that
            applies, and another one.
        lost: how the process that ran it died, if it did; there are no executions then.
        moved: whether the training was left before its end, to be done elsewhere; there are no
            executions then.
        log: the file with what that process printed; see `Execution.log`.
    """

    segment: Segment
    executions: tuple[Execution, ...]
    values: Mapping[str, Value]
    added: tuple[Parameter, ...] = ()
    fatal: BaseException | None = None
    redeclared: Mapping[str, tuple[Domain, Domain]] = dataclasses.field(default_factory=dict)
    lost: str | None = None
    moved: bool = False
    log: str | None = None
