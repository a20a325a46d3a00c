"""What every scheduler must do; each one's test file subclasses it."""

from __future__ import annotations

import json

from kerastune_lite.history import History
from kerastune_lite.schedulers import Decision, Rung
from kerastune_lite.trial import Trial, TrialStatus


def history(*losses):
    return History(
        Trial(n, {"n": n}, status=TrialStatus.COMPLETED, loss=loss, score=loss)
        for n, loss in enumerate(losses)
    )


class SchedulerConformance:
    """Subclass it with a fixture `scheduler`."""

    def test_starts_something_when_nothing_was_tried(self, scheduler):
        for free in (1, 4):
            rungs = scheduler.plan(History(), free)
            assert 1 <= len(rungs) <= free
            assert all(isinstance(rung, Rung) and rung.start_epoch == 0 for rung in rungs)

    def test_rungs_are_not_empty(self, scheduler):
        for rung in scheduler.plan(history(1.0, 2.0), 4):
            assert rung.end_epoch is None or rung.end_epoch > rung.start_epoch

    def test_function_of_history(self, scheduler):
        assert scheduler.plan(history(1.0, 2.0), 3) == scheduler.plan(history(1.0, 2.0), 3)

    def test_judges_any_curve(self, scheduler):
        running = history(1.0, 2.0)
        running.add(Trial(2, {"n": 2}))
        for losses in ([], [1.0], [float("nan"), 2.0], [3.0] * 50):
            assert isinstance(scheduler.judge(running, 2, losses), Decision)

    def test_settings_are_json(self, scheduler):
        assert json.loads(json.dumps(scheduler.settings())) == scheduler.settings()
