"""Trials that go on from rung to rung, on doubles: planned, paused, resumed, recovered."""

import contextlib
import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.algorithms.oracles.gp.learning_curves import timed
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import Execution, Outcome, TrialStatus
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite.hyperparameters import Float, Int, Parameter, Space
from kerastune_lite.oracles import GridOracle
from kerastune_lite.schedulers import ASHA, Decision, FullTraining, Hyperband, MedianStopping
from tests.doubles import MemoryStore, RecordingView, SimulatedRunner, make_search, recorded

SPACE = Space([Parameter("x", Float(0.0, 1.0))])
SMALL = Space([Parameter("x", Int(0, 3))])
HALVING = {"max_epochs": 9, "factor": 3}


def loss_at(x, epoch):
    """Learning curves that cross: what is good in the end is not what is good at first."""
    return abs(x - 0.3) + (1.0 + x) / (1 + epoch)


class Killed(BaseException):
    """The process dies."""


class Dying(MemoryStore):
    """Takes the process with it when it has written so often."""

    left = 10**9

    def record(self, events):
        self.left -= 1
        if self.left < 0:
            raise Killed
        super().record(events)


class Trainer:
    """Trains curves; knows what was asked of it."""

    def __init__(self, fails=(), stops=(), curve=loss_at):
        self.segments = []
        self.fails = set(fails)
        self.stops = dict(stops)
        self.curve = curve

    def __call__(self, trial, hp, segment, emit):
        self.segments.append(segment)
        x, place = hp.get("x"), (trial.number, segment.start_epoch)
        if place in self.fails:
            raise ValueError("fails here")
        reached = [e for e in trial.completed_executions if e.index == segment.execution]
        assert segment.start_epoch == (reached[0].epochs if reached else 0)
        assert segment.resume_from == (reached[0].state if reached else None)
        losses = [self.curve(x, epoch) for epoch in range(segment.start_epoch)]
        stopped = False
        for epoch in range(segment.start_epoch, segment.end_epoch):
            losses.append(self.curve(x, epoch))
            event = ev.EpochEnded(
                trial.number, segment.execution, segment.attempt, epoch, {"loss": losses[-1]}
            )
            stopped = emit(event) is Decision.STOP or self.stops.get(trial.number) == epoch + 1
            if stopped:
                break
        keeps = segment.keep_state is not None and not stopped
        return [recorded(segment, losses, keeps, stopped)]


def searched(tmp_path, trainer=None, store=None, space=SPACE, **kwargs):
    trainer, store = trainer or Trainer(), store or MemoryStore()
    if not store.events:
        store.events.append(ev.SpaceGrown(tuple(space), None))
    project = store.load()
    kwargs.setdefault("scheduler", Hyperband(**HALVING))
    search = make_search(
        GuardedJob(trainer), tmp_path, space=space, store=store, project=project, **kwargs
    )
    search.reason = search.run("p", {})
    return search


def table(search):
    return [
        (t.values["x"], t.status, t.bracket, t.epochs, t.loss, t.best_step) for t in search.history
    ]


def test_the_brackets_of_hyperband(tmp_path):
    trainer = Trainer()
    search = searched(tmp_path, trainer)
    assert search.reason is StopReason.SCHEDULE
    assert all(t.status is TrialStatus.COMPLETED for t in search.history)
    epochs = {b: sorted(t.epochs for t in search.history if t.bracket == b) for b in range(3)}
    assert epochs == {0: [1] * 6 + [3] * 2 + [9], 1: [3] * 4 + [9], 2: [9] * 3}
    # Resumed, not trained again: each epoch of each trial once.
    trained = [
        (s.trial.number, epoch)
        for s in trainer.segments
        for epoch in range(s.start_epoch, s.end_epoch)
    ]
    assert len(trained) == len(set(trained)) == sum(t.epochs for t in search.history)


def test_those_that_go_on_are_the_best_of_their_rung(tmp_path):
    search = searched(tmp_path)
    first = [t for t in search.history if t.bracket == 0]
    after = {t.number: min(loss_at(t.values["x"], e) for e in range(1)) for t in first}
    went_on = {t.number for t in first if t.epochs > 1}
    assert went_on == set(sorted(after, key=after.get)[:3])


@pytest.mark.parametrize("workers", [2, 3])
def test_several_workers_train_the_same_epochs(tmp_path, workers):
    search = searched(tmp_path, runner=SimulatedRunner(workers, lambda s: 1.0 + s.trial.number % 3))
    assert sum(t.epochs for t in search.history) == sum(
        t.epochs for t in searched(tmp_path).history
    )


@pytest.mark.parametrize("step", range(0, 100, 7))
def test_a_search_that_dies_goes_on_as_if_it_had_not(tmp_path, step):
    whole = searched(tmp_path)
    store = Dying()
    store.left = step
    with pytest.raises(Killed):
        searched(tmp_path, store=store)
    store.left = 10**9
    assert table(searched(tmp_path, store=store)) == table(whole)


