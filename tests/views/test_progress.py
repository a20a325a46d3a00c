from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastune_lite._src.core.events import (
    Event,
    StopReason,
    TrialEnded,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.views.progress import Pace, Progress
from kerastune_lite._src.views.tables import failures_of
from tests.views.streams import (
    FakeClock,
    completed,
    confirmed,
    ended,
    epochs,
    eventful,
    failed,
    interrupted,
    joined_late,
    parallel,
    retried,
    simple,
    started,
    trial,
    unbounded,
    whole,
)


def after(events: Iterable[Event], clock: FakeClock | None = None) -> Progress:
    progress = Progress(clock or FakeClock())
    for event in events:
        progress.on_event(event)
    return progress


def test_counts_trials() -> None:
    progress = after(simple())
    assert (progress.ended, progress.max_trials, progress.failed) == (3, 3, 0)
    assert progress.fraction == 1.0


def test_best_is_by_loss() -> None:
    progress = after(simple())
    assert progress.best is not None
    assert (progress.best.number, progress.best.score) == (1, 0.9712)
    assert [each.number for each in progress.best_trials] == [1, 2, 0]


def test_of_equal_trials_the_earlier_is_best() -> None:
    progress = after([started(), TrialEnded(completed(1, 0.9)), TrialEnded(completed(0, 0.9))])
    assert [each.number for each in progress.best_trials] == [0, 1]


def test_nan_is_never_best() -> None:
    progress = after([started(), TrialEnded(completed(0, float("nan")))])
    assert (progress.ended, progress.best) == (1, None)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, None])))
def test_agrees_with_the_history(scores: list[float | None]) -> None:
    results = [failed(i) if s is None else completed(i, s) for i, s in enumerate(scores)]
    history = TrialHistory(results)
    live = after([started(), *(TrialEnded(result) for result in results)])
    late = after([started(trials=results)])
    for progress in (live, late):
        assert progress.best_trials == history.best(5)
        assert list(progress.scored) == [i for i, score in enumerate(scores) if score is not None]
        assert (progress.ended, progress.failed) == (history.ended, history.failed)


def test_epochs_are_counted_from_1() -> None:
    progress = after([started(), TrialStarted(trial(0)), *epochs(0, 0)])
    assert progress.running is not None
    assert (progress.running.epoch, progress.running.end_epoch) == (0, 30)
    progress = after([started(), TrialStarted(trial(0)), *epochs(0, 12)])
    assert progress.running is not None
    assert (progress.running.number, progress.running.epoch) == (0, 12)


def test_retry_begins_at_the_first_epoch_and_is_news() -> None:
    events = list(retried(completed(0, 0.9)))
    progress = after([started(), *events[:5]])
    assert progress.message == "trial 0 is tried again after ValueError: units must be even"
    progress.on_event(events[5])
    assert progress.running is not None
    assert progress.running.epoch == 0


def test_joining_late_counts_what_has_ended_and_not_what_was_cut_off() -> None:
    progress = after(joined_late()[:1])
    assert (progress.resumed, progress.ended, progress.failed) == (2, 2, 1)
    assert progress.running is None
    assert progress.best is not None
    assert progress.best.number == 0


def test_failures_are_grouped_by_reason() -> None:
    progress = after(
        [started(), *(TrialEnded(each) for each in (failed(0), failed(1, ""), failed(2)))]
    )
    assert failures_of(progress.failed_trials) == {
        "ValueError: units must be even": [0, 2],
        "no reason was recorded": [1],
    }


def test_current_trial_is_the_one_heard_of_last() -> None:
    events = parallel()
    progress = after(events[:5])
    assert progress.running is not None
    assert (progress.running.number, progress.unfinished) == (1, 2)
    progress = after(events[:-2])
    assert progress.running is not None
    assert (progress.running.number, progress.unfinished) == (0, 1)


def test_news() -> None:
    events = eventful()
    assert after(events[:3]).message == "a hand-picked point was enqueued"
    assert after(events[:5]).message == "trial 0 brought new hyperparameters: dropout"
    assert after(interrupted()).message == "interrupted: trial 1 is not finished"


def test_why_it_ended() -> None:
    assert after(simple()[:-1]).reason is None
    assert after(simple()).reason is StopReason.BUDGET


def test_second_search_starts_afresh() -> None:
    progress = after([*eventful(), started(9, project="other")])
    assert (progress.project, progress.ended, progress.failed) == ("other", 0, 0)
    assert (progress.best, progress.reason, progress.message) == (None, None, "")


# ---------------------------------------------------------------------- time


def test_elapsed_stops_with_the_search() -> None:
    clock = FakeClock()
    progress = after([started()], clock)
    clock.advance(42)
    assert progress.elapsed == 42
    progress.on_event(ended())
    clock.advance(100)
    assert progress.elapsed == 42


