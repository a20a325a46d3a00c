import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite.schedulers import Decision, FullTraining, Supply, TrainingRequest
from tests.algorithms.schedulers.conformance import SchedulerConformance
from tests.doubles import StopAfter


class TestFullTraining(SchedulerConformance):
    @pytest.fixture
    def scheduler(self):
        return FullTraining()

    def test_whole_trials_and_nothing_else(self, scheduler):
        assert scheduler.plan(TrialHistory(), 3, Supply()) == [TrainingRequest(None, 0, None)] * 3
        assert scheduler.judge(TrialHistory(), 0, [9.0] * 100) is Decision.CONTINUE


class TestStopAfter(SchedulerConformance):
    """The double that the loop is tested with."""

    @pytest.fixture
    def scheduler(self):
        return StopAfter(3)


def test_a_method_with_other_arguments_is_refused_when_its_class_is_defined():
    with pytest.raises(TypeError, match=r"Old\.plan must take .*history, free, supply.*Received"):

        class Old(FullTraining):
            def plan(self, history, free):
                return []

    with pytest.raises(TypeError, match=r"Other\.finished must take .*history, supply"):

        class Other(FullTraining):
            def finished(self, history):
                return []

    class Any(FullTraining):
        def plan(self, *args):
            return super().plan(*args)

    assert Any().plan(TrialHistory(), 1, Supply()) == [TrainingRequest()]


def test_a_class_with_another_judge_stops_trials():
    class Judging:
        def judge(self, history, trial, losses):
            return Decision.STOP

    class Mixed(Judging, FullTraining):
        pass

    class Silent(StopAfter):
        stops_trials = False

    assert not FullTraining.stops_trials
    assert StopAfter.stops_trials
    assert Mixed.stops_trials
    assert not Silent.stops_trials