def test_paused_trials_are_among_the_best_and_may_be_looked_at(tmp_path):
    seen = []

    class Looking(Hyperband):
        def plan(self, history, free, supply):
            seen.append((len(history.paused), [t.number for t in history.best(1)]))
            return super().plan(history, free, supply)

    searched(tmp_path, scheduler=Looking(**HALVING))
    assert max(paused for paused, _ in seen) > 3
    assert all(best for paused, best in seen if paused)


def test_a_trial_that_fails_in_its_first_rung_is_replaced(tmp_path):
    search = searched(tmp_path, Trainer(fails=[(1, 0)]))
    assert search.history[1].status is TrialStatus.FAILED
    first = [t for t in search.history if t.bracket == 0 and t.status is TrialStatus.COMPLETED]
    assert sorted(t.epochs for t in first) == [1] * 6 + [3] * 2 + [9]


def test_a_failure_in_a_later_rung_is_tried_again_from_there(tmp_path):
    later = next(t.number for t in searched(tmp_path).history if t.epochs == 9 and t.bracket == 0)

    class Once(Trainer):
        def __call__(self, trial, hp, segment, emit):
            try:
                return super().__call__(trial, hp, segment, emit)
            finally:
                self.fails.discard((trial.number, segment.start_epoch))

    trainer, store = Once(fails=[(later, 3)]), MemoryStore()
    search = searched(tmp_path, trainer, store, max_retries_per_trial=1)
    trial = search.history[later]
    assert (trial.status, trial.epochs) == (TrialStatus.COMPLETED, 9)
    assert [e.outcome for e in trial.executions].count(Outcome.FAILED) == 1
    starts = [s.start_epoch for s in trainer.segments if s.trial.number == later]
    assert starts == [0, 1, 3, 3]
    assert store.load().trials[later].epochs == 9


def test_one_that_a_callback_stopped_is_completed_and_not_asked_again(tmp_path):
    trainer = Trainer(stops={0: 1, 5: 1})
    search = searched(tmp_path, trainer)
    assert search.history[0].status is TrialStatus.COMPLETED
    assert [s.start_epoch for s in trainer.segments if s.trial.number in (0, 5)] == [0, 0]


def test_a_space_that_is_smaller_than_a_bracket_gets_the_epochs(tmp_path):
    search = searched(tmp_path, space=SMALL, oracle=GridOracle())
    assert len(search.history) == 4
    assert max(t.epochs for t in search.history) == 9
    assert search.reason is StopReason.EXHAUSTED


def test_max_trials_bounds_new_trials_and_not_their_epochs(tmp_path):
    search = searched(tmp_path, max_trials=5)
    assert len(search.history) == 5
    assert search.reason is StopReason.BUDGET
    assert max(t.epochs for t in search.history) == 9


def test_repeats_go_on_together(tmp_path):
    trainer = Trainer()
    search = searched(tmp_path, trainer, executions_per_trial=2)
    for trial in search.history:
        assert [e.epochs for e in trial.completed_executions] == [trial.epochs] * 2
    trained = [
        (s.trial.number, s.execution, epoch)
        for s in trainer.segments
        for epoch in range(s.start_epoch, s.end_epoch)
    ]
    assert len(trained) == len(set(trained))


def test_what_is_told_of_a_trial(tmp_path):
    view = RecordingView()
    search = searched(tmp_path, views=[view])
    number = next(t.number for t in search.history if t.epochs == 9 and t.bracket == 0)
    kinds = (ev.TrialStarted, ev.SegmentStarted, ev.TrialPaused, ev.TrialResumed, ev.TrialEnded)

    def trial_of(event):
        return event.trial if isinstance(event, ev.SegmentStarted) else event.trial.number

    told = [e for e in view.events if isinstance(e, kinds) and trial_of(e) == number]
    assert [type(e).__name__ for e in told] == [
        "TrialStarted",
        "SegmentStarted",
        "TrialPaused",
        "TrialResumed",
        "SegmentStarted",
        "TrialPaused",
        "TrialResumed",
        "SegmentStarted",
        "TrialEnded",
    ]
    segments = [e for e in told if isinstance(e, ev.SegmentStarted)]
    assert [(e.start_epoch, e.end_epoch) for e in segments] == [(0, 1), (1, 3), (3, 9)]


def test_files_of_states_are_deleted_when_they_are_of_no_use(tmp_path):
    class Writing(Trainer):
        def __call__(self, trial, hp, segment, emit):
            (execution,) = super().__call__(trial, hp, segment, emit)
            if execution.state:
                path = tmp_path / execution.state
                path.parent.mkdir(exist_ok=True)
                path.touch()
                counts.append(len(list(path.parent.iterdir())))
            return [execution]

    counts = []
    searched(tmp_path, Writing())
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert max(counts) <= 9


