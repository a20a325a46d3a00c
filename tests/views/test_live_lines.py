# ruff: noqa: T201 - printing beside the live lines is what is tested
from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable

import pytest

from kerastune_lite._src.core.events import EpochEnded, TrialEnded, TrialStarted
from kerastune_lite._src.views.console import LiveView
from tests.views.conformance import Terminal
from tests.views.streams import FakeClock, ended, started, trial

Starter = Callable[..., LiveView]
LINE = "digits · 0/5 trials · 0:00 elapsed"


@pytest.fixture
def printing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Starter:
    """Starts a search on the terminal that stdout and stderr are from then on."""

    # A function, since pytest puts its own stdout in place between a fixture and its test.
    def start(workers: int = 1) -> LiveView:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        view = LiveView(clock=FakeClock())
        view.on_event(started(5, workers=workers))
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


def test_prints_appear_above_all_lines_of_workers(terminal: Terminal, printing: Starter) -> None:
    view = printing(workers=2)
    for number in (0, 1):
        view.on_event(TrialStarted(trial(number)))
    lines = (
        "digits · 0/5 trials · 0:00 elapsed\n"
        "  trial 0 · val_accuracy – · 0:00\n  trial 1 · val_accuracy – · 0:00"
    )
    print("1/30 - 0s - loss: 0.5\n2/30 - 0s - loss: 0.4")
    assert terminal.screen() == f"1/30 - 0s - loss: 0.5\n2/30 - 0s - loss: 0.4\n{lines}"
    print("half", end="")
    assert terminal.screen().splitlines()[2:] == ["half"], "a half line has the place of the lines"
    print(" a line")
    assert terminal.screen().splitlines()[2:] == ["half a line", *lines.splitlines()]
    view.close()


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
