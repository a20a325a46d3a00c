"""Segments that run in worker processes."""

import dataclasses
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from kerastune_lite._src.core.trial import Outcome, Segment, Trial
from kerastune_lite._src.search.execution.processes import ProcessRunner
from kerastune_lite._src.search.execution.shares import Share
from kerastune_lite._src.util.errors import FatalTypeError
from kerastune_lite.hyperparameters import Domain, Int, Parameter, Space
from kerastune_lite.schedulers import Decision
from tests.doubles import job_of
from tests.search.execution.conformance import RunnerConformance, drain, opening, segments

ROOT = Path(__file__).parents[3]


class TestProcessRunner(RunnerConformance):
    @pytest.fixture(params=[1, 3])
    def runner(self, request, tmp_path):
        runner = ProcessRunner(request.param, tmp_path)
        yield runner
        runner.close()


@pytest.fixture
def opened(tmp_path):
    with opening(lambda workers, **options: ProcessRunner(workers, tmp_path, **options)) as opened:
        yield opened


def submit_each(runner, several):
    """In lists of their own, so that each may run in another worker."""
    for segment in several:
        runner.submit([segment])


@pytest.mark.parametrize("how", ["signal", "exit", "segfault"])
def test_a_worker_that_dies_is_replaced_and_its_segment_is_lost(opened, how):
    def train(hp, report, segment):
        import ctypes
        import os
        import signal
        import sys

        if segment.trial.number == 1:
            sys.stdout.write("about to die")
            sys.stdout.flush()
            if how == "signal":
                os.kill(os.getpid(), signal.SIGKILL)
            elif how == "exit":
                os._exit(7)
            ctypes.string_at(0)
        return float(segment.trial.number)

    runner = opened(train)
    submit_each(runner, segments(6))
    reports = {report.segment.trial.number: report for report in drain(runner)}
    assert sorted(reports) == [0, 1, 2, 3, 4, 5]
    lost = reports.pop(1)
    ended = {"signal": "SIGKILL", "exit": "status 7", "segfault": "SIGSEGV"}[how]
    assert ended in lost.lost
    assert lost.executions == ()
    assert [report.executions[0].score for report in reports.values()] == list(map(float, reports))
    log = lost.lost.rpartition("See ")[2].rstrip(".")
    assert "about to die" in Path(log).read_text()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worker_that_dies_is_noticed_although_its_child_holds_its_pipe(opened, tmp_path):
    """As the processes of `multiprocessing` do on Linux."""

    def train(hp, report, segment):
        import os
        import signal
        import time

        child = os.fork()
        if child == 0:
            time.sleep(300)
            os._exit(0)
        (tmp_path / "child").write_text(str(child))
        os.kill(os.getpid(), signal.SIGKILL)

    runner = opened(train, workers=1)
    runner.submit(segments(1))
    (report,) = runner.wait()
    assert "SIGKILL" in report.lost
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 60
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child is still there"
        time.sleep(0.05)


def test_the_sentence_of_a_segment_that_ended_just_before_is_not_that_of_the_next(opened):
    """The report may be on its way while the worker is killed for taking too long."""
    runner = opened(lambda hp, report, segment: float(segment.trial.number), workers=1)
    one, other = segments(2)
    runner.submit([one])
    runner.wait()
    (process,) = runner._processes
    process.sentence = Outcome.FAILED, "It took too long."
    runner.submit([other])
    process.kill()
    (report,) = runner.wait()
    assert [execution.score for execution in report.executions] == [1.0]


def test_a_domain_of_the_script_itself_arrives(opened, monkeypatch):
    """Workers do not import the script, and know its classes only as they are sent."""
    monkeypatch.setattr(Domain, "kinds", dict(Domain.kinds))

    class Even(Int):
        pass

    def train(hp, report, segment):
        return float(hp.get("x"))

    runner = opened(train, workers=1)
    trial = Trial(0, {"x": 4}, Space([Parameter("x", Even(0, 10, 2))]))
    runner.submit([Segment(trial)])
    (report,) = runner.wait()
    assert report.executions[0].score == 4.0
    assert isinstance(report.segment.trial.space[0].domain, Even)


