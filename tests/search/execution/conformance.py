"""What every runner must do; each one's test file subclasses it."""

from __future__ import annotations

import contextlib

import pytest

from kerastune_lite._src.core.trial import Outcome, Segment, Trial
from kerastune_lite._src.util.errors import FailedTrialError, FatalValueError
from kerastune_lite.schedulers import Decision
from tests.doubles import job_of


def segments(count):
    return [Segment(Trial(number, {"x": number}), seed=number) for number in range(count)]


def drain(runner):
    reports = []
    while batch := runner.wait():
        reports.extend(batch)
    return reports


@contextlib.contextmanager
def opening(make):
    """A function that opens runners, which are closed at the end.

    Args:
        make: makes one, given how many workers it has, and options.
    """
    runners = []

    def opened(function, workers=2, emit=lambda event: Decision.CONTINUE, **options):
        runners.append(make(workers, **options))
        runners[-1].open(job_of(function), emit)
        return runners[-1]

    yield opened
    for runner in runners:
        runner.close()


class RunnerConformance:
    """Subclass it with a fixture `runner`, not opened yet."""

    @pytest.fixture
    def emitted(self):
        return []

    def open(self, runner, function, emitted, decision=Decision.CONTINUE):
        def emit(event):
            emitted.append(event)
            return decision

        runner.open(job_of(function), emit)

    def test_nothing_to_do(self, runner, emitted):
        self.open(runner, lambda hp, report, segment: 0.0, emitted)
        assert runner.free >= 1
        assert runner.together >= 1
        assert runner.wait() == []
        runner.close()
        runner.close()

    def test_each_segment_is_reported_once(self, runner, emitted):
        self.open(runner, lambda hp, report, segment: float(hp.get("x")), emitted)
        runner.submit(segments(3))
        runner.submit(segments(5)[3:])
        reports = drain(runner)
        assert sorted(r.segment.trial.number for r in reports) == [0, 1, 2, 3, 4]
        for report in reports:
            (execution,) = report.executions
            assert execution.score == report.segment.trial.number
            assert report.values == {"x": report.segment.trial.number}
        runner.close()

    def test_epochs_are_emitted_and_the_answer_arrives(self, runner, emitted):
        def train(hp, report, segment):
            for epoch in range(10):
                if not report({"loss": float(epoch)}):
                    break
            return float(epoch)

        self.open(runner, train, emitted, Decision.STOP)
        runner.submit(segments(1))
        (report,) = drain(runner)
        assert report.executions[0].score == 0.0, "it stopped at once"
        assert [e.epoch for e in emitted] == [0]
        assert report.executions[0].epochs == 1
        runner.close()

    def test_a_runner_with_enough_to_do_is_not_free(self, runner, emitted):
        self.open(runner, lambda hp, report, segment: 0.0, emitted)
        lists = runner.free
        for number in range(lists):
            assert runner.free == lists - number
            runner.submit(segments(lists)[number : number + 1])
        assert runner.free <= 0
        drain(runner)
        assert runner.free >= 1
        runner.close()

    def test_failures_are_reports(self, runner, emitted):
        raised = [
            ValueError("no"),
            FailedTrialError("never"),
            FatalValueError("stop"),
            MemoryError(),
        ]

        def train(hp, report, segment):
            raise raised[segment.trial.number]

        self.open(runner, train, emitted)
        runner.submit(segments(4))
        by_number = {r.segment.trial.number: r for r in drain(runner)}
        assert by_number[0].executions[0].outcome is Outcome.FAILED
        assert "ValueError: no" in by_number[0].executions[0].message
        assert by_number[1].executions[0].outcome is Outcome.REJECTED
        assert isinstance(by_number[2].fatal, FatalValueError)
        assert by_number[3].executions[0].outcome is Outcome.OUT_OF_MEMORY
        runner.close()

    def test_parameters_met_on_the_way_are_reported(self, runner, emitted):
        def train(hp, report, segment):
            return float(hp.Int("new", 3, 9) + hp.get("x"))

        self.open(runner, train, emitted)
        runner.submit(segments(1))
        (report,) = drain(runner)
        assert [p.name for p in report.added] == ["new"]
        assert report.values == {"new": 3, "x": 0}
        runner.close()

    def test_close_drops_what_waits(self, runner, emitted):
        self.open(runner, lambda hp, report, segment: 0.0, emitted)
        runner.submit(segments(3))
        runner.close()
        assert runner.wait() == []