class Watching(FullTraining):
    """Stops at once whatever is worse than the best at the same epoch; for curves."""

    reads_curves = True

    def judge(self, history, trial, losses):
        others = [history.curve(t.number) for t in history if t.number != trial]
        at = [curve[len(losses) - 1] for curve in others if len(curve) >= len(losses)]
        return Decision.STOP if at and losses[-1] > min(at) else Decision.CONTINUE

    def plan(self, history, free, supply):
        return [dataclasses.replace(r, end_epoch=5) for r in super().plan(history, free, supply)]


def test_curves_are_there_again_after_a_search_was_reopened(tmp_path):
    whole = searched(tmp_path, scheduler=Watching(), max_trials=12)
    assert len({t.epochs for t in whole.history}) > 1
    store = MemoryStore()
    searched(tmp_path, store=store, scheduler=Watching(), max_trials=5)
    reopened = searched(tmp_path, store=store, scheduler=Watching(), max_trials=12)
    assert table(reopened) == table(whole)


def test_who_stopped_a_trial_can_be_told(tmp_path):
    trainer = Trainer(stops={0: 3}, curve=lambda x, epoch: 1.0 + x + 1.0 / (1 + epoch))
    search = searched(tmp_path, trainer, scheduler=ASHA(9, stop=True), max_trials=12)
    by_callback, *others = search.history
    assert by_callback.executions[0].stopped
    assert (by_callback.epochs, by_callback.goal) == (3, 9)
    cut = [trial for trial in others if trial.epochs < 9]
    assert cut
    assert all(t.goal == t.epochs and not t.executions[0].stopped for t in cut)
    assert all(t.status is TrialStatus.COMPLETED for t in search.history)


def test_a_model_of_stopped_trials_knows_how_far_they_came(tmp_path):
    search = searched(tmp_path, scheduler=ASHA(9, stop=True), max_trials=12, seed=3)
    assert {trial.epochs for trial in search.history} == {1, 3, 9}
    by_time = timed(search.history)
    assert by_time is not None
    assert set(by_time.times.round(3)) == {0.0, 0.5, 1.0}
    one_epoch = [trial.number for trial in search.history if trial.epochs == 1]
    assert not (set(one_epoch) & set(by_time.numbers[by_time.times > 0].tolist()))


@pytest.mark.parametrize(
    "scheduler",
    [
        ASHA(9),
        ASHA(9, stop=True),
        MedianStopping(9, 1, 2),
        MedianStopping(9, 2, 2, stop=False),
    ],
)
@pytest.mark.parametrize("step", range(0, 70, 7))
def test_stopped_trials_are_the_same_after_a_death(tmp_path, step, scheduler):
    some = {"scheduler": scheduler, "max_trials": 9, "executions_per_trial": 2}
    store = Dying()
    store.left = step
    with contextlib.suppress(Killed):
        searched(tmp_path, Trainer(stops={1: 3}), store, **some)
    store.left = 10**9
    whole = searched(tmp_path, Trainer(stops={1: 3}), **some)
    assert table(searched(tmp_path, Trainer(stops={1: 3}), store, **some)) == table(whole)


def test_epochs_without_validation_are_not_judged(tmp_path):
    judged = []

    class Noting(FullTraining):
        def plan(self, history, free, supply):
            return [
                dataclasses.replace(r, end_epoch=5) for r in super().plan(history, free, supply)
            ]

        def judge(self, history, trial, losses):
            judged.append(list(losses))
            return Decision.STOP if len(losses) >= 4 else Decision.CONTINUE

    def train(trial, hp, segment, emit):
        for epoch in range(5):
            metrics = {"loss": float(epoch)} if epoch % 2 else {"other": 1.0}
            if emit(ev.EpochEnded(trial.number, 0, 0, epoch, metrics)) is Decision.STOP:
                break
        return [Execution(0, Outcome.COMPLETED, 0, 1.0, 1.0, {}, 1, epoch + 1)]

    search = make_search(GuardedJob(train), tmp_path, space=SPACE, scheduler=Noting(), max_trials=1)
    search.run("p", {})
    assert [len(losses) for losses in judged] == [2, 4]
    assert np.array_equal(judged[1], [np.nan, 1.0, np.nan, 3.0], equal_nan=True)
    assert search.history[0].goal == search.history[0].epochs == 4


def test_a_job_that_makes_no_headway_ends_its_trial(tmp_path):
    class Lazy(Trainer):
        def __call__(self, trial, hp, segment, emit):
            (execution,) = super().__call__(trial, hp, segment, emit)
            return [dataclasses.replace(execution, epochs=0)]

    search = searched(tmp_path, Lazy())
    assert all(t.status is TrialStatus.COMPLETED for t in search.history)