def test_a_worker_that_cannot_read_a_message_ends(opened, tmp_path):
    class Unreadable:
        def __reduce__(self):
            return exec, ("raise RuntimeError('unreadable')",)

    runner = opened(lambda hp, report, segment: 0.0, workers=1)
    (segment,) = segments(1)
    trial = dataclasses.replace(segment.trial, values={"x": Unreadable()})
    runner.submit([dataclasses.replace(segment, trial=trial)])
    (report,) = runner.wait()
    assert "exit status 1" in report.lost
    assert "unreadable" in (tmp_path / "logs" / "worker_0.log").read_text()


def test_workers_train_at_the_same_time(opened):
    def train(hp, report, segment):
        import time

        began = time.monotonic()
        time.sleep(0.5)
        report({"began": began, "ended": time.monotonic()})
        return 0.0

    spans = []

    def emit(event):
        spans.append((event.metrics["began"], event.metrics["ended"]))
        return Decision.CONTINUE

    runner = opened(train, emit=emit)
    submit_each(runner, segments(2))
    drain(runner)
    (one, other) = spans
    assert max(one[0], other[0]) < min(one[1], other[1]), "they overlap"


def test_the_time_that_a_training_waits_for_the_search_does_not_count(tmp_path):
    """A hook of the user's may take long, as may the model of an oracle."""

    def train(hp, report, segment):
        report({"loss": 0.0})
        return 0.0

    def emit(event):
        time.sleep(4.0)
        return Decision.CONTINUE

    runner = ProcessRunner(2, tmp_path, trial_timeout=3.0)
    runner.open(job_of(train), emit)
    submit_each(runner, segments(2))
    outcomes = [report.executions[0].outcome for report in drain(runner)]
    runner.close()
    assert outcomes == [Outcome.COMPLETED] * 2


def test_a_training_that_hangs_is_ended_although_the_first_look_comes_late(tmp_path):
    def train(hp, report, segment):
        import time

        time.sleep(600 if segment.trial.number == 0 else 0)
        return 0.0

    runner = ProcessRunner(1, tmp_path, trial_timeout=2.0)
    runner.open(job_of(train), lambda event: Decision.CONTINUE)
    (process,) = runner._processes
    while not process.ready:
        time.sleep(0.05)
    submit_each(runner, segments(2))
    outcomes = {r.segment.trial.number: r.executions[0].outcome for r in drain(runner)}
    runner.close()
    assert outcomes == {0: Outcome.FAILED, 1: Outcome.COMPLETED}


def test_what_cannot_be_sent_is_refused_before_anything_is_trained(opened):
    lock = threading.Lock()
    with pytest.raises(FatalTypeError, match="cannot be sent"):
        opened(lambda hp, report, segment: lock.acquire())


def test_workers_go_on_while_this_process_trains(tmp_path, late_workers):
    def train(hp, report, segment):
        import os
        import time

        (tmp_path / str(segment.trial.number)).touch()
        deadline = time.monotonic() + 60
        while segment.trial.number == 0 and not (tmp_path / "3").exists():
            assert time.monotonic() < deadline
            report({"loss": 0.0})
            time.sleep(0.02)
        return float(os.getpid())

    runner = ProcessRunner(1, tmp_path, here=True)
    runner.open(job_of(train), lambda event: Decision.CONTINUE)
    submit_each(runner, segments(4))
    where = {r.segment.trial.number: r.executions[0].score for r in drain(runner)}
    runner.close()
    assert where[0] == os.getpid()
    assert os.getpid() not in (where[1], where[2], where[3])


