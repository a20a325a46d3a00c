from __future__ import annotations

import io
from collections.abc import Iterable

import pytest

from kerastune_lite._src.core.events import (
    EpochEnded,
    Event,
    SegmentStarted,
    TrialEnded,
    TrialStarted,
)
from kerastune_lite._src.views.console import LineView, LiveView, live_lines, live_text
from kerastune_lite._src.views.progress import Progress
from tests.views.conformance import Terminal
from tests.views.streams import (
    FakeClock,
    completed,
    ended,
    epochs,
    eventful,
    failed,
    interrupted,
    joined_late,
    parallel,
    started,
    trial,
    two_workers,
    unbounded,
    whole,
)

VALUES = "units_0=64 lr=0.0021 activation=relu"


def lines_of(events: Iterable[Event]) -> list[str]:
    stream = io.StringIO()
    view = LineView(stream, clock=lambda: 0.0)
    for event in events:
        view.on_event(event)
    view.close()
    return stream.getvalue().splitlines()


# ---------------------------------------------------------------------- one line per trial


def test_lines() -> None:
    assert lines_of(eventful()) == [
        "trial 0 brought new hyperparameters: dropout",
        f"1/4  trial 0  val_accuracy 0.9200  best 0.9200 (trial 0)  3.1 s  {VALUES}",
        "trial 1 is tried again after ValueError: units must be even",
        f"2/4  trial 1  val_accuracy 0.9300  best 0.9300 (trial 1)  3.1 s  {VALUES}",
        f"3/4  trial 2  FAILED: ValueError: units must be even  0.2 s  {VALUES}",
        "4/4  trial 3  val_accuracy 0.9700  best 0.9700 (trial 3)  3.1 s  units_0=128 dropout=0.25",
        "digits: 4/4 trials in 0:00, max_trials reached",
    ]


def test_a_failed_trial_says_where_its_output_is() -> None:
    (line,) = lines_of([TrialEnded(failed(2, log="logs/trial_0002.log"))])
    assert line == (
        "trial 2  FAILED: ValueError: units must be even  0.2 s  "
        f"{VALUES}  output in logs/trial_0002.log"
    )


def test_lines_of_a_resumed_search() -> None:
    assert lines_of(joined_late()) == [
        "digits  resumes after 2/4 trials  best val_accuracy 0.9600 (trial 0)",
        f"3/4  trial 2  val_accuracy 0.9000  best 0.9600 (trial 0)  3.1 s  {VALUES}",
        f"4/4  trial 3  val_accuracy 0.8000  best 0.9600 (trial 0)  3.1 s  {VALUES}",
        "digits: 4/4 trials (2 of them before) in 0:00, max_trials reached",
    ]


def test_lines_without_a_total() -> None:
    assert lines_of(unbounded()) == [
        f"trial 0  val_accuracy 0.9000  best 0.9000 (trial 0)  3.1 s  {VALUES}",
        f"trial 1  val_accuracy 0.8000  best 0.9000 (trial 0)  3.1 s  {VALUES}",
        "digits: 2 trials in 0:00, every point of the space was tried",
    ]


def test_lines_and_a_table() -> None:
    stream = io.StringIO()
    view = LineView(stream, table=True, clock=lambda: 0.0)
    for event in eventful():
        view.on_event(event)
    text = stream.getvalue()
    assert (
        text.index("4/4  trial 3") < text.index("rank   trial") < text.index("4/4 trials in 0:00")
    )


def test_lines_go_to_what_stdout_is_at_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    LineView().on_event(ended())
    assert capsys.readouterr().out == "0 trials in 0:00, max_trials reached\n"


def test_each_line_is_flushed() -> None:
    raw = io.BytesIO()
    view = LineView(io.TextIOWrapper(raw, encoding="utf-8"))
    view.on_event(ended())
    assert raw.getvalue() == b"0 trials in 0:00, max_trials reached\n"


# ---------------------------------------------------------------------- the live line


def live(events: Iterable[Event]) -> str:
    progress = Progress(FakeClock())
    for event in events:
        progress.on_event(event)
    return live_text(progress, 200).plain


def in_mid_search() -> Progress:
    clock = FakeClock()
    progress = Progress(clock)
    progress.on_event(started(50))
    for result in (completed(0, 0.9), completed(1, 0.9712), failed(2)):
        clock.advance(10)
        progress.on_event(TrialEnded(result))
    for event in (TrialStarted(trial(3)), *epochs(3, 12)):
        progress.on_event(event)
    clock.advance(5)
    return progress


def test_live_line() -> None:
    progress = in_mid_search()
    assert live_text(progress, 200).plain == (
        "digits · 3/50 trials · trial 3, epoch 12/30 · best val_accuracy 0.9712 (trial 1) · "
        "0:35 elapsed · 7:45 left · 1 failed"
    )


