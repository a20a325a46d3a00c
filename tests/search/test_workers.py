"""Searches whose segments run in worker processes."""

import os

import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.execution import processes
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.execution.processes import ProcessRunner
from kerastune_lite.hyperparameters import Float, Parameter, Space
from tests.doubles import MemoryStore, job_of, make_search

SPACE = Space([Parameter("x", Float(0.0, 1.0))])


def run(tmp_path, function, runner=None, **limits):
    store = MemoryStore()
    search = make_search(
        job_of(function),
        tmp_path,
        space=SPACE,
        store=store,
        runner=runner or ProcessRunner(2, tmp_path),
        **limits,
    )
    search.run("p", {})
    return search.history, store


def dying(tmp_path, number, times):
    """Trains three epochs; in its second one the process of trial `number` dies, so many times."""
    folder = str(tmp_path)

    def train(hp, report, segment):
        import os
        import signal

        for epoch in range(3):
            report({"loss": float(epoch)})
            marks = [name for name in os.listdir(folder) if name.startswith("died")]
            if segment.trial.number == number and epoch == 1 and len(marks) < times:
                os.mkdir(os.path.join(folder, f"died{len(marks)}"))
                os.kill(os.getpid(), signal.SIGKILL)
        return float(hp.get("x"))

    return train


def test_the_trials_are_those_of_one_process(tmp_path):
    def train(hp, report, segment):
        return float(hp.get("x"))

    one, _ = run(tmp_path, train, InlineRunner(), max_trials=8)
    two, _ = run(tmp_path, train, max_trials=8)
    assert [trial.values for trial in one] == [trial.values for trial in two]
    assert [trial.score for trial in one] == [trial.score for trial in two]


def test_a_worker_that_dies_once_costs_no_trial(tmp_path):
    history, store = run(tmp_path, dying(tmp_path, 2, 1), max_trials=5)
    assert [trial.status for trial in history] == [TrialStatus.COMPLETED] * 5
    assert [len(trial.executions) for trial in history] == [1] * 5
    of_third = [e for e in store.events if getattr(e, "trial", None) == 2]
    begun = [event for event in of_third if isinstance(event, ev.SegmentStarted)]
    assert len(begun) == 2, "it was begun again, so that its earlier epochs do not count"
    assert list(history.losses(2, 0)) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("retries", [0, 1])
def test_a_trial_that_kills_its_workers_fails_alone(tmp_path, retries):
    history, _ = run(tmp_path, dying(tmp_path, 2, 99), max_trials=5, max_retries_per_trial=retries)
    done = [TrialStatus.COMPLETED] * 5
    done[2] = TrialStatus.FAILED
    assert [trial.status for trial in history] == done
    assert "SIGKILL" in history[2].message
    assert len(list(tmp_path.glob("died*"))) == 2 + retries


def test_it_goes_on_from_the_state_that_the_dead_worker_has_stored(tmp_path):
    def train(trial, hp, segment, emit):
        import os
        import pathlib
        import signal

        from kerastune_lite._src.core.events import EpochEnded
        from kerastune_lite._src.core.trial import Execution, Outcome
        from kerastune_lite._src.store.checkpoints import midway_name

        first = segment.start_epoch
        for epoch in range(first, 6):
            emit(EpochEnded(0, 0, segment.attempt, epoch, {"loss": float(10 * first + epoch)}))
            if (epoch, first) == (3, 0):
                state = pathlib.Path(folder) / midway_name(0, 0, segment.attempt, 3)
                state.parent.mkdir()
                state.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return [Execution(0, Outcome.COMPLETED, 0, 1.0, 1.0, {"loss": 1.0}, 0, 6)]

    folder, store = str(tmp_path), MemoryStore()
    runner = ProcessRunner(1, tmp_path / "logs")
    search = make_search(
        GuardedJob(train), tmp_path, space=SPACE, store=store, runner=runner, max_trials=1
    )
    search.run("p", {})
    begun = [e.start_epoch for e in store.events if isinstance(e, ev.SegmentStarted)]
    assert begun == [0, 3]
    assert list(search.history.losses(0, 0)) == [0.0, 1.0, 2.0, 33.0, 34.0, 35.0]
    assert list(tmp_path.glob("checkpoints/*")) == []


def test_a_long_training_leaves_when_workers_wait(tmp_path, monkeypatch, late_workers):
    """Nobody proposes trials for them while this process trains."""
    monkeypatch.setattr(processes, "_IDLE", 0.1)

    def train(hp, report, segment):
        import os
        import time

        pid = float(os.getpid())
        for epoch in range(2000 if segment.trial.number == 0 else 2):
            report({"loss": float(epoch)})
            time.sleep(0.02)
            if segment.trial.number == 0 and epoch == 20 and pid != here:
                break  # It has moved.
        return pid

    here = float(os.getpid())
    runner = ProcessRunner(2, tmp_path, here=True)
    history, store = run(tmp_path, train, runner, max_trials=30)
    assert [trial.status for trial in history] == [TrialStatus.COMPLETED] * 30
    assert history[0].score != here
    begun = [e for e in store.events if isinstance(e, ev.SegmentStarted) and e.trial == 0]
    assert [event.start_epoch for event in begun] == [0, 0]
    assert list(history.losses(0, 0)) == [float(epoch) for epoch in range(21)]
    ended = [e.trial.number for e in store.events if isinstance(e, ev.TrialEnded)]
    assert sorted(ended) == list(range(30))


def test_the_last_training_stays_in_this_process(tmp_path, monkeypatch, late_workers):
    """It would begin again in a worker, and nothing else is left to do."""
    monkeypatch.setattr(processes, "_IDLE", 0.1)

    def train(hp, report, segment):
        import os
        import time

        for epoch in range(250):
            report({"loss": float(epoch)})
            time.sleep(0.01)
        return float(os.getpid())

    runner = ProcessRunner(1, tmp_path, here=True)
    history, _ = run(tmp_path, train, runner, max_trials=1)
    assert history[0].score == os.getpid()