def test_nothing_elapsed_before_the_first_event() -> None:
    assert Progress(FakeClock()).elapsed == 0.0


def test_remaining_is_unknown_at_first() -> None:
    assert after([started(5), TrialStarted(trial(0))]).remaining is None


def test_remaining_is_unknown_without_max_trials() -> None:
    progress = after(unbounded()[:-1])
    assert (progress.remaining, progress.fraction) == (None, None)


def test_remaining_from_the_mean_of_the_trials_that_ended() -> None:
    clock = FakeClock()
    progress = after([started(10)], clock)
    for number, seconds in enumerate((8, 12)):
        clock.advance(seconds)
        progress.on_event(TrialEnded(completed(number, 0.9)))
    assert progress.remaining == 80


def test_remaining_counts_down_between_trials_but_not_past_the_next() -> None:
    clock = FakeClock()
    progress = after([started(5)], clock)
    clock.advance(10)
    progress.on_event(TrialEnded(completed(0, 0.9)))
    assert progress.remaining == 40
    clock.advance(4)
    assert progress.remaining == 36
    clock.advance(60)
    assert progress.remaining == 30


def test_resumed_trials_cost_nothing() -> None:
    clock = FakeClock()
    progress = after([started(100, [completed(i, 0.5) for i in range(90)])], clock)
    assert progress.remaining is None
    clock.advance(10)
    progress.on_event(TrialEnded(completed(90, 0.9)))
    assert progress.remaining == 90


def test_trials_side_by_side_share_the_time() -> None:
    clock = FakeClock()
    progress = after([started(8)], clock)
    clock.advance(10)
    for number in range(4):
        progress.on_event(TrialEnded(completed(number, 0.9)))
    assert progress.remaining == 10


def test_nothing_remains_when_all_trials_have_ended() -> None:
    assert after([started(1), *whole(completed(0, 0.9))]).remaining == 0.0
    assert after([started(1, [completed(0, 0.9), completed(1, 0.8)])]).remaining == 0.0


def test_nothing_is_estimated_after_the_end() -> None:
    assert after(interrupted()).remaining is None


# ---------------------------------------------------------------------- pace


def test_pace_lets_a_burst_through_and_then_the_rate() -> None:
    clock = FakeClock()
    pace = Pace(rate=2, burst=3, clock=clock)
    assert [pace.ready() for _ in range(5)] == [True, True, True, False, False]
    clock.advance(0.5)
    assert [pace.ready(), pace.ready()] == [True, False]
    clock.advance(100)
    assert [pace.ready() for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("gap", [0.001, 0.1, 0.3])
def test_pace_keeps_its_rate_however_often_it_is_asked(gap: float) -> None:
    clock = FakeClock()
    pace = Pace(rate=3, burst=3, clock=clock)
    passed = 0
    for _ in range(round(10 / gap)):
        clock.advance(gap)
        passed += pace.ready()
    assert 28 <= passed <= 33


def test_a_paused_trial_is_ranked_and_waits() -> None:
    paused = dataclasses.replace(completed(3, 0.5), status=TrialStatus.PAUSED)
    progress = after([started(), TrialStarted(trial(3)), TrialPaused(paused)])
    assert (progress.ended, progress.unfinished, progress.running) == (0, 0, None)
    assert [each.number for each in progress.best_trials] == [3]
    better = dataclasses.replace(completed(3, 0.75), status=TrialStatus.PAUSED)
    progress.on_event(TrialResumed(dataclasses.replace(better, status=TrialStatus.RUNNING)))
    assert progress.unfinished == 1
    progress.on_event(TrialPaused(better))
    progress.on_event(TrialEnded(completed(3, 0.75)))
    assert [(each.number, each.score) for each in progress.best_trials] == [(3, 0.75)]
    assert {number: each.score for number, each in progress.scored.items()} == {3: 0.75}
    assert (progress.ended, progress.unfinished) == (1, 0)


def test_paused_trials_of_an_earlier_search_are_ranked_and_not_counted() -> None:
    paused = dataclasses.replace(completed(0, 0.5), status=TrialStatus.PAUSED)
    progress = after([started(trials=(paused,))])
    assert (progress.ended, progress.resumed) == (0, 0)
    assert [each.number for each in progress.best_trials] == [0]


def test_the_winner_of_a_race_is_put_first() -> None:
    progress = Progress(FakeClock())
    for event in confirmed()[:-1]:
        progress.on_event(event)
    assert progress.confirming == "confirming: round 4 of 10, 2 of 3 left"
    assert [each.number for each in progress.best_trials] == [1, 2, 0]
    progress.on_event(confirmed()[-1])
    assert progress.confirming == ""
    assert [each.number for each in progress.best_trials] == [2, 1, 0]
    assert progress.best is not None
    assert progress.best.confirmed
