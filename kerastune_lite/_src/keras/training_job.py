"""The job of a search over Keras models: trains executions, side by side if that is faster."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment, Trial
from kerastune_lite._src.keras import automatic_names as names
from kerastune_lite._src.keras import dataset_graphs, session
from kerastune_lite._src.keras.fast.dispatcher import (
    ARRAYS,
    OWN,
    SHARED,
    STACKED,
    Dispatcher,
    Taken,
)
from kerastune_lite._src.keras.fast.member import Member, NotStacked
from kerastune_lite._src.keras.fast.stacking import together
from kerastune_lite._src.keras.hypergradients import Hypergradients
from kerastune_lite._src.keras.live_models import Live, LiveModels
from kerastune_lite._src.keras.prepared import Prepared
from kerastune_lite._src.keras.process_settings import ProcessSettings
from kerastune_lite._src.keras.side_by_side import groups, train_together
from kerastune_lite._src.keras.trainer import Trainer
from kerastune_lite._src.keras.training_spec import TrainingSpec
from kerastune_lite._src.search.execution.guard import Guarded, guarded, hyperparameters_of
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.util.errors import FatalError
from kerastune_lite._src.util.warn_once import Shown, once

logger = logging.getLogger(__name__)


@dataclasses.dataclass
class _Asked:
    """A segment that must be reported.

    Attributes:
        hp: those of its first execution.
        outcome: that of all executions so far.
        under_way: the number of its executions that are in training.
    """

    segment: Segment
    hp: HyperParameters
    outcome: Guarded
    under_way: int = 0


@dataclasses.dataclass
class _Training:
    """An execution of a segment's trial, ready to be trained.

    Attributes:
        asked: the segment that it is part of.
        segment: its own: that one or one of its companions.
    """

    asked: _Asked
    segment: Segment
    trial: Trial
    trainer: Trainer
    prepared: Prepared
    prepared_in: float
    member: Member | None = None

    @property
    def must(self) -> bool:
        """Whether it must be trained in any case."""
        return self.segment is self.asked.segment


class TrainingJob(Job):
    """Trains segments of Keras models.

    Args:
        spec: that of all executions.
        hooks: the tuner's, for epochs and batches.
        shown: Python's warnings that were already shown.
        validation_share: see `Job`.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        hooks: Hooks | None = None,
        shown: Shown | None = None,
        validation_share: float | None = None,
    ) -> None:
        self._share = validation_share
        self._shown: Shown = set() if shown is None else shown
        self._spec = spec
        self._hooks = hooks
        self._dispatcher = Dispatcher(spec.fast)
        self._opened = contextlib.ExitStack()
        self._live = LiveModels()
        self._together: int | None = None
        self._gradients: Hypergradients | None = None
        self.settings = ProcessSettings.of_this_process()

    def open(self) -> None:
        self._opened.enter_context(session.of_search())
        self._opened.enter_context(names.set_aside())
        self._opened.enter_context(once(self._shown))

    def close(self) -> None:
        self._opened.close()
        self._live.clear()
        self._gradients = None
        self._dispatcher = Dispatcher(self._spec.fast)  # without the data on the device
        self._spec.fit.close()

    def reduced(self, value: Any) -> tuple[Any, ...] | None:
        return dataset_graphs.reduced(value)

    @property
    def validation_share(self) -> float | None:
        return self._share

    @property
    def together(self) -> int:
        return self._together or 1

    def relocated(self, folder: Path) -> TrainingJob:
        job = copy.copy(self)
        job._live, job._gradients = LiveModels(), None
        fit = self._spec.fit.relocated(folder)
        job._spec = dataclasses.replace(self._spec, folder=folder, fit=fit)
        return job

    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        several = len(segments) > 1 or bool(segments[0].companions)
        candidates: list[_Training] = []
        for segment in segments:
            live = self._live.take(segment)
            hp = hyperparameters_of(segment) if live is None else live.hp
            asked = _Asked(segment, hp, Guarded(segment))
            alone = True
            for each in (segment, *segment.companions):
                training = self._prepared(asked, each, emit, live)
                if training is None:
                    break
                if several or self._together is None:
                    self._make_member(training)
                if training.member is None or not several:
                    if training.must:
                        self._train(training)
                    break
                alone = False
                asked.under_way += 1
                candidates.append(training)
            if alone:
                yield self._report(asked)
        yield from self._train_candidates(candidates)

    def _prepared(
        self, asked: _Asked, segment: Segment, emit: Emit, live: Live | None
    ) -> _Training | None:
        """An execution with its model; None if that fails, which is part of the outcome."""
        hp, outcome = asked.hp, asked.outcome
        if segment is not asked.segment:
            # A repeat that cannot be built now is requested once more, and fails then.
            hp, outcome, live = hyperparameters_of(segment), Guarded(segment), None
        started = time.perf_counter()
        with guarded(segment, outcome):
            trainer = Trainer(
                self._spec, segment, hp, emit, self._dispatcher, self._hooks, live=live
            )
            trial = segment.trial.bound_to(hp)
            prepared = trainer.prepare(trial, segment.execution)
            return _Training(
                asked, segment, trial, trainer, prepared, time.perf_counter() - started
            )
        return None

    def _make_member(self, training: _Training) -> None:
        """Make it a member of a stack, if it can be trained side by side with others."""
        if "train_time" in self._spec.objective.measured:
            self._together = 1  # side by side, each takes the time of all
            return
        try:
            training.member = training.trainer.member(training.prepared)
        except NotStacked as reason:
            logger.debug("Not side by side with others: %s", reason)
            self._together = 1
            return
        if self._together is None:
            self._together = together(training.member)

    def _train(self, training: _Training) -> None:
        """Train it alone."""
        with guarded(training.segment, training.asked.outcome) as outcome:
            trained = training.trainer.run(training.prepared)
            outcome.executions.append(self._with_gradient(training, trained.execution))
            self._keep(training, trained.execution)

    # ------------------------------------------------------------------ side by side

    def _train_candidates(self, candidates: Sequence[_Training]) -> Iterator[Report]:
        for group in groups(self._dispatcher, candidates):
            if len(group) > 1:
                yield from self._train_group(group)
                continue
            if group[0].must:
                self._train(group[0])
            yield from self._ended(group[0])

    def _train_group(self, group: Sequence[_Training]) -> Iterator[Report]:
        with contextlib.closing(train_together(self._dispatcher, group)) as results:
            for training, result, seconds in results:
                if isinstance(result, NotStacked):
                    self._together = 1
                    self._train_anew(training)
                else:
                    self._finish(training, result, training.prepared_in + seconds)
                yield from self._ended(training)

    def _finish(self, training: _Training, result: Any, seconds: float) -> None:
        """Record the result of a member: its History, or the exception."""
        with guarded(training.segment, training.asked.outcome) as outcome:
            if isinstance(result, Exception):
                raise result
            kept = [e.loss for e in outcome.executions if e.weights and e.loss is not None]
            trained = training.trainer.finish(
                training.prepared, result, [Taken(STACKED)], seconds, min(kept, default=None)
            )
            outcome.executions.append(self._with_gradient(training, trained.execution))

    def _train_anew(self, training: _Training) -> None:
        """Train it alone, with a new model and new callbacks, if it must be trained."""
        if training.must:
            with guarded(training.segment, training.asked.outcome) as outcome:
                trained = training.trainer.train(training.trial, training.segment.execution)
                outcome.executions.append(self._with_gradient(training, trained.execution))

    def _with_gradient(self, training: _Training, execution: Execution) -> Execution:
        """Its record, with the gradient by hyperparameters if that is wanted."""
        if not self._spec.gradients or training.segment.race:
            return execution
        if self._gradients is None:
            self._gradients = Hypergradients(self._spec, self._dispatcher)
        hp = training.trial.hyperparameters
        return self._gradients.recorded(execution, training.segment, hp)

    def _ended(self, training: _Training) -> Iterator[Report]:
        """The report of its segment, if this was the last of its executions."""
        asked = training.asked
        asked.under_way -= 1
        if asked.under_way == 0:
            yield self._report(asked)

    def _keep(self, training: _Training, execution: Execution) -> None:
        """Keep the model of a trial that pauses, if a later segment can go on with it."""
        if execution.state is None or execution.path not in (OWN, SHARED, ARRAYS):
            return
        built = training.prepared.built
        if built.as_built(training.prepared.kwargs["callbacks"]):
            hp = training.trial.hyperparameters
            self._live.keep(Live(training.segment, hp, built))

    def _report(self, asked: _Asked) -> Report:
        if isinstance(asked.outcome.fatal, FatalError):
            # It is trained anew, by a script that was corrected.
            Checkpoints(self._spec.folder, 0).forget_midway(asked.segment.trial.number)
        if any(e.outcome is Outcome.OUT_OF_MEMORY for e in asked.outcome.executions):
            self._live.clear()
        return asked.outcome.report(asked.hp)
