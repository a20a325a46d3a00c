"""ASHA: nobody waits, and one in a factor goes on, in the order in which results come."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.schedulers import ASHA, Decision, Supply, TrainingRequest
from tests.algorithms.schedulers.conformance import RungConformance, paused
from tests.algorithms.schedulers.simulation import Simulation, curves_of

STOPPING = ASHA(27, stop=True)
RUNNING, COMPLETED, FAILED = TrialStatus.RUNNING, TrialStatus.COMPLETED, TrialStatus.FAILED


class TestStopping(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return ASHA(27, stop=True)


class TestPromotion(RungConformance):
    @pytest.fixture
    def scheduler(self):
        return ASHA(27)


class TestOtherSettings(RungConformance):
    @pytest.fixture(params=[True, False])
    def scheduler(self, request):
        return ASHA(27, 4, 2, stop=request.param)


def at_rung(*curves, status=COMPLETED):
    """A history of trials with these losses; those of one epoch are paused after it."""
    history = TrialHistory()
    for number, curve in enumerate(curves):
        history.add(
            Trial(
                number,
                {"n": number},
                status=status,
                loss=min(curve),
                goal=len(curve),
                resumable=status is TrialStatus.PAUSED,
            )
            if status is RUNNING
            else paused(number, min(curve), len(curve), bracket=None)
        )
        for epoch, loss in enumerate(curve):
            history.note(number, 0, epoch, loss)
    return history


def test_rungs():
    assert ASHA(27).rungs == [1, 3, 9, 27]
    assert ASHA(100).rungs == [1, 4, 11, 33, 100]
    assert ASHA(100, 4, 5).rungs == [6, 25, 100]


def test_settings_tell_all():
    assert ASHA(50, 4, 2).settings() == {
        "type": "ASHA",
        "max_epochs": 50,
        "factor": 4,
        "min_epochs": 2,
        "stop": False,
    }


def test_the_same_rule_with_pauses():
    assert ASHA(50, 4, 2, stop=True).pausing(9).settings() == ASHA(50, 4, 2).settings()


@pytest.mark.parametrize("stop", [True, False])
def test_one_rung_is_full_training(stop):
    scheduler = ASHA(10, min_epochs=5, stop=stop)
    assert scheduler.plan(TrialHistory(), 2, Supply()) == [TrainingRequest(None, 0, 10)] * 2
    simulation = Simulation(scheduler, curves_of(0, 10), 2, points=20).run()
    assert simulation.trained == 20 * 10
    assert len(simulation.with_status(COMPLETED)) == 20


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_epochs": 0}, ValueError),
        ({"factor": 1.5}, ValueError),
        ({"min_epochs": 101}, ValueError),
    ],
)
def test_refuses_nonsense(arguments, error):
    with pytest.raises(error, match="Received"):
        ASHA(**arguments)


# ---------------------------------------------------------------------- stopping


def test_a_trial_stops_unless_it_is_among_the_best_at_the_end_of_a_rung():
    history = at_rung([0.5], [0.4], [0.3], [0.2], [0.1], status=RUNNING)
    history.add(Trial(5, {"n": 5}, goal=27))
    judged = {loss: STOPPING.judge(history, 5, [loss]) for loss in (0.05, 0.15, 0.25, 0.6)}
    # Two of six go on.
    assert judged == {
        0.05: Decision.CONTINUE,
        0.15: Decision.CONTINUE,
        0.25: Decision.STOP,
        0.6: Decision.STOP,
    }


def test_of_few_the_best_goes_on():
    history = at_rung([0.5], status=RUNNING)
    history.add(Trial(1, {"n": 1}, goal=27))
    assert STOPPING.judge(history, 0, [0.5]) is Decision.CONTINUE, "alone"
    assert STOPPING.judge(history, 1, [0.4]) is Decision.CONTINUE
    assert STOPPING.judge(history, 1, [0.6]) is Decision.STOP


def test_between_rungs_and_at_the_end_nobody_stops():
    history = at_rung([0.1] * 27, [0.1] * 27)
    history.add(Trial(2, {"n": 2}, goal=27))
    for epochs in range(28):
        expected = Decision.STOP if epochs in (1, 3, 9) else Decision.CONTINUE
        assert STOPPING.judge(history, 2, [0.9] * epochs) is expected


def test_losses_are_compared_at_the_same_epoch():
    history = at_rung([0.9, 0.8, 0.1], [0.9, 0.9, 0.2])
    history.add(Trial(2, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 2, [0.5]) is Decision.CONTINUE, "they had 0.9 after one epoch"
    assert STOPPING.judge(history, 2, [0.5, 0.4, 0.3]) is Decision.STOP
    assert STOPPING.judge(history, 2, [0.05, 0.4, 0.3]) is Decision.CONTINUE, "the best so far"


def test_no_number_is_the_worst_and_nothing_stops_for_nothing():
    nothing = math.nan
    history = at_rung([0.5, 0.4], [nothing, 0.3], status=RUNNING)
    history.add(Trial(2, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 2, [nothing]) is Decision.STOP
    history = at_rung([nothing], [nothing], status=RUNNING)
    history.add(Trial(2, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 2, [nothing]) is Decision.CONTINUE


def test_epochs_without_validation_put_the_decision_off():
    nothing = math.nan
    curve = [nothing, 0.5, nothing, 0.4, nothing, 0.3]
    history = at_rung(curve, curve, curve, status=RUNNING)
    history.add(Trial(3, {"n": 3}, goal=27))
    worse = [nothing, 0.9, nothing, 0.9, nothing, 0.9]
    decisions = [STOPPING.judge(history, 3, worse[:epochs]) for epochs in (2, 4, 6)]
    assert decisions == [Decision.STOP, Decision.STOP, Decision.CONTINUE]


def test_failed_trials_set_no_standard():
    history = at_rung([0.5])
    history.add(Trial(1, {"n": 1}, status=FAILED, goal=27))
    history.note(1, 0, 0, 0.1)
    history.add(Trial(2, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 2, [0.4]) is Decision.CONTINUE


def test_one_that_ended_by_itself_counts_later_too():
    stops = {0: 5}
    simulation = Simulation(
        STOPPING, lambda n: [0.1] * 27 if n == 0 else [0.3, *[0.2] * 26], points=2, stops=stops.get
    ).run()
    assert [trial.epochs for trial in simulation.history] == [5, 1]
    history = simulation.history
    history.add(Trial(2, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 2, [0.05] + [0.2] * 8) is Decision.CONTINUE
    assert STOPPING.judge(history, 2, [0.2] * 9) is Decision.STOP, "0.1 stands at epoch 9"


def test_one_that_ended_by_itself_just_where_a_rung_ends_counts_later_too():
    losses = {0: [0.1] * 27}
    simulation = Simulation(
        STOPPING, lambda n: losses.get(n, [0.3, *[0.2] * 26]), points=2, stops={0: 3}.get
    ).run()
    ended, stopped = simulation.history
    assert (ended.epochs, ended.goal) == (3, 27)
    assert (stopped.epochs, stopped.goal) == (1, 1)
    history = simulation.history
    history.add(Trial(2, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 2, [0.2] * 9) is Decision.STOP, "0.1 stands at epoch 9"
    assert STOPPING.judge(history, 2, [0.05] * 9) is Decision.CONTINUE


def test_what_it_stopped_sets_no_standard_for_later_rungs():
    curves = {0: [0.1] * 27, 1: [0.2] * 27}
    simulation = Simulation(STOPPING, curves.__getitem__, points=2, stops={0: 1}.get).run()
    stopped = simulation.history[1]
    assert (stopped.epochs, stopped.goal) == (1, 1)
    # The same without the one that ended by itself.
    history = TrialHistory([dataclasses.replace(stopped, number=0)])
    history.note(0, 0, 0, 0.2)
    history.add(Trial(1, {"n": 2}, goal=27))
    assert STOPPING.judge(history, 1, [0.3, 0.5, 0.5]) is Decision.CONTINUE


def test_about_one_in_a_factor_comes_as_far_as_each_rung():
    simulation = Simulation(STOPPING, curves_of(0, 27), 4, points=300).run()
    epochs = np.array([trial.epochs for trial in simulation.history])
    assert set(epochs) <= {1, 3, 9, 27}
    for end, share in ((3, 1 / 3), (9, 1 / 9), (27, 1 / 27)):
        assert share / 2 < np.mean(epochs >= end) < 2 * share


# ---------------------------------------------------------------------- promotion


def test_the_best_of_a_rung_go_on_once_there_are_enough():
    scheduler = ASHA(27)
    new = TrainingRequest(None, 0, 1, resumable=True)
    some = [[0.5], [0.4], [0.3], [0.2], [0.1], [0.6]]
    assert scheduler.plan(at_rung(*some[:2]), 3, Supply()) == [new] * 3
    assert scheduler.plan(at_rung(*some[:3]), 2, Supply()) == [
        TrainingRequest(2, 1, 3, resumable=True),
        new,
    ]
    both = [TrainingRequest(4, 1, 3, resumable=True), TrainingRequest(3, 1, 3, resumable=True)]
    assert scheduler.plan(at_rung(*some), 3, Supply()) == [*both, new]
    assert scheduler.plan(at_rung(*some), 1, Supply()) == both[:1]


def test_the_highest_rung_comes_first():
    scheduler = ASHA(9)
    history = at_rung([0.5] * 3, [0.4] * 3, [0.3] * 3, *[[0.2]] * 9)
    assert scheduler.plan(history, 3, Supply())[0] == TrainingRequest(2, 3, 9)
    assert [rung.trial for rung in scheduler.plan(history, 6, Supply())] == [2, 3, 4, 5, 6, None]


def test_trials_are_compared_as_they_were_at_the_end_of_the_rung():
    # Two of the rung went on and got better; 2 was better than both after one epoch.
    history = at_rung([0.9, 0.5, 0.1], [0.8, 0.5, 0.2], [0.3], [0.95], [0.96], [0.97])
    rungs = ASHA(27).plan(history, 2, Supply(exhausted=True))
    assert [rung.trial for rung in rungs] == [2]


def test_what_can_hardly_go_on_is_given_up():
    scheduler = ASHA(27)
    losses = [[n / 100] for n in range(60)]
    given_up = scheduler.finished(at_rung(*losses), Supply())
    assert given_up == list(range(given_up[0], 60))
    assert 30 < given_up[0] < 40
    assert scheduler.finished(at_rung(*losses[:6]), Supply()) == []


@pytest.mark.parametrize(("workers", "kills"), [(1, 0.0), (3, 0.0), (4, 0.02)])
def test_each_rung_has_at_least_one_in_a_factor_of_the_one_below(workers, kills):
    scheduler = ASHA(27)
    for seed in range(4):
        simulation = Simulation(
            scheduler, curves_of(seed, 27), workers, seed, points=60, kills=kills
        ).run()
        simulation.check_replay()
        for below, end in itertools.pairwise(scheduler.rungs):
            members = simulation.entered[None, below]
            went_on = simulation.entered.get((None, end), [])
            ranked = sorted(members, key=lambda n, e=below: (simulation.loss_at(n, e), n))
            assert set(ranked[: len(members) // 3]) <= set(went_on) <= set(members)
            # Some were among the best only for a time.
            assert len(went_on) <= len(members) // 3 + 8
        assert len(simulation.named) > 15, "states are not kept for ever"


def test_when_no_new_ones_can_begin_the_best_is_trained_to_its_end():
    simulation = Simulation(ASHA(27), curves_of(0, 27), 2, points=4).run()
    assert sorted(trial.epochs for trial in simulation.history) == [1, 1, 1, 27]
    assert simulation.history.best()[0].epochs == 27


def test_an_ended_trial_keeps_its_place_and_is_not_trained():
    stops = {0: 1, 1: 2}
    simulation = Simulation(ASHA(9), lambda n: [n / 10] * 9, points=9, stops=stops.get).run()
    assert simulation.entered[None, 3] == [1, 2]
    assert (None, 9) not in simulation.entered, "0 has the only place in the last rung"
