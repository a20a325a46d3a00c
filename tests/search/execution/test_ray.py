"""Segments that run in workers on a Ray cluster."""

import functools
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment, Trial, TrialStatus
from kerastune_lite._src.search.execution import ray_runner
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.execution.ray_actor import TOKEN
from kerastune_lite._src.search.execution.ray_runner import RayRunner
from kerastune_lite._src.util.errors import FatalTypeError
from kerastune_lite.hyperparameters import Float, Parameter, Space
from kerastune_lite.schedulers import ASHA, Decision
from tests.doubles import RecordingView, make_search
from tests.processes import printed_by
from tests.search.execution.conformance import RunnerConformance, drain, opening, segments

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def cluster():
    """Nothing runs on its head; each of its two nodes has room for one worker."""
    ray = pytest.importorskip("ray", reason='pip install "kerastune_lite[ray]"')
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


class TestRayRunner(RunnerConformance):
    @pytest.fixture(params=[1, "auto"])
    def runner(self, request, cluster, tmp_path):
        runner = RayRunner(request.param, tmp_path)
        yield runner
        runner.close()


def test_without_ray_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "kerastune_lite\[ray\]"'):
        RayRunner(2, tmp_path)


@pytest.fixture
def opened(cluster, tmp_path):
    with opening(lambda workers, **options: RayRunner(workers, tmp_path, **options)) as opened:
        yield opened


@pytest.fixture(params=["same folder", "own folders"])
def apart(request, monkeypatch):
    """Whether workers see the project's folder, or have their own ones as on another machine."""
    if request.param == "own folders":
        monkeypatch.setattr(ray_runner, "TOKEN", "not what workers look for")
    return request.param == "own folders"


def one_by_one(runner, count):
    for segment in segments(count):
        runner.submit([segment])
    return {report.segment.trial.number: report for report in drain(runner)}


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_worker_that_dies_is_replaced_and_its_segments_are_lost(opened):
    def train(hp, report, segment):
        if segment.trial.number == 1:
            os._exit(7)
        return float(segment.trial.number)

    reports = one_by_one(opened(train), 6)
    assert sorted(reports) == [0, 1, 2, 3, 4, 5]
    lost = reports.pop(1)
    assert "The worker ended during the training" in lost.lost
    assert lost.executions == ()
    assert [report.executions[0].score for report in reports.values()] == list(map(float, reports))


def test_those_of_a_list_that_have_ended_are_not_lost(opened):
    def train(hp, report, segment):
        if segment.trial.number == 1:
            time.sleep(0.5)  # What has ended is sent in this time.
            os._exit(7)
        return 0.0

    runner = opened(train)
    runner.submit(segments(3))
    ended = {r.segment.trial.number: r.lost is None for r in drain(runner)}
    assert ended == {0: True, 1: False, 2: False}


def test_what_cannot_be_sent_is_refused_before_anything_is_trained(opened):
    lock = threading.Lock()
    with pytest.raises(FatalTypeError, match="cannot be sent"):
        opened(lambda hp, report, segment: lock.acquire())


def test_large_arrays_come_from_the_object_store(opened):
    data, few = np.arange(2**20, dtype=np.float32), np.arange(10)

    def train(hp, report, segment):
        assert not data.flags.writeable, "it is not a copy"
        assert few.flags.writeable
        return float(data.sum() + few.sum())

    reports = one_by_one(opened(train), 2)
    for report in reports.values():
        assert report.executions[0].message is None, report.executions[0].message
        assert report.executions[0].score == float(data.sum() + few.sum())


def test_a_training_that_takes_too_long_has_failed(opened):
    def train(hp, report, segment):
        if segment.trial.number == 0:
            time.sleep(60)
        return 0.0

    reports = one_by_one(opened(train, trial_timeout=2.0), 3)
    (execution,) = reports.pop(0).executions
    assert execution.outcome is Outcome.FAILED
    assert "trial_timeout=2.0 s" in execution.message
    assert [r.executions[0].outcome for r in reports.values()] == [Outcome.COMPLETED] * 2


@pytest.mark.usefixtures("apart")
def test_what_is_printed_is_in_the_log(opened, tmp_path):
    def train(hp, report, segment):
        sys.stdout.write(f"trial {segment.trial.number}\n")
        return 0.0

    runner = opened(train)
    for _ in range(2):
        runner.submit(segments(2))
        reports = drain(runner)
        assert {report.executions[0].log for report in reports} == {"logs/trial_0000.log"}
    assert (tmp_path / "logs/trial_0000.log").read_text() == "trial 0\ntrial 1\n" * 2