def test_modules_come_from_where_the_search_finds_them(opened, tmp_path, monkeypatch):
    """The current directory of a script may hold files with the names of Python's own modules."""
    (tmp_path / "queue.py").write_text("raise RuntimeError('of the user')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(ROOT), *filter(None, sys.path)])
    runner = opened(lambda hp, report, segment: 1.0, workers=1)
    runner.submit(segments(1))
    (report,) = runner.wait()
    assert report.executions[0].score == 1.0


def test_workers_that_were_started_are_ended_if_the_next_cannot_be(tmp_path, monkeypatch):
    started = []

    def starting(runner, number):
        if number == 1:
            raise OSError("no more processes")
        started.append(one := original(runner, number))
        return one

    original = ProcessRunner._started
    monkeypatch.setattr(ProcessRunner, "_started", starting)
    runner = ProcessRunner(2, tmp_path)
    with pytest.raises(OSError, match="no more processes"):
        runner.open(job_of(lambda hp, report, segment: 0.0), lambda event: Decision.CONTINUE)
    runner.close()
    assert started[0].has_ended


def test_only_our_files_are_deleted(tmp_path):
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "array_0.npy").touch()
    (tmp_path / "workers" / "notes.txt").touch()
    runner = ProcessRunner(1, tmp_path)
    runner.open(job_of(lambda hp, report, segment: 0.0), lambda event: Decision.CONTINUE)
    runner.close()
    assert [path.name for path in (tmp_path / "workers").iterdir()] == ["notes.txt"]


def test_no_process_is_left(opened):
    runner = opened(lambda hp, report, segment: float(os.getpid()))
    submit_each(runner, segments(2))
    pids = {int(report.executions[0].score) for report in drain(runner)}
    assert os.getpid() not in pids
    runner.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_ends_when_the_search_dies(tmp_path):
    from tests.processes import Forked

    code = f"""
import os, sys, time
from tests.doubles import job_of
from tests.search.execution.conformance import segments
from kerastune_lite._src.core.trial import Outcome
from kerastune_lite._src.search.execution.processes import ProcessRunner
from kerastune_lite._src.search.execution.shares import Share
from kerastune_lite.schedulers import Decision
from pathlib import Path

def train(hp, report, segment):
    report({{"pid": float(os.getpid())}})
    time.sleep(60)
    return 0.0

def emit(event):
    print(int(event.metrics["pid"]), flush=True)
    return Decision.CONTINUE

runner = ProcessRunner(1, Path({str(tmp_path)!r}))
runner.open(job_of(train), emit)
runner.submit(segments(1))
runner.wait()
"""
    search = Forked(code)
    pid = int(search.stdout.readline())
    search.kill()
    search.read()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the worker is still there")


def test_a_trial_goes_on_in_the_worker_that_knows_it(opened, tmp_path):
    """It may hold the trial's model, or those of its other folds."""
    both = tmp_path / "both"
    both.mkdir()

    def train(hp, report, segment):
        import time

        (both / str(os.getpid())).touch()
        while len(list(both.iterdir())) < 2:
            time.sleep(0.01)
        return float(os.getpid())

    runner = opened(train)
    first = segments(2)
    where = []
    for _ in range(4):
        submit_each(runner, reversed(first))
        found = {r.segment.trial.number: r.executions[0].score for r in drain(runner)}
        where.append(found)
        assert len(set(found.values())) == 2
    assert where == where[:1] * 4


def test_a_worker_that_has_grown_is_replaced_between_trials(tmp_path):
    def train(hp, report, segment):
        return float(os.getpid())

    runner = ProcessRunner(1, tmp_path, Share(threads=1, memory=2**40))
    small = ProcessRunner(1, tmp_path, Share(threads=1, memory=2**20))
    for one, pids in ((runner, 1), (small, 3)):
        # The bound is looked at while a training runs, and these are too short for that.
        one.open(job_of(train), lambda event: Decision.CONTINUE)
        submit_each(one, segments(3))
        assert len({report.executions[0].score for report in drain(one)}) == pids
        one.close()


def test_a_training_that_takes_too_much_memory_is_ended(tmp_path):
    def train(hp, report, segment):
        import time

        if segment.trial.number == 1:
            kept = bytearray(os.urandom(2**20)) * 300
            time.sleep(60)
            return float(len(kept))
        return 0.0

    runner = ProcessRunner(2, tmp_path, Share(threads=1, memory=2**28))
    runner.open(job_of(train), lambda event: Decision.CONTINUE)
    submit_each(runner, segments(4))
    executions = {r.segment.trial.number: r.executions[0] for r in drain(runner)}
    runner.close()
    assert executions[1].outcome is Outcome.OUT_OF_MEMORY
    assert "256 MiB" in executions[1].message
    assert [executions[number].outcome for number in (0, 2, 3)] == [Outcome.COMPLETED] * 3
