"""Searches in miniature: a scheduler, made-up learning curves, and workers that end in any order.

An epoch is the unit of time: in each step one of the running trials is trained for an epoch. All
that happens to the history is kept in a log, so that it can be replayed up to any moment.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence

import numpy as np

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import first_epoch
from kerastune_lite._src.core.marks import Marks
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.schedulers import Decision, Scheduler, Supply, TrainingRequest

Curves = Callable[[int], Sequence[float]]


def curves_of(seed: int, epochs: int, rough: float = 0.02) -> Curves:
    """Power laws that cross one another, with noise; the curve of a trial goes by its number."""

    def curve(number: int) -> list[float]:
        rng = np.random.default_rng([seed, number])
        asymptote, start, speed = rng.uniform(0, 1), rng.uniform(1, 3), rng.uniform(0.1, 1.5)
        steps = np.arange(1, epochs + 1)
        losses = asymptote + start * steps**-speed + rough * rng.standard_normal(epochs)
        return [float(loss) for loss in losses]

    return curve


@dataclasses.dataclass
class Simulation:
    """A search that runs to its end, or until `max_trials` new ones were begun.

    Attributes:
        scheduler: it is asked as `Search` asks.
        curves: the losses of a trial, by its number.
        workers: how many trials train side by side.
        seed: of the order in which they get on.
        points: how many points the space has; None: no end of them.
        proposals: after how many the oracle has no more, though there are points; None: never.
        fails: whether a trial fails in the rung that ends at an epoch.
        stops: the epochs after which a callback ends a trial; None: never.
        goals: the results of a trial by each of several goals, by its number and its loss.
        early: which objectives are known in mid-training, of several.
        kills: the chance, per step, that the search dies and goes on from what is on record.
    """

    scheduler: Scheduler
    curves: Curves
    workers: int = 1
    seed: int = 0
    points: int | None = None
    proposals: int | None = None
    fails: Callable[[int, int], bool] = lambda number, end: False
    stops: Callable[[int], int | None] = lambda number: None
    goals: Callable[[int, float], Marks] | None = None
    early: tuple[bool, ...] = (True, True)
    kills: float = 0.0

    def __post_init__(self) -> None:
        self.history = TrialHistory()
        self.log: list[Callable[[TrialHistory], None]] = []
        self.supply = Supply()
        self.plans: list[tuple[int, int, Supply, list[TrainingRequest]]] = []
        """How long the log was, how many workers were free, the supply, and what was planned."""
        self.decisions: list[tuple[int, int, list[float], Decision]] = []
        self.entered: dict[tuple[int | None, int | None], list[int]] = {}
        """(bracket, end of the rung) -> who was trained in it, in the order of their beginning."""
        self.trained = 0
        """Epochs in all."""
        self.named: set[int] = set()
        """Who was completed because the scheduler said so."""
        self._training: dict[int, list[float]] = {}
        self._random = random.Random(self.seed)
        self._see_whether_all_are_tried()

    # ------------------------------------------------------------------ the search

    def run(self, steps: int | None = None) -> Simulation:
        """Search to the end, or for so many epochs."""
        self._fill()
        while self._training and (steps is None or self.trained < steps):
            if self._random.random() < self.kills:
                self._die()
            self._train(self._random.choice(list(self._training)))
            self._fill()
        return self

    def _fill(self) -> None:
        while free := self.workers - len(self._training):
            rungs = self.scheduler.plan(self.history, free, self.supply)
            self.plans.append((len(self.log), free, self.supply, rungs))
            assert len(rungs) <= free
            if self.supply.exhausted:
                assert all(rung.trial is not None or rung.parent is not None for rung in rungs)
            numbers = [rung.trial for rung in rungs if rung.trial is not None]
            assert len(set(numbers)) == len(numbers)
            for rung in rungs:
                self._begin(rung)
            if not rungs:
                return

    def _begin(self, rung: TrainingRequest) -> None:
        assert rung.end_epoch is None or rung.end_epoch > rung.start_epoch
        if rung.parent is not None:
            trial = self._child(rung)
            self._do(lambda history: history.add(trial))
        elif rung.trial is None:
            if len(self.history) == self.proposals:
                self.supply = Supply(exhausted=True)
                return
            assert rung.start_epoch == 0
            trial = Trial(
                len(self.history),
                {"n": len(self.history)},
                bracket=rung.bracket,
                goal=rung.end_epoch,
                resumable=rung.resumable,
            )
            self._do(lambda history: history.add(trial))
            self._see_whether_all_are_tried()
        else:
            earlier = self.history[rung.trial]
            assert earlier.status is TrialStatus.PAUSED
            assert rung.start_epoch == earlier.epochs
            assert rung.bracket == earlier.bracket
            trial = dataclasses.replace(
                earlier,
                status=TrialStatus.RUNNING,
                goal=rung.end_epoch,
                resumable=rung.resumable,
            )
            self._do(lambda history: history.update(trial))
        self.entered.setdefault((trial.bracket, trial.goal), []).append(trial.number)
        inherited = [math.nan] * rung.start_epoch
        self._training[trial.number] = list(self.history.curve(trial.number)) or inherited

    def _child(self, rung: TrainingRequest) -> Trial:
        """A new trial that goes on from the state of another one."""
        parent = self.history[rung.parent]
        assert parent.status is TrialStatus.PAUSED
        assert rung.trial is None
        assert rung.start_epoch == parent.epochs
        return Trial(
            len(self.history),
            {"n": len(self.history)},
            bracket=rung.bracket,
            goal=rung.end_epoch,
            resumable=rung.resumable,
            parent=Parent(parent.number, parent.epochs),
        )

    def _see_whether_all_are_tried(self) -> None:
        if len(self.history) == self.points:
            self.supply = Supply(exhausted=True, all_tried=True)

    def _train(self, number: int) -> None:
        """One epoch of a trial, and what follows from it."""
        losses, curve = self._training[number], self.curves(number)
        epoch = len(losses)
        losses.append(curve[epoch])
        self.trained += 1
        marks = self._marks(number, curve[epoch])
        self._do(lambda history: history.note(number, 0, epoch, curve[epoch], marks))
        decision = self.scheduler.judge(self.history, number, list(losses))
        self.decisions.append((len(self.log), number, list(losses), decision))
        trial = self.history[number]
        goal = len(curve) if trial.goal is None else trial.goal
        stopped = len(losses) == self.stops(number)
        if len(losses) == goal or stopped or decision is Decision.STOP:
            self._end(trial, losses, goal, stopped, decision is Decision.STOP)

    def _end(self, trial: Trial, losses: list[float], goal: int, stopped: bool, cut: bool) -> None:
        del self._training[trial.number]
        if self.fails(trial.number, goal):
            ended = dataclasses.replace(trial, status=TrialStatus.FAILED, loss=None)
        else:
            loss = min((x for x in losses if not math.isnan(x)), default=math.nan)
            done = Execution(
                0,
                Outcome.COMPLETED,
                loss=loss,
                score=loss,
                epochs=len(losses),
                stopped=stopped and not cut,
            )
            paused = trial.resumable and not stopped and not cut
            goals = Marks() if self.goals is None else self.goals(trial.number, loss)
            ended = dataclasses.replace(
                trial,
                losses=goals.losses,
                excesses=goals.excesses,
                goal=len(losses) if cut else trial.goal,
                status=TrialStatus.PAUSED if paused else TrialStatus.COMPLETED,
                loss=loss,
                score=loss,
                executions=(done,),
            )
        self._do(lambda history: history.update(ended))
        for number in self.scheduler.finished(self.history, self.supply):
            over = dataclasses.replace(self.history[number], status=TrialStatus.COMPLETED)
            assert self.history[number].status is TrialStatus.PAUSED
            self.named.add(number)
            self._do(lambda history, over=over: history.update(over))  # type: ignore[misc]

    def _die(self) -> None:
        """What was trained of the present rungs is lost, and whether the oracle has more."""
        for number, losses in self._training.items():
            trial = self.history[number]
            first = trial.epochs or first_epoch(trial)
            del losses[first:]
            self._do(lambda history, n=number, e=first: history.forget(n, 0, e))  # type: ignore[misc]
        self.supply = dataclasses.replace(self.supply, exhausted=self.supply.all_tried)
        self.history = self.reread()

    def _do(self, change: Callable[[TrialHistory], None]) -> None:
        change(self.history)
        self.log.append(change)

    # ------------------------------------------------------------------ looking back

    def reread(self) -> TrialHistory:
        """The history as it is read back from a store."""
        history = TrialHistory(self.history)
        for trial in history:
            for epoch, loss in enumerate(self.history.curve(trial.number)):
                history.note(trial.number, 0, epoch, loss, self._marks(trial.number, loss))
        return history

    def _marks(self, number: int, loss: float) -> Marks | None:
        """What is known of an epoch."""
        if self.goals is None:
            return None
        losses, excesses = self.goals(number, loss)
        known = zip(losses, self.early, strict=True)
        return Marks(tuple(each if early else math.nan for each, early in known), excesses)

    def check_replay(self) -> None:
        """What was planned and decided follows from the history and supply at that moment alone."""
        history, at = TrialHistory(), 0
        asked = [(place, 1, plan) for place, *plan in self.plans]
        asked += [(place, 0, decision) for place, *decision in self.decisions]
        for place, is_plan, what in sorted(asked, key=lambda each: each[:2]):
            while at < place:
                self.log[at](history)
                at += 1
            if is_plan:
                free, supply, rungs = what
                # What begins while there is room is planned anew, from the history as it is then.
                assert self.scheduler.plan(history, free, supply) == rungs
            else:
                number, losses, decision = what
                assert self.scheduler.judge(history, number, losses) is decision

    def loss_at(self, number: int, end: int) -> float:
        """The best loss of a trial in its first `end` epochs, as far as it is trained."""
        stop = self.stops(number)
        return min(self.curves(number)[: end if stop is None else min(end, stop)])

    def with_status(self, status: TrialStatus) -> list[int]:
        """The numbers of the trials that are as `status` says."""
        return [trial.number for trial in self.history if trial.status is status]