def test_nothing_is_left(opened, tmp_path):
    runner = opened(lambda hp, report, segment: float(os.getpid()))
    reports = one_by_one(runner, 4)
    pids = {int(report.executions[0].score) for report in reports.values()}
    assert os.getpid() not in pids
    runner.close()
    wait_until(lambda: all(map(gone, pids)))
    assert not (tmp_path / TOKEN).exists()


def test_ctrl_c_is_heard_while_it_waits(opened, heard):
    def train(hp, report, segment):
        report({"pid": float(os.getpid())})
        time.sleep(60)

    pids = []

    def emit(event):
        pids.append(int(event.metrics["pid"]))
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        return Decision.CONTINUE

    runner = opened(train, emit=emit)
    runner.submit(segments(1))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        runner.wait()
    assert time.monotonic() - began < 30, "the training itself takes longer"
    runner.close()
    wait_until(lambda: all(map(gone, pids)))


def test_a_node_that_joins_is_used(opened, cluster):
    runner = opened(lambda hp, report, segment: time.sleep(0.2) or float(os.getpid()), "auto")
    assert runner.free == runner.workers == 2
    numbers = itertools.count()
    pids, node = set(), None
    try:
        deadline = time.monotonic() + 60
        while len(pids) < 3:
            assert time.monotonic() < deadline
            while runner.free > 0:
                (segment,) = segments(next(numbers) + 1)[-1:]
                runner.submit([segment])
            pids |= {int(report.executions[0].score) for report in runner.wait()}
            node = node or cluster.add_node(num_cpus=1)
        assert runner.workers == 3
    finally:
        if node is not None:
            cluster.remove_node(node)


class Curve(Job):
    """Adds 1 / epoch to its state in each epoch; the state is in files, as weights are.

    Args:
        folder: that of the project.
        node: the id of a node; epochs say whether they ran on it.
    """

    def __init__(self, folder, node=None):
        self.folder, self.node = folder, node

    def relocated(self, folder):
        return Curve(folder, self.node)

    def write(self, name, value):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(repr(value))

    def run(self, segments, emit):
        import ray

        for segment in segments:
            number, start = segment.trial.number, segment.start_epoch
            loss = 0.0 if start == 0 else float((self.folder / segment.resume_from).read_text())
            here = float(ray.get_runtime_context().get_node_id() == self.node)
            for epoch in range(start, segment.end_epoch):
                # Workers outlive their node by a second or so. The other nodes take their time, so
                # that a node that begins late trains its share.
                elsewhere = 0.05 if here or self.node is None else 0.4
                time.sleep(5 if here and epoch == 2 else elsewhere)
                loss += segment.trial.values["x"] / (1 + epoch)
                for old in (self.folder / "checkpoints").glob(f"trial_{number}_midway_*"):
                    old.unlink()
                self.write(f"checkpoints/trial_{number}_midway_{epoch}", loss)
                emit(ev.EpochEnded(number, 0, 0, epoch, {"loss": loss, "here": here}))
            files = {"weights": f"checkpoints/weights_{number}", "state": segment.keep_state}
            for name in filter(None, files.values()):
                self.write(name, loss)
            done = Outcome.COMPLETED
            files["message"] = str(self.folder)
            execution = Execution(0, done, 0, loss, loss, {"loss": loss}, 0, epoch + 1, **files)
            yield Report(segment, (execution,), segment.trial.values)


def test_files_go_to_and_fro(apart, cluster, tmp_path):
    midway = []

    def emit(event):
        midway.append([path.name for path in (tmp_path / "checkpoints").glob("*_midway_*")])
        return Decision.CONTINUE

    runner = RayRunner(1, tmp_path)
    runner.open(Curve(tmp_path), emit)
    trial, state = Trial(7, {"x": 1.0}), "checkpoints/state"
    runner.submit([Segment(trial, end_epoch=2, keep_state=state)])
    (report,) = drain(runner)
    assert midway == [["trial_7_midway_0"], ["trial_7_midway_1"]]
    assert (tmp_path / state).read_text() == "1.5"
    runner.submit([Segment(trial, start_epoch=2, end_epoch=4, resume_from=state)])
    (report,) = drain(runner)
    (execution,) = report.executions
    assert execution.score == pytest.approx(1 + 1 / 2 + 1 / 3 + 1 / 4)
    assert (tmp_path / execution.weights).read_text() == repr(execution.score)
    runner.close()
    trained_in = Path(execution.message)
    assert (trained_in == tmp_path) is not apart
    assert trained_in.exists() is not apart, "a folder of its own was temporary"


