"""What every scheduler must do; each one's test file subclasses it."""

from __future__ import annotations

import json

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.schedulers import Decision, Supply, TrainingRequest
from tests.algorithms.schedulers.simulation import Simulation, curves_of


def history(*losses):
    return TrialHistory(
        Trial(n, {"n": n}, status=TrialStatus.COMPLETED, loss=loss, score=loss)
        for n, loss in enumerate(losses)
    )


def paused(number, loss, epochs, bracket=0):
    """A trial at the end of a rung."""
    return Trial(
        number,
        {"n": number},
        status=TrialStatus.PAUSED,
        loss=loss,
        score=loss,
        executions=(Execution(0, Outcome.COMPLETED, loss=loss, score=loss, epochs=epochs),),
        bracket=bracket,
        goal=epochs,
        resumable=True,
    )


class SchedulerConformance:
    """Subclass it with a fixture `scheduler`."""

    def test_starts_something_when_nothing_was_tried(self, scheduler):
        for free in (1, 4):
            rungs = scheduler.plan(TrialHistory(), free, Supply())
            assert 1 <= len(rungs) <= free
            assert all(
                isinstance(rung, TrainingRequest) and rung.start_epoch == 0 for rung in rungs
            )

    def test_rungs_are_not_empty(self, scheduler):
        for rung in scheduler.plan(history(1.0, 2.0), 4, Supply()):
            assert rung.end_epoch is None or rung.end_epoch > rung.start_epoch

    def test_function_of_history(self, scheduler):
        assert scheduler.plan(history(1.0, 2.0), 3, Supply()) == scheduler.plan(
            history(1.0, 2.0), 3, Supply()
        )

    def test_judges_any_curve(self, scheduler):
        running = history(1.0, 2.0)
        running.add(Trial(2, {"n": 2}))
        for losses in ([], [1.0], [float("nan"), 2.0], [3.0] * 50):
            assert isinstance(scheduler.judge(running, 2, losses), Decision)

    def test_asks_for_nothing_new_of_an_exhausted_space(self, scheduler):
        for some in (TrialHistory(), history(1.0, 2.0)):
            assert scheduler.plan(some, 4, Supply(exhausted=True)) == []

    def test_nothing_is_finished_that_is_not_paused(self, scheduler):
        assert scheduler.finished(TrialHistory(), Supply()) == []
        assert scheduler.finished(history(1.0, 2.0), Supply()) == []

    def test_settings_are_json(self, scheduler):
        assert json.loads(json.dumps(scheduler.settings())) == scheduler.settings()


class RungConformance(SchedulerConformance):
    """For schedulers that say how long trials train.

    Subclass it with a fixture `scheduler` whose longest rung ends at epoch 27.
    """

    def test_paused_trials_go_on_from_where_they_are_or_not_at_all(self, scheduler):
        some = TrialHistory(paused(n, loss, 1) for n, loss in enumerate([0.3, 0.1, 0.2, 0.4]))
        supply = Supply(exhausted=True, left=0)
        numbers = scheduler.finished(some, supply)
        assert set(numbers) <= {0, 2, 3}, "the best of all is kept"
        rungs = scheduler.plan(some, 3, supply)
        assert len(rungs) <= 3
        for rung in rungs:
            assert rung.trial is not None
            assert rung.start_epoch == 1 < rung.end_epoch
            assert rung.trial not in numbers

    def test_losses_that_are_no_numbers_come_last(self, scheduler):
        losses = [float("nan"), 0.5, None, float("inf")]
        some = TrialHistory(paused(n, loss, 1) for n, loss in enumerate(losses))
        supply = Supply(exhausted=True, left=0)
        rungs = scheduler.plan(some, 1, supply)
        assert all(rung.trial == 1 for rung in rungs)
        assert 1 not in scheduler.finished(some, supply)

    def test_what_it_says_follows_from_the_history_alone(self, scheduler):
        for workers, kills in ((1, 0.0), (4, 0.05)):
            simulation = Simulation(
                scheduler,
                curves_of(1, 27),
                workers,
                points=40,
                fails=lambda number, end: (number + end) % 7 == 0,
                stops=lambda number: 5 if number % 5 == 0 else None,
                kills=kills,
            ).run()
            simulation.check_replay()

    def test_ends_whatever_becomes_of_trials(self, scheduler):
        for points in (0, 1, 2, 3, 5):
            for fails in (lambda n, end: False, lambda n, end: True, lambda n, end: end > 1):
                Simulation(scheduler, curves_of(2, 27), 2, points=points, fails=fails).run()

    def test_the_best_of_all_is_trained_in_full(self, scheduler):
        for seed in range(5):
            simulation = Simulation(scheduler, curves_of(seed, 27), 3, seed, points=40).run()
            assert simulation.history.best()[0].epochs == 27
