# ruff: noqa: T201 - printing beside the live line is what is tested
from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterable

import pytest

from kerastune_lite._src.core.events import EpochEnded, Event, TrialEnded, TrialStarted
from kerastune_lite._src.views.console import LineView, LiveView, live_text
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


# ---------------------------------------------------------------------- the terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


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


# ---------------------------------------------------------------------- users' prints

Starter = Callable[[], LiveView]
LINE = "digits · 0/5 trials · 0:00 elapsed"


@pytest.fixture
def printing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Starter:
    """Starts a search on the terminal that stdout and stderr are from then on."""

    # A function, since pytest puts its own stdout in place between a fixture and its test.
    def start() -> LiveView:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        view = LiveView(clock=FakeClock())
        view.on_event(started(5))
        return view

    return start


def test_prints_appear_above_the_line(terminal: Terminal, printing: Starter) -> None:
    view = printing()
    print("hello", 1)
    assert terminal.screen() == f"hello 1\n{LINE}"
    print("to stderr", file=sys.stderr)
    sys.stdout.writelines(["a\n", "b\n"])
    assert terminal.screen() == f"hello 1\nto stderr\na\nb\n{LINE}"
    view.close()
    print("after")
    assert terminal.screen() == f"hello 1\nto stderr\na\nb\n{LINE}\nafter\n"


def test_prints_are_not_read_as_markup(terminal: Terminal, printing: Starter) -> None:
    view = printing()
    print("reading [/home/data] [red]x", end="", flush=True)
    print()
    assert terminal.screen() == f"reading [/home/data] [red]x\n{LINE}"
    view.close()


def test_progress_bars_have_the_line_until_it_ends(terminal: Terminal, printing: Starter) -> None:
    view = printing()
    for step in range(1, 4):
        # Keras goes back and overwrites, and ends the line after the last step.
        sys.stdout.write("\b" * 20 + "\r" + f"{step}/3 ━━━━ loss: 0.5")
        sys.stdout.flush()
        view.on_event(EpochEnded(0, 0, 0, step, {}))
        assert terminal.screen() == f"{step}/3 ━━━━ loss: 0.5"
    sys.stdout.write("\n")
    assert terminal.screen() == f"3/3 ━━━━ loss: 0.5\n{LINE}"
    view.close()


def test_half_a_line_is_ended_before_the_table(terminal: Terminal, printing: Starter) -> None:
    view = printing()
    print("half a line", end="")
    view.on_event(ended())
    assert terminal.screen() == ("half a line\ndigits: 0/5 trials in 0:00, max_trials reached\n")


def test_stand_ins_are_otherwise_the_streams_themselves(
    terminal: Terminal, printing: Starter
) -> None:
    view = printing()
    assert sys.stdout is not terminal
    assert sys.stdout.isatty()
    assert sys.stdout.encoding == "utf-8"
    assert sys.stdout.write("four") == 4
    with pytest.raises(AttributeError):
        _ = getattr(sys.stdout, "colour")  # noqa: B009
    view.close()


def test_streams_are_put_back_after_an_exception(terminal: Terminal, printing: Starter) -> None:
    view = printing()
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        view.close()
    assert sys.stdout is terminal
    assert sys.stderr is terminal


def test_streams_are_put_back_when_the_view_itself_fails(
    terminal: Terminal, printing: Starter
) -> None:
    view = printing()
    with pytest.raises(AttributeError):
        view.on_event(TrialEnded(None))  # type: ignore[arg-type]
    assert sys.stdout is terminal
    view.close()


def test_stream_that_was_put_over_the_stand_in_stays(
    terminal: Terminal, printing: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = printing()
    held = sys.stdout
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdout", other)
    view.close()
    assert sys.stdout is other
    held.write("late\n")
    assert terminal.screen() == f"{LINE}\nlate\n"


def test_streams_that_go_to_files_are_left_alone(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    view = LiveView(terminal, FakeClock())
    view.on_event(started(5))
    assert sys.stderr is log
    view.close()


def test_threads_may_print(terminal: Terminal, printing: Starter) -> None:
    view = printing()

    def work(name: str) -> None:
        for i in range(50):
            sys.stdout.write(f"{name}{i}\n")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view.close()
    rows = terminal.screen().splitlines()
    assert sorted(rows[:-1]) == sorted(f"{name}{i}" for name in "abc" for i in range(50))
    assert rows[-1] == LINE