class RemovesNode(RecordingView):
    """Kills a node when a training on it has ended its second epoch."""

    def __init__(self, cluster, node):
        super().__init__()
        self.cluster, self.node = cluster, node
        self.removed = None

    def on_event(self, event):
        super().on_event(event)
        later = isinstance(event, ev.EpochEnded) and event.epoch == 1
        if self.removed is None and later and event.metrics["here"]:
            self.removed = event
            self.cluster.remove_node(self.node, allow_graceful=False)


@pytest.mark.usefixtures("apart")
def test_a_node_that_dies_costs_no_trial(cluster, tmp_path):
    node = cluster.add_node(num_cpus=1)
    view = RemovesNode(cluster, node)
    search = make_search(
        Curve(tmp_path, node.node_id),
        tmp_path,
        space=Space([Parameter("x", Float(0.0, 1.0))]),
        scheduler=ASHA(max_epochs=9, factor=3),
        runner=RayRunner(3, tmp_path),
        views=[view],
        max_trials=9,
    )
    search.run("p", {})
    assert view.removed is not None
    ended = [event.trial for event in view.of(ev.TrialEnded)]
    assert sorted(trial.number for trial in ended) == list(range(9))
    assert {trial.status for trial in ended} == {TrialStatus.COMPLETED}
    number = view.removed.trial
    begun = [event.start_epoch for event in view.of(ev.SegmentStarted) if event.trial == number]
    assert len(begun) > len(set(begun)), "the segment that was lost began again"
    for trial in ended:
        losses = np.cumsum([trial.values["x"] / (1 + epoch) for epoch in range(trial.epochs)])
        assert list(search.history.losses(trial.number, 0)) == pytest.approx(list(losses))
        assert trial.score == pytest.approx(losses[-1])


@pytest.mark.usefixtures("apart")
def test_a_model_is_trained_as_in_this_process(cluster, request, tmp_path):
    from kerastune_lite._src.keras.loading import load_keras

    keras = load_keras()
    request.addfinalizer(functools.partial(keras.config.set_floatx, keras.config.floatx()))
    keras.config.set_floatx("float64")
    from tests.keras.test_training_spec import spec_of, trained

    _, spec, segment = spec_of(tmp_path / "here", fast=True)
    epochs, score, path = trained(InlineRunner(), spec, segment)
    _, spec, segment = spec_of(tmp_path / "there", fast=True)
    there = trained(RayRunner(1, spec.folder), spec, segment)
    assert there[0] == [pytest.approx(epoch, rel=1e-6) for epoch in epochs]
    assert there[1:] == (pytest.approx(score, rel=1e-6), path)
    weights = [p.relative_to(tmp_path / "here") for p in (tmp_path / "here").rglob("*.weights.h5")]
    assert len(weights) == 1
    assert (tmp_path / "there" / weights[0]).is_file()


def test_ray_is_initialized_and_shut_down_unless_the_user_has_done_it(cluster, tmp_path):
    code = f"""
import ray
from pathlib import Path
from kerastune_lite._src.search.execution.ray_runner import RayRunner
from kerastune_lite.schedulers import Decision
from tests.doubles import job_of
from tests.processes import printed_by
from tests.search.execution.conformance import drain, segments

def scores(runner):
    runner.open(job_of(lambda hp, report, segment: 1.0), lambda event: Decision.CONTINUE)
    runner.submit(segments(2))
    found = [report.executions[0].score for report in drain(runner)]
    runner.close()
    return found

print("said", scores(RayRunner(1, Path({str(tmp_path)!r}), address={cluster.address!r})))
print("said", ray.is_initialized())
ray.init(address={cluster.address!r})
print("said", scores(RayRunner(1, Path({str(tmp_path)!r}))))
print("said", ray.is_initialized())
"""
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    # Ray may tell of the node that died in an earlier test.
    said = [line[5:] for line in shown.stdout.splitlines() if line.startswith("said ")]
    assert said == ["[1.0, 1.0]", "False", "[1.0, 1.0]", "True"]


def test_the_example(cluster, tmp_path):
    example = ROOT / "examples" / "ray_cluster.py"
    shown = printed_by(
        example, "--address", cluster.address, "--trials", 2, "--directory", tmp_path
    )
    assert "2/2 trials in" in shown
    assert "Best: val_accuracy" in shown