def test_live_line_leaves_out_what_matters_least() -> None:
    progress = in_mid_search()
    best = "best val_accuracy 0.9712 (trial 1)"
    assert [live_text(progress, width).plain for width in (110, 90, 75, 60, 45, 10)] == [
        f"digits · 3/50 trials · trial 3, epoch 12/30 · {best} · 7:45 left · 1 failed",
        f"digits · 3/50 trials · {best} · 7:45 left · 1 failed",
        f"3/50 trials · {best} · 7:45 left · 1 failed",
        f"3/50 trials · {best} · 1 failed",
        "3/50 trials",
        "3/50 trials",
    ]


def test_live_line_at_the_start() -> None:
    assert live([started(50)]) == "digits · 0/50 trials · 0:00 elapsed"
    assert live([started(1)]) == "digits · 0/1 trial · 0:00 elapsed"
    assert live([started(None)]) == "digits · 0 trials · 0:00 elapsed"


def test_live_line_names_the_execution_where_there_are_several() -> None:
    events = [started(5, executions_per_trial=3), TrialStarted(trial(0)), *epochs(0, 2, 1)]
    assert live(events) == "digits · 0/5 trials · trial 0, execution 2/3, epoch 2/30 · 0:00 elapsed"


def test_live_line_with_trials_side_by_side() -> None:
    assert live(parallel()[:11]) == (
        "digits · 0/2 trials · trial 1, epoch 3/30 · 2 unfinished · 0:00 elapsed"
    )


# ---------------------------------------------------------------------- several workers


def with_running(trials: int, clock: FakeClock | None = None, **settings: int) -> Progress:
    """Four workers and so many running trials, of which the n-th has trained n epochs."""
    progress = Progress(clock or FakeClock())
    progress.on_event(started(50, workers=4, **settings))
    for number in reversed(range(trials)):
        for event in (TrialStarted(trial(number)), *epochs(number, number)):
            progress.on_event(event)
    return progress


def shown(progress: Progress, width: int = 200, height: int = 25) -> list[str]:
    return [line.plain for line in live_lines(progress, width, height)]


def test_several_workers_have_a_line_per_running_trial() -> None:
    clock = FakeClock()
    progress = with_running(2, clock)
    clock.advance(65)
    for event in (TrialStarted(trial(11)), *epochs(11, 10)):
        progress.on_event(event)
    clock.advance(10)
    assert shown(progress) == [
        "digits · 0/50 trials · 1:15 elapsed",
        "  trial 0               · val_accuracy –      · 1:15",
        "  trial 1, epoch 1/30   · val_accuracy 0.5000 · 1:15",
        "  trial 11, epoch 10/30 · val_accuracy 0.5000 · 0:10",
    ]


def test_the_line_of_a_trial_is_about_its_current_segment() -> None:
    clock = FakeClock()
    progress = with_running(1, clock, executions_per_trial=2)
    for event in epochs(0, 3):
        progress.on_event(event)
    clock.advance(7)
    progress.on_event(SegmentStarted(0, 1, 0, 0, 30, 0.0))
    clock.advance(2)
    assert shown(progress)[1:] == ["  trial 0, execution 2/2 · val_accuracy – · 0:02"]


def test_more_than_eight_running_trials_are_counted() -> None:
    assert [line.split(",")[0].strip() for line in shown(with_running(12))[2:]] == [
        *(f"trial {number}" for number in range(1, 8)),
        "… and 4 more running",
    ]


@pytest.mark.parametrize("height", range(1, 12))
def test_the_lines_fit_the_height_of_the_terminal(height: int) -> None:
    lines = shown(with_running(12), height=height)
    assert len(lines) == min(height, 10)
    assert height < 2 or lines[-1] == f"  … and {12 - max(len(lines) - 2, 0)} more running"


def test_one_worker_has_one_line() -> None:
    progress = in_mid_search()
    assert shown(progress) == [live_text(progress, 200).plain]


def test_with_several_workers_the_plain_lines_are_as_with_one() -> None:
    assert lines_of(two_workers()) == lines_of(parallel())
    assert len(lines_of(parallel())) == 3


# ---------------------------------------------------------------------- the terminal


def test_line_is_updated_in_place(terminal: Terminal) -> None:
    view = LiveView(terminal, FakeClock())
    view.on_event(started(5))
    assert terminal.screen() == "digits · 0/5 trials · 0:00 elapsed"
    view.on_event(TrialStarted(trial(0)))
    assert terminal.screen() == "digits · 0/5 trials · trial 0 · 0:00 elapsed"
    view.on_event(TrialEnded(completed(0, 0.9)))
    assert terminal.screen() == (
        "digits · 1/5 trials · best val_accuracy 0.9000 (trial 0) · 0:00 elapsed · 0:00 left"
    )
    view.close()


