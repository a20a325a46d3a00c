import pytest

from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite.schedulers import Decision
from tests.doubles import SimulatedRunner, job_of
from tests.search.execution.conformance import RunnerConformance, drain, segments


class TestInlineRunner(RunnerConformance):
    @pytest.fixture(params=[1, 3])
    def runner(self, request):
        return InlineRunner(request.param)


class TestSimulatedRunner(RunnerConformance):
    """The double that the loop is tested with."""

    @pytest.fixture(params=[1, 3])
    def runner(self, request):
        return SimulatedRunner(request.param, duration=lambda s: 10 - s.trial.number)


def test_segments_run_in_the_order_of_submission():
    runner, order = InlineRunner(), []

    def train(hp, report, segment):
        order.append(segment.trial.number)
        return 0.0

    runner.open(job_of(train), lambda event: Decision.CONTINUE)
    runner.submit(segments(4))
    drain(runner)
    assert order == [0, 1, 2, 3]


def test_ctrl_c_comes_through():
    def train(hp, report, segment):
        raise KeyboardInterrupt

    runner = InlineRunner()
    runner.open(job_of(train), lambda event: Decision.CONTINUE)
    runner.submit(segments(1))
    with pytest.raises(KeyboardInterrupt):
        runner.wait()
