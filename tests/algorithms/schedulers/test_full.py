import pytest

from kerastune_lite._src.core.history import History
from kerastune_lite.schedulers import Decision, FullTraining, TrainingRequest
from tests.algorithms.schedulers.conformance import SchedulerConformance
from tests.doubles import StopAfter


class TestFullTraining(SchedulerConformance):
    @pytest.fixture
    def scheduler(self):
        return FullTraining()

    def test_whole_trials_and_nothing_else(self, scheduler):
        assert scheduler.plan(History(), 3) == [TrainingRequest(None, 0, None)] * 3
        assert scheduler.judge(History(), 0, [9.0] * 100) is Decision.CONTINUE


class TestStopAfter(SchedulerConformance):
    """The double that the loop is tested with."""

    @pytest.fixture
    def scheduler(self):
        return StopAfter(3)
