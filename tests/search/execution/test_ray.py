"""Segments that run in workers on a Ray cluster."""

import itertools
import os
import threading
import time

import numpy as np
import pytest

from kerastune_lite._src.core.trial import Outcome
from kerastune_lite._src.search.execution.ray_actor import TOKEN
from kerastune_lite._src.util.errors import FatalTypeError
from kerastune_lite.schedulers import Decision
from tests.doubles import job_of
from tests.search.execution.conformance import RunnerConformance, drain, segments

ray = pytest.importorskip("ray", reason='pip install "kerastune_lite[ray]"')

from ray.cluster_utils import Cluster  # noqa: E402

from kerastune_lite._src.search.execution.ray_runner import RayRunner  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def cluster():
    """Nothing runs on its head; each of its two nodes has room for one worker."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


class TestRayRunner(RunnerConformance):
    @pytest.fixture(params=[1, 2])
    def runner(self, request, cluster, tmp_path):
        runner = RayRunner(request.param, tmp_path)
        yield runner
        runner.close()


@pytest.fixture
def opened(cluster, tmp_path):
    runners = []

    def opening(function, workers=2, emit=lambda event: Decision.CONTINUE, **options):
        runner = RayRunner(workers, tmp_path, **options)
        runners.append(runner)
        runner.open(job_of(function), emit)
        return runner

    yield opening
    for runner in runners:
        runner.close()


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
    assert "The worker on Ray ended during the training" in lost.lost
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
    assert "trial_timeout=2 seconds" in execution.message
    assert [r.executions[0].outcome for r in reports.values()] == [Outcome.COMPLETED] * 2


def test_nothing_is_left(opened, tmp_path):
    runner = opened(lambda hp, report, segment: float(os.getpid()))
    reports = one_by_one(runner, 4)
    pids = {int(report.executions[0].score) for report in reports.values()}
    assert os.getpid() not in pids
    runner.close()
    wait_until(lambda: all(map(gone, pids)))
    assert not (tmp_path / TOKEN).exists()


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