def test_line_is_drawn_about_three_times_a_second(terminal: Terminal) -> None:
    clock = FakeClock()
    view = LiveView(terminal, clock)
    view.on_event(started(5))
    for epoch in range(1000):
        clock.advance(0.01)
        view.on_event(EpochEnded(0, 0, 0, epoch, {}))
    drawn = terminal.getvalue().count("5 trials")
    assert 25 <= drawn <= 35
    view.close()


def test_trials_beginning_is_shown_though_an_epoch_and_an_end_came_with_it(
    terminal: Terminal,
) -> None:
    clock = FakeClock()
    view = LiveView(terminal, clock)
    events = [started(5), *whole(completed(0, 0.9)), TrialStarted(trial(1))]
    for event in events[:-4]:
        clock.advance(1)
        view.on_event(event)
    clock.advance(1)
    for event in events[-4:]:
        view.on_event(event)
    assert "· 1/5 trials · trial 1 ·" in terminal.screen()
    view.close()


def test_ends_with_a_table_the_failures_and_the_reason(terminal: Terminal) -> None:
    view = LiveView(terminal, FakeClock())
    for event in eventful():
        view.on_event(event)
    view.close()
    assert terminal.screen().splitlines() == [
        "rank   trial   val_accuracy       ±   best epoch   seconds   units_0       lr   "
        "activation   dropout",
        "─" * 100,
        "   1       3         0.9700       –            5       3.1       128        –   "
        "         –      0.25",
        "   2       1         0.9300       –            5       3.1        64   0.0021   "
        "      relu         –",
        "   3       0         0.9200   0.028            5       3.1        64   0.0021   "
        "      relu         –",
        "",
        "1 trial failed:",
        "  ValueError: units must be even (trial 2)",
        "",
        "digits: 4/4 trials in 0:00, max_trials reached",
    ]


def test_end_of_a_resumed_search(terminal: Terminal) -> None:
    view = LiveView(terminal, FakeClock())
    for event in joined_late():
        view.on_event(event)
    assert terminal.screen().splitlines()[-1] == (
        "digits: 4/4 trials (2 of them before) in 0:00, max_trials reached"
    )


def test_line_stays_when_the_search_is_cut_off(terminal: Terminal) -> None:
    view = LiveView(terminal, FakeClock())
    for event in interrupted()[:-1]:
        view.on_event(event)
    view.close()
    assert terminal.screen().splitlines() == [
        "digits · 1/50 trials · trial 1, epoch 3/30 · best val_accuracy 0.9000 (trial 0) · "
        "0:00 elapsed · 0:00 left"
    ]


def test_line_fits_a_narrow_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    view = LiveView(terminal, FakeClock())
    view.on_event(started(50))
    assert terminal.screen() == "0/50 tri…"
    view.close()


def test_lines_of_workers_are_updated_in_place(terminal: Terminal) -> None:
    clock = FakeClock()
    view = LiveView(terminal, clock)
    first = "digits · {} trials{} · 0:0{} elapsed"
    view.on_event(started(3, workers=2))
    assert terminal.screen() == first.format("0/3", "", 0)
    for number in (0, 1):
        view.on_event(TrialStarted(trial(number)))
    rows = [f"  trial {number} · val_accuracy – · 0:00" for number in (0, 1)]
    assert terminal.screen().splitlines() == [first.format("0/3", "", 0), *rows]
    clock.advance(2)
    view.on_event(TrialEnded(completed(0, 0.9)))
    rows = ["  trial 1 · val_accuracy – · 0:02"]
    best = " · best val_accuracy 0.9000 (trial 0)"
    assert terminal.screen().splitlines() == [
        first.format("1/3", best, 2) + " · 0:04 left",
        *rows,
    ], "no line is left of the trial that ended"
    view.on_event(ended())
    assert "trial 1 ·" not in terminal.screen()


def test_lines_of_workers_stay_when_the_search_is_cut_off(terminal: Terminal) -> None:
    view = LiveView(terminal, FakeClock())
    for event in two_workers()[:3]:
        view.on_event(event)
    view.close()
    assert terminal.screen() == (
        "digits · 0/2 trials · 0:00 elapsed\n"
        "  trial 0 · val_accuracy – · 0:00\n  trial 1 · val_accuracy – · 0:00\n"
    )


@pytest.mark.parametrize("width", [10, 20, 40])
def test_lines_of_workers_fit_a_narrow_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    view = LiveView(terminal, FakeClock())
    for event in two_workers()[:3]:
        view.on_event(event)
    lines = terminal.screen().splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) < width
    view.close()


def test_lines_of_workers_fit_a_low_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "4")
    view = LiveView(terminal, FakeClock())
    view.on_event(started(50, workers=9))
    for number in range(9):
        view.on_event(TrialStarted(trial(number)))
    view.close()
    assert terminal.screen().splitlines()[-1] == "  … and 7 more running"
    assert len(terminal.screen().splitlines()) == 4
