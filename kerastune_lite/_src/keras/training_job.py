"""The job of a search over Keras models: executions are trained, side by side where that pays."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerastune_lite._src.core.trial import Report, Segment, Trial
from kerastune_lite._src.keras import automatic_names as names
from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.fast.dispatcher import STACKED, Taken
from kerastune_lite._src.keras.fast.member import Member, NotStacked
from kerastune_lite._src.keras.fast.stacking import together
from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.keras.trainer import Prepared, Trainer, TrainingOptions
from kerastune_lite._src.search.execution.guard import Guarded, guarded, hyperparameters_of
from kerastune_lite._src.search.execution.job import Emit, Job
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.warn_once import Shown, once

logger = logging.getLogger(__name__)


@dataclasses.dataclass
class _Asked:
    """A segment that has to be reported.

    Attributes:
        hp: of its first execution.
        outcome: of all that were trained so far.
        under_way: executions of it that are being trained.
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
        segment: its own: that one, or one that was brought along.
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
        """Whether it is to be trained in any case."""
        return self.segment is self.asked.segment


class TrainingJob(Job):
    """Trains segments of Keras models.

    Args:
        options: of all executions.
        fit: where their arguments come from.
        closed: called when the search is over.
        shown: Python's warnings that need not be shown again.
    """

    def __init__(
        self,
        options: TrainingOptions,
        fit: FitArguments,
        closed: Callable[[], None],
        shown: Shown | None = None,
    ) -> None:
        self._shown: Shown = set() if shown is None else shown
        self._options = options
        self._fit = fit
        self._closed = closed
        self._opened = contextlib.ExitStack()
        self._together: int | None = None

    def open(self) -> None:
        self._opened.enter_context(session.short_collections())
        self._opened.enter_context(names.set_aside())
        self._opened.enter_context(once(self._shown))
        self._opened.callback(self._closed)

    def close(self) -> None:
        self._opened.close()

    @property
    def together(self) -> int:
        return self._together or 1

    def run(self, segments: Sequence[Segment], emit: Emit) -> Iterator[Report]:
        several = len(segments) > 1 or bool(segments[0].companions)
        candidates: list[_Training] = []
        for segment in segments:
            outcome = Guarded(segment)
            asked = _Asked(segment, hyperparameters_of(segment), outcome)
            alone = True
            for each in (segment, *segment.companions):
                training = self._prepared(asked, each, emit)
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
                yield outcome.report(asked.hp)
        yield from self._train_candidates(candidates)

    def _prepared(self, asked: _Asked, segment: Segment, emit: Emit) -> _Training | None:
        """An execution with its model; None if it cannot be made, which is part of the outcome."""
        hp = asked.hp if segment is asked.segment else hyperparameters_of(segment)
        # A repeat that cannot be made now will be asked for once more, and say so then.
        outcome = asked.outcome if segment is asked.segment else Guarded(segment)
        started = time.perf_counter()
        with guarded(segment, outcome):
            trainer = Trainer(self._options, segment, hp, emit)
            trial = segment.trial.bound_to(hp)
            prepared = trainer.prepare(trial, segment.execution, self._fit)
            return _Training(
                asked, segment, trial, trainer, prepared, time.perf_counter() - started
            )
        return None

    def _make_member(self, training: _Training) -> None:
        """Find out whether it can be trained side by side with others."""
        try:
            training.member = training.trainer.member(training.prepared)
        except NotStacked as reason:
            logger.debug("Not side by side with others: %s", reason)
            self._together = 1
            return
        if self._together is None:
            self._together = together(training.member)

    def _train(self, training: _Training) -> None:
        """Alone, from what was prepared."""
        with guarded(training.segment, training.asked.outcome) as outcome:
            outcome.executions.append(training.trainer.run(training.prepared).execution)

    # ------------------------------------------------------------------ side by side

    def _train_candidates(self, candidates: Sequence[_Training]) -> Iterator[Report]:
        of_member = {id(training.member): training for training in candidates}
        members = [training.member for training in candidates if training.member is not None]
        for group in self._options.dispatcher.groups(members):
            trainings = [of_member[id(member)] for member in group]
            if len(trainings) > 1:
                yield from self._train_group(trainings)
            elif not trainings[0].must:
                yield from self._ended(trainings[0])
            else:
                self._train(trainings[0])
                yield from self._ended(trainings[0])

    def _train_group(self, trainings: Sequence[_Training]) -> Iterator[Report]:
        left = {id(training.member): training for training in trainings}
        members = [training.member for training in trainings if training.member is not None]
        started = time.perf_counter()
        try:
            results = self._options.dispatcher.fit_together(members)
            with session.traced_functions(), contextlib.closing(results):
                for member, result in results:
                    training = left.pop(id(member))
                    share = (time.perf_counter() - started) / len(members)
                    self._finish(training, result, training.prepared_in + share)
                    yield from self._ended(training)
        except NotStacked as reason:
            logger.debug("Not side by side after all: %s", reason)
            self._together = 1
            for training in left.values():
                yield from self._anew(training)
        except Exception as error:
            for training in left.values():
                self._finish(training, error, 0.0)
                yield from self._ended(training)

    def _finish(self, training: _Training, result: Any, seconds: float) -> None:
        """Enter what came of a member: its History, or what was raised."""
        with guarded(training.segment, training.asked.outcome) as outcome:
            if isinstance(result, Exception):
                raise result
            kept = [e.loss for e in outcome.executions if e.weights and e.loss is not None]
            trained = training.trainer.finish(
                training.prepared, result, [Taken(STACKED)], seconds, min(kept, default=None)
            )
            outcome.executions.append(trained.execution)

    def _anew(self, training: _Training) -> Iterator[Report]:
        """Alone, from a new model and new callbacks."""
        if training.must:
            with guarded(training.segment, training.asked.outcome) as outcome:
                trained = training.trainer.train(
                    training.trial, training.segment.execution, self._fit
                )
                outcome.executions.append(trained.execution)
        yield from self._ended(training)

    def _ended(self, training: _Training) -> Iterator[Report]:
        """The report of its segment, if it was the last of its executions."""
        asked = training.asked
        asked.under_way -= 1
        if asked.under_way == 0:
            yield asked.outcome.report(asked.hp)
