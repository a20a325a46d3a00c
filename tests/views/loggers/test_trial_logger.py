"""Events as runs, whatever the service is."""

import dataclasses
import math

import pytest

from kerastune_lite._src.core.events import (
    EpochEnded,
    SearchEnded,
    SearchStarted,
    StopReason,
    TrialEnded,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.views.loggers.trial_logger import TrialLogger
from tests.views import streams


class Written(TrialLogger):
    """Keeps what a service would get."""

    def __init__(self, clock=None, known=frozenset()):
        super().__init__(log_model=True, clock=clock or streams.FakeClock())
        self.said = []
        self.keys = {}
        self.points = {}
        self.known = known

    def _connect(self):
        self.said.append("connect")

    def _begin(self, search, key):
        self.said.append(f"begin {search.project}")
        self.keys["search"] = key
        return self.known

    def _begin_trial(self, trial, key):
        self.said.append(f"begin {trial.number}")
        self.keys[trial.number] = key

    def _log(self, number, points):
        self.said.append(f"log {number}")
        self.points.setdefault(number, []).extend(points)

    def _end_trial(self, trial):
        self.said.append(f"end {trial.number} {trial.status}")

    def _send_model(self, path):
        self.said.append(f"model {path}")

    def _end(self, best, message):
        self.said.append(f"best {None if best is None else best.number}: {message}")


def started(trials=()):
    return SearchStarted("digits", streams.ACCURACY, streams.SPACE, 10, tuple(trials), {}, 0.0)


def epoch(trial, number, value, execution=0):
    return EpochEnded(trial, execution, 0, number, {"val_accuracy": value})


ENDED = SearchEnded(StopReason.BUDGET, "max_trials reached", 1.0)


@pytest.fixture
def clock():
    return streams.FakeClock()


@pytest.fixture
def written(clock, tmp_path):
    logger = Written(clock)
    logger.open(tmp_path)
    return logger


def play(logger, *events):
    for event in events:
        logger.on_event(event)


@pytest.mark.parametrize("name", streams.STREAMS)
def test_each_trial_of_each_stream_begins_and_ends_once(written, name):
    events = streams.STREAMS[name]()
    play(written, *events)
    for event in events:
        if isinstance(event, TrialEnded):
            number, status = event.trial.number, event.trial.status
            assert written.said.count(f"begin {number}") == 1
            assert written.said.count(f"end {number} {status}") == 1
    written.close()


def test_the_best_trial_is_named_when_the_search_ends(written):
    events = [started()]
    for number, score in enumerate([0.5, 0.9, 0.7]):
        events += [
            TrialStarted(streams.trial(number)),
            TrialEnded(streams.completed(number, score)),
        ]
    play(written, *events, ENDED)
    assert written.said[-1] == "best 1: max_trials reached"


def test_metrics_are_sent_together(written, clock):
    play(written, started(), TrialStarted(streams.trial(0)))
    for number in range(5):
        play(written, epoch(0, number, number / 10))
        clock.advance(0.1)
    assert "log 0" not in written.said
    clock.advance(5.0)
    play(written, epoch(0, 5, 0.5), epoch(0, 6, 0.6))
    assert written.said.count("log 0") == 1
    play(written, TrialEnded(streams.completed(0, 0.6)))
    assert written.said[-2:] == ["log 0", "end 0 COMPLETED"]
    assert [(p.epoch, p.metrics["val_accuracy"]) for p in written.points[0]] == [
        (number, pytest.approx(number / 10)) for number in range(7)
    ]


def test_repeats_have_names_of_their_own(written):
    play(written, started(), TrialStarted(streams.trial(0)))
    play(written, epoch(0, 0, 0.1), epoch(0, 0, math.nan, execution=1))
    play(written, TrialEnded(streams.completed(0, 0.6)))
    names = [name for point in written.points[0] for name in point.metrics]
    assert names == ["val_accuracy", "execution_1/val_accuracy"]


def test_a_paused_trial_goes_on_in_its_run(written):
    play(written, started(), TrialStarted(streams.trial(0)), epoch(0, 0, 0.1))
    play(written, TrialPaused(streams.completed(0, 0.1)), TrialResumed(streams.trial(0)))
    play(written, epoch(0, 1, 0.2), TrialEnded(streams.completed(0, 0.2)))
    assert written.said.count("begin 0") == 1
    assert [point.epoch for point in written.points[0]] == [0, 1]


def test_a_resumed_search_has_the_same_keys(tmp_path):
    first, second, elsewhere = Written(), Written(), Written()
    first.open(tmp_path)
    play(first, started(), TrialStarted(streams.trial(0)), TrialEnded(streams.completed(0, 0.5)))
    play(first, TrialStarted(streams.trial(1)))  # and the process dies
    for logger, folder in ((second, tmp_path), (elsewhere, tmp_path / "other")):
        logger.open(folder)
        play(logger, started([streams.completed(0, 0.5)]), TrialStarted(streams.trial(1)))
    assert {name: second.keys[name] for name in ("search", 1)} == {
        name: first.keys[name] for name in ("search", 1)
    }
    assert set(elsewhere.keys.values()).isdisjoint(first.keys.values())


@pytest.mark.parametrize(
    ("known", "made"), [({0}, []), (set(), [0]), (None, [])], ids=["known", "new", "cannot say"]
)
def test_trials_from_before_get_a_run_if_they_have_none(tmp_path, known, made):
    logger = Written(known=known)
    logger.open(tmp_path)
    play(logger, started([streams.completed(0, 0.5)]), ENDED)
    assert [f"begin {n}" for n in made] == [s for s in logger.said if s.startswith("begin 0")]
    assert logger.said[-1] == "best 0: max_trials reached"


def test_a_search_without_trials_makes_no_run(written):
    play(written, started(), ENDED)
    written.close()
    written.model_saved("best.keras")
    assert written.said == ["connect"]


def test_what_was_collected_is_sent_when_the_process_ends(written):
    play(written, started(), TrialStarted(streams.trial(0)), epoch(0, 0, 0.1))
    written.close()
    written.close()
    assert written.said.count("log 0") == 1


def paused(number, score):
    return dataclasses.replace(streams.completed(number, score), status=TrialStatus.PAUSED)


def test_trials_that_were_paused_in_an_earlier_search_go_on_and_end(tmp_path):
    logger = Written(known=set())
    logger.open(tmp_path)
    play(logger, started([paused(0, 0.1), paused(1, 0.3)]))
    play(logger, TrialResumed(streams.trial(0)), epoch(0, 3, 0.4))
    play(
        logger, TrialEnded(streams.completed(0, 0.4)), TrialEnded(streams.completed(1, 0.3)), ENDED
    )
    assert logger.said[-6:] == [
        "begin 0",
        "log 0",
        "end 0 COMPLETED",
        "begin 1",
        "end 1 COMPLETED",
        "best 0: max_trials reached",
    ]
    logger.close()
