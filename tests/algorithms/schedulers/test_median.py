"""The median rule on curves made by hand."""

import math

import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.schedulers import Decision, MedianStopping, Supply, TrainingRequest
from tests.algorithms.schedulers.conformance import RungConformance, paused
from tests.algorithms.schedulers.simulation import Simulation, curves_of

RUNNING, COMPLETED, FAILED = TrialStatus.RUNNING, TrialStatus.COMPLETED, TrialStatus.FAILED
CONTINUE, STOP = Decision.CONTINUE, Decision.STOP


class TestMedianStopping(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return MedianStopping(27)


class TestPausing(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return MedianStopping(27, stop=False)


def with_curves(*curves, status=COMPLETED):
    """A history of trials with these losses, and a running one to be judged."""
    history = TrialHistory(
        Trial(number, {"n": number}, status=status) for number in range(len(curves))
    )
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
    assert MedianStopping(9).plan(TrialHistory(), 2, Supply()) == [TrainingRequest(None, 0, 9)] * 2
    assert MedianStopping().plan(TrialHistory(), 1, Supply()) == [TrainingRequest()]
    assert MedianStopping(9, 2, 4).settings() == {
        "type": "MedianStopping",
        "max_epochs": 9,
        "warmup_epochs": 2,
        "min_trials": 4,
        "interval": 1,
        "stop": True,
    }
    assert MedianStopping(9, 2, stop=False).settings()["interval"] == 2
    assert MedianStopping(9, 2, interval=4, stop=False).settings()["interval"] == 4
    with pytest.raises(ValueError, match=r"`min_trials` must be 1 or more\. Received: 0"):
        MedianStopping(min_trials=0)
    with pytest.raises(TypeError, match="`warmup_epochs` must be a whole number"):
        MedianStopping(warmup_epochs=0.5)
    with pytest.raises(
        ValueError, match=r"needs `max_epochs`.*write, for example, MedianStopping\(27, stop"
    ):
        MedianStopping(stop=False)


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


def test_judged_at_intervals():
    history = with_curves(*([1.0] * 9 for _ in range(3)))
    at = {"warmup_epochs": 2, "interval": 3}
    stopped = [n for n in range(1, 10) if judge(history, [2.0] * n, **at) is STOP]
    assert stopped == [2, 5, 8]
    missing = [2.0, 2.0, 2.0, 2.0, math.nan, 2.0, 2.0]
    stopped = [n for n in range(3, 8) if judge(history, missing[:n], **at) is STOP]
    assert stopped == [5, 6], "where the fifth has no validation the sixth tells, the seventh not"


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


# ---------------------------------------------------------------------- pausing


def paused_at(epochs, *curves):
    """Trials with these losses, paused after so many epochs."""
    history = TrialHistory(
        paused(number, float(np.nanmin(curve)), epochs, None) for number, curve in enumerate(curves)
    )
    for number, curve in enumerate(curves):
        for epoch, loss in enumerate(curve):
            history.note(number, 0, epoch, loss)
    return history


def test_a_trial_goes_on_at_once_unless_it_is_worse():
    scheduler = MedianStopping(9, 2, 3, interval=4, stop=False)
    history = paused_at(2, *AVERAGES, [1.7, 1.9])
    assert scheduler.finished(history, Supply()) == [3], "the median of the others is 1.6"
    assert scheduler.plan(history, 2, Supply()) == [
        TrainingRequest(2, 2, 6, resumable=True),
        TrainingRequest(0, 2, 6, resumable=True),
    ], "the best first"
    assert (
        scheduler.plan(history, 5, Supply())[3:]
        == [TrainingRequest(None, 0, 2, resumable=True)] * 2
    )
    assert scheduler.finished(paused_at(2, *AVERAGES[:2], [1.7, 1.9]), Supply()) == [], "too few"
    last = paused_at(6, *([loss, *[loss / 2] * 5] for loss in (1.0, 1.1, 1.2)))
    assert scheduler.plan(last, 1, Supply()) == [TrainingRequest(0, 6, 9)]


def test_losses_that_are_known_at_the_end_of_a_rung_alone():
    """As those of folds; one of which a callback has ended before."""
    nothing = math.nan
    history = paused_at(3, *([nothing, nothing, loss] for loss in (0.1, 0.2, 0.3, 0.4)))
    scheduler = MedianStopping(9, 3, 3, stop=False)
    assert scheduler.finished(history, Supply()) == [2, 3]
    history.forget(3, 0, 2)  # the curve of the folds ends where the first of them did
    assert scheduler.finished(history, Supply()) == [3], (
        "it is judged by its loss, and no measure for others"
    )


def test_a_warmup_that_is_all_of_the_training():
    assert MedianStopping(3, 3, stop=False).plan(TrialHistory(), 1, Supply()) == [
        TrainingRequest(None, 0, 3)
    ]
    simulation = Simulation(MedianStopping(3, 9, stop=False), curves_of(0, 3), points=9).run()
    assert simulation.trained == 9 * 3


def test_pausing_after_each_epoch_trains_what_stopping_trains():
    """One worker; it needs no more than the same judgements."""
    stopping = Simulation(MedianStopping(27), curves_of(3, 27), points=40).run()
    pausing = Simulation(MedianStopping(27, interval=1, stop=False), curves_of(3, 27), points=40)
    assert [t.epochs for t in pausing.run().history] == [t.epochs for t in stopping.history]
    assert {t.status for t in pausing.history} == {COMPLETED}
    assert {t.epochs for t in pausing.history} > {27}


def test_the_same_rule_with_pauses():
    assert MedianStopping(None, 2, 4).pausing(9).settings() == {
        "type": "MedianStopping",
        "max_epochs": 9,
        "warmup_epochs": 2,
        "min_trials": 4,
        "interval": 2,
        "stop": False,
    }
    assert MedianStopping(7, interval=3).pausing(9).settings()["interval"] == 3
    assert MedianStopping(7).pausing(9).max_epochs == 7
    own = MedianStopping(7, stop=False)
    assert own.pausing(9) is own
