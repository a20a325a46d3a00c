"""The median rule on curves made by hand."""

import math

import pytest

from kerastune_lite.history import History
from kerastune_lite.schedulers import Decision, MedianStopping, Rung
from kerastune_lite.trial import Trial, TrialStatus
from tests.schedulers.conformance import RungConformance
from tests.schedulers.simulation import Simulation, curves_of

RUNNING, COMPLETED, FAILED = TrialStatus.RUNNING, TrialStatus.COMPLETED, TrialStatus.FAILED
CONTINUE, STOP = Decision.CONTINUE, Decision.STOP


class TestMedianStopping(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return MedianStopping(27)


def with_curves(*curves, status=COMPLETED):
    """A history of trials with these losses, and a running one to be judged."""
    history = History(Trial(number, {"n": number}, status=status) for number in range(len(curves)))
    for number, curve in enumerate(curves):
        for epoch, loss in enumerate(curve):
            history.note(number, 0, epoch, loss)
    history.add(Trial(len(curves), {"n": len(curves)}))
    return history


def judge(history, losses, **others):
    scheduler = MedianStopping(**{"warmup_epochs": 1, "min_trials": 3, **others})
    return scheduler.judge(history, len(history) - 1, losses)


AVERAGES = ([1.0, 0.8], [2.0, 1.6], [3.0, 0.2])
"""After two epochs 0.9, 1.8 and 1.6 on average: the median is 1.6."""


def test_plan_and_settings():
    assert MedianStopping(9).plan(History(), 2) == [Rung(None, 0, 9)] * 2
    assert MedianStopping().plan(History(), 1) == [Rung()]
    assert MedianStopping(9, 2, 4).settings() == {
        "type": "MedianStopping",
        "max_epochs": 9,
        "warmup_epochs": 2,
        "min_trials": 4,
    }
    with pytest.raises(ValueError, match=r"`min_trials` must be 1 or more\. Received: 0"):
        MedianStopping(min_trials=0)
    with pytest.raises(TypeError, match="`warmup_epochs` must be a whole number"):
        MedianStopping(warmup_epochs=0.5)


def test_the_best_so_far_against_the_median_of_the_averages():
    history = with_curves(*AVERAGES)
    assert judge(history, [1.7, 1.7]) is STOP
    assert judge(history, [1.5, 9.0]) is CONTINUE, "its best counts"
    assert judge(history, [1.6, 1.6]) is CONTINUE, "it must be strictly worse"
    assert judge(history, [2.1]) is STOP, "after one epoch the median is 2"
    assert judge(history, [1.9]) is CONTINUE


def test_of_an_even_number_the_median_lies_in_the_middle():
    history = with_curves([1.0], [2.0], [4.0], [8.0])
    assert judge(history, [2.9]) is CONTINUE
    assert judge(history, [3.1]) is STOP


def test_only_those_that_have_come_as_far():
    history = with_curves(*AVERAGES, [0.1], [0.1])
    assert judge(history, [1.5, 1.5]) is CONTINUE
    assert judge(history, [1.5]) is STOP


def test_running_ones_count_and_failed_ones_do_not():
    assert judge(with_curves(*AVERAGES, status=RUNNING), [1.7, 1.7]) is STOP
    assert judge(with_curves(*AVERAGES, status=FAILED), [1.7, 1.7]) is CONTINUE


def test_warmup_and_few_trials():
    history = with_curves(*AVERAGES)
    assert judge(history, [9.0, 9.0], warmup_epochs=3) is CONTINUE
    assert judge(history, [9.0, 9.0], warmup_epochs=2) is STOP
    assert judge(history, [9.0, 9.0], min_trials=4) is CONTINUE


def test_after_the_last_epoch_it_is_not_stopped():
    assert judge(with_curves(*AVERAGES), [9.0, 9.0], max_epochs=2) is CONTINUE


def test_losses_that_are_no_numbers():
    nothing = math.nan
    history = with_curves([nothing, 0.8], [nothing, 1.6], [nothing, 1.2], [nothing, nothing])
    assert judge(history, [nothing]) is CONTINUE, "nobody has a loss yet"
    assert judge(history, [nothing, 1.3]) is STOP, "the median is 1.2"
    assert judge(history, [nothing, 1.1]) is CONTINUE
    assert judge(history, [nothing, nothing]) is STOP
    assert judge(with_curves([math.inf], [math.inf], [1.0]), [2.0]) is CONTINUE


def test_it_saves_epochs_and_keeps_the_best():
    scheduler = MedianStopping(27)
    simulation = Simulation(scheduler, curves_of(0, 27), 3, points=60).run()
    assert simulation.trained < 0.8 * 60 * 27
    best = min(range(60), key=lambda n: min(curves_of(0, 27)(n)))
    assert simulation.history.best()[0].number == best
