"""The search loop: propose, train, record, decide."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.schedulers.scheduler import Decision
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.confirmation import Round
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Outcome, Report, Segment, Trial, TrialStatus
from kerastune_lite._src.search.confirming import Confirm, Confirming, settled
from kerastune_lite._src.search.earlier_curves import read_curves
from kerastune_lite._src.search.failures import Failures, as_failed
from kerastune_lite._src.search.interrupts import Interrupts
from kerastune_lite._src.search.limits import Ending, Limits
from kerastune_lite._src.search.parts import Parts
from kerastune_lite._src.search.planner import Beginning, Planner
from kerastune_lite._src.search.recorder import Recorder
from kerastune_lite._src.search.redeclared import Redeclared
from kerastune_lite._src.search.segments import Segments, cut_short, merged, placed
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space


class Search:
    """One call of `search()`: runs until a limit is reached or the space is exhausted.

    Args:
        parts: the exchangeable parts.
        limits: when to stop.
        objective: with its direction.
        seed: of the project; it and the number of a trial determine everything random.
        history: the trials so far; it is kept up to date.
        space: as known so far.
        queue: points to try first: position -> values.
        tune_new_entries: whether parameters that trials declare are added to the space.
        clock: returns seconds since 1970.
        confirm: how the best trials race when the search has ended. None: not at all.
        rounds: the trainings of races so far.
    """

    def __init__(
        self,
        parts: Parts,
        limits: Limits,
        objective: Objective,
        seed: int,
        history: TrialHistory,
        space: Space,
        queue: Mapping[int, Mapping[str, Value]],
        tune_new_entries: bool = True,
        clock: Callable[[], float] = time.time,
        confirm: Confirm | None = None,
        rounds: Iterable[Round] = (),
    ) -> None:
        self.space = space
        self.rounds = list(rounds)
        self.history = history
        self._parts = parts
        self._limits = limits
        self._objective = objective
        self._seed = seed
        self._guide = objective.guide
        self._tune_new_entries = tune_new_entries
        self._clock = clock
        self._recorder = Recorder(parts.store, parts.views)
        self._record = self._recorder.record
        self._interrupts = Interrupts()
        self._under_way: set[int] = set()
        self._begun: dict[tuple[int, int, int], int] = {}  # from which epoch
        self._stopped: dict[tuple[int, int], int] = {}  # by the scheduler, after so many epochs
        self._planner = Planner(
            parts.oracle,
            parts.scheduler,
            history,
            seed,
            queue,
            limits.max_trials,
            clock,
        )
        self._segments = Segments(
            history,
            parts.oracle,
            parts.checkpoints,
            seed,
            limits.executions_per_trial,
            parts.job.whole_trials,
            parts.job.resumable,
            tune_new_entries,
        )
        self._failures = Failures(history, limits)
        self._ending = Ending(limits, history)
        self._redeclared = Redeclared()
        self._confirm = confirm
        self._racing = False

    # ------------------------------------------------------------------ the loop

    def run(self, project: str, settings: Mapping[str, Any]) -> StopReason:
        """Search, and return why the search ended.

        Raises:
            FatalError: the user's code raised it.
            RuntimeError: too many trials failed in a row, or all of them.
            StoreError: the project could not be written.
        """
        reason, message = StopReason.FAILED, "stopped by an error"
        self.history.confirm(None)
        with self._interrupts:
            try:
                self._record(self._started(project, settings))
                self._parts.runner.open(
                    self._parts.job, self._on_epoch, self._parts.scheduler.stops_trials
                )
                self._ending.begin()  # not earlier: one trial should begin
                reason = self._loop()
                message = self._ending.message(reason)
                message += self._raced()
            except KeyboardInterrupt:
                reason = StopReason.INTERRUPTED
                message = self._ending.message(reason)
            except Exception as error:
                first_sentence = str(error).strip().split("\n")[0].split(". ")[0]
                message = f"stopped by {type(error).__name__}: {first_sentence}"
                raise
            finally:
                try:
                    self._parts.runner.close()
                finally:  # Also if Ctrl-C interrupts that: views must let go of the terminal.
                    found = settled(self.history, self.space, self.rounds, self._objective)
                    self._recorder.end(ev.SearchEnded(reason, message, self._clock(), found))
        return reason

    def _raced(self) -> str:
        """Confirm the winner; returns what the message says of that."""
        if self._confirm is None:
            return ""
        race = Confirming(
            self._confirm,
            self._parts,
            self.history,
            self.space,
            self._objective,
            self._seed,
            self.rounds,
            self._segments,
            self._record,
            self._interrupts,
        )
        self._racing = True
        try:
            return race.run()
        except KeyboardInterrupt:
            return "; the race to confirm the winner was interrupted"
        finally:
            self._racing = False

    def _started(self, project: str, settings: Mapping[str, Any]) -> ev.SearchStarted:
        return ev.SearchStarted(
            project,
            self._objective,
            self.space,
            self._limits.max_trials,
            tuple(self.history),
            settings,
            self._clock(),
            self._limits.executions_per_trial,
            self._parts.runner.workers,
        )

    def _loop(self) -> StopReason:
        if self._parts.oracle.reads_curves or self._parts.scheduler.reads_curves:
            read_curves(self.history, self._parts.store, self._objective)
        for trial in self.history.running:
            self._start([Beginning(trial)])
        while True:
            stop = self._fill()
            if not self._under_way:
                return self._ended(stop or StopReason.EXHAUSTED)
            with self._interrupts.interruptible():
                reports = self._parts.runner.wait(more=stop is None)
            for report in reports:
                self._on_report(report)

    def _ended(self, stop: StopReason) -> StopReason:
        self._failures.end(stop)
        if stop not in (StopReason.TIME, StopReason.EPOCHS):  # more of it continues them
            for trial in self.history.paused:
                self._complete(trial)
        return stop

    def _fill(self) -> StopReason | None:
        """Start trials while workers are free; if no more can start, return the reason."""
        runner = self._parts.runner
        while runner.free > 0:
            if self._interrupts.requested:
                raise KeyboardInterrupt
            if reason := self._ending.reason():
                return reason
            together = runner.together // self._limits.executions_per_trial
            begun = self._planner.begin(self.space, runner.different, together)
            if not begun:
                return self._planner.reason(self.space)
            self._start(begun)
        return None

    def _start(self, beginnings: Sequence[Beginning]) -> None:
        """Start trials in one place: new ones, paused ones, or one of a search that died."""
        segments = []
        for beginning in beginnings:
            trial = beginning.trial
            self._under_way.add(trial.number)
            if beginning.resumed:
                event: ev.Event = ev.TrialResumed(trial)
            else:
                self._parts.hooks.on_trial_begin(trial)
                event = ev.TrialStarted(trial, beginning.queued)
            missing = self._segments.missing(trial)
            if missing:
                segments.append(self._begun_segment(trial, missing, event))
            else:
                self._record(event)
                self._rung_ended(trial, [])
        if segments:
            self._parts.runner.submit(segments)

    def _begun_segment(self, trial: Trial, executions: Sequence[int], *before: ev.Event) -> Segment:
        """The segment of the first of these executions, with the others as its companions."""
        first, *others = (self._segments.make(trial, execution) for execution in executions)
        self._record(*before, self._segment_begun(first))
        return dataclasses.replace(first, companions=tuple(others))

    def _segment_begun(self, segment: Segment) -> ev.SegmentStarted:
        """The event that a segment has started; the losses of an earlier start are forgotten."""
        number, execution, attempt = segment.trial.number, segment.execution, segment.attempt
        self._begun[number, execution, attempt] = segment.start_epoch
        self.history.forget(number, execution, segment.start_epoch)
        return ev.SegmentStarted(
            number, execution, attempt, segment.start_epoch, segment.end_epoch, self._clock()
        )

    # ------------------------------------------------------------------ results

    def _on_epoch(self, event: ev.EpochEnded) -> Decision:
        if self._racing:
            return Decision.CONTINUE  # It is no epoch of a trial.
        with self._interrupts.shielded():
            self._ending.note(event)
            begun = self._begun.get((event.trial, event.execution, event.attempt))
            if begun is not None and event.epoch >= begun:
                self._record(event)
            else:
                # A companion, which is trained now; or the state was of no use, from which it
                # should have started.
                segment = self._segments.make(self.history[event.trial], event.execution)
                segment = dataclasses.replace(segment, start_epoch=event.epoch)
                self._record(self._segment_begun(segment), event)
            if self._guide.missing(event.metrics):
                return Decision.CONTINUE  # There is no new loss.
            loss = self._guide.loss(event.metrics)
            marks = self._objective.marks({**event.known, **event.metrics})
            self.history.note(event.trial, event.execution, event.epoch, loss, marks)
            losses = self.history.losses(event.trial, event.execution)
            decision = self._parts.scheduler.judge(self.history, event.trial, losses)
            if decision is Decision.STOP:
                self._stopped[event.trial, event.execution] = event.epoch + 1
            return decision

    def _on_report(self, report: Report) -> None:
        trial = self.history[report.segment.trial.number]
        if self._interrupts.requested and not self._succeeded(report):
            # The failure may be the interrupt, caught and raised as another exception by the
            # user's code; the trial will be trained again.
            raise KeyboardInterrupt
        if report.moved or (report.lost and not self._failures.lost_before(report.segment)):
            self._run_again(trial)
            return
        if report.lost is not None:
            report = as_failed(report, report.lost)
        self._grow_space(report, trial)
        self._redeclared.warn(report)
        if report.fatal is not None:
            raise report.fatal
        executions = [
            placed(e, trial, self._stopped.get((trial.number, e.index))) for e in report.executions
        ]
        trial = dataclasses.replace(
            trial,
            values={**report.values, **_without(trial.values, report.values)},
            space=self.space,
            executions=merged(trial.executions, executions),
        )
        if self._parts.job.whole_trials:
            # Otherwise the remaining epochs would count as missing.
            trial = cut_short(trial, self._stopped)
        failed = [e for e in executions if e.outcome is not Outcome.COMPLETED]
        hopeless = [e for e in failed if not self._failures.may_retry(trial, e)]
        ended = [
            ev.ExecutionEnded(trial.number, e, will_retry=e in failed and not hopeless)
            for e in executions
        ]
        if hopeless:
            rejected = [e for e in hopeless if e.outcome is Outcome.REJECTED]
            self._end_trial(trial.failed_by([*hopeless, *rejected][-1], self._clock()), ended)
        elif missing := self._segments.missing(trial):
            self.history.update(trial)
            self._parts.runner.submit([self._begun_segment(trial, missing, *ended)])
        else:
            # Only what was asked for counts: two trials that agree on it are the same model. A
            # run_trial that never asked `hp` may have read the values in another way.
            self._rung_ended(
                dataclasses.replace(trial, values=report.values or trial.values), ended
            )

    def _run_again(self, trial: Trial) -> None:
        """Submit a segment again that is to be trained elsewhere, or whose process died."""
        self._forget_begun(trial)
        self._parts.runner.submit([self._begun_segment(trial, self._segments.missing(trial))])

    def _forget_begun(self, trial: Trial) -> None:
        self._begun = {place: e for place, e in self._begun.items() if place[0] != trial.number}

    def _rung_ended(self, trial: Trial, ended: Sequence[ev.Event]) -> None:
        """A trial has reached its goal, or ended before it."""
        try:
            scored = trial.scored(self._objective, self._clock())
            trial = cut_short(scored, self._stopped)
        except Exception:  # of a user's constraint: what was trained is kept
            self._record(*ended)
            raise
        if trial.resumable and not all(e.stopped for e in trial.completed_executions):
            trial = dataclasses.replace(trial, status=TrialStatus.PAUSED, finished=None)
            self._record(*ended, ev.TrialPaused(trial))
            self._leave(trial)
        else:
            self._end_trial(trial, ended)
        supply = self._planner.supply(self.space)
        for number in self._parts.scheduler.finished(self.history, supply):
            self._complete(self.history[number])

    def _complete(self, trial: Trial) -> None:
        """Complete a paused trial with its current score."""
        status = TrialStatus.COMPLETED
        self._end_trial(dataclasses.replace(trial, status=status, finished=self._clock()), [])

    def _leave(self, trial: Trial) -> None:
        """Note that a trial is no longer running."""
        self.history.update(trial)
        self._under_way.discard(trial.number)
        self._forget_begun(trial)
        self._stopped = {p: end for p, end in self._stopped.items() if p[0] != trial.number}
        self._parts.checkpoints.prune(self.history, trial)

    @staticmethod
    def _succeeded(report: Report) -> bool:
        return report.fatal is None and all(
            e.outcome is Outcome.COMPLETED for e in report.executions
        )

    def _grow_space(self, report: Report, trial: Trial) -> None:
        if not report.added or not self._tune_new_entries:
            return
        added = tuple(p for p in report.added if self.space.find(*p.identity) is None)
        if added:
            self.space = self.space.merged(added)
            self._record(ev.SpaceGrown(added, trial.number))

    def _end_trial(self, trial: Trial, ended: Sequence[ev.Event]) -> None:
        try:
            trial = self._parts.oracle.trial_ended(trial)
        finally:  # What is trained is kept, whatever a user's oracle raises.
            self._record(*ended, ev.TrialEnded(trial))
        self._parts.oracle.trial_recorded(trial)
        self._leave(trial)
        self._parts.hooks.on_trial_end(trial)
        self._failures.note(trial)


def _without(values: Mapping[str, Value], others: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in others}
