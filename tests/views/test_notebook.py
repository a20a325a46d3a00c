from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

import pytest

from kerastune_lite._src.core.events import (
    EpochEnded,
    Event,
    SegmentStarted,
    TrialEnded,
    TrialStarted,
)
from kerastune_lite._src.views.notebook import NotebookView, progress_html, results_html
from kerastune_lite._src.views.progress import Progress
from tests.views.streams import (
    ACCURACY,
    START,
    FakeClock,
    completed,
    ended,
    epochs,
    eventful,
    failed,
    interrupted,
    parallel,
    started,
    trial,
    two_workers,
    unbounded,
    whole,
)


class Text(HTMLParser):
    """What a browser shows: a list with a text per block or table cell."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self._new = True

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self._new = self._new or tag != "b"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._new = self._new or tag != "b"

    def handle_data(self, data: str) -> None:
        if self._new:
            self.texts.append(data)
        else:
            self.texts[-1] += data
        self._new = False


def texts(html: str) -> list[str]:
    parser = Text()
    parser.feed(html)
    assert parser.open == []
    return parser.texts


def html_after(events: Iterable[Event], clock: FakeClock | None = None) -> str:
    progress = Progress(clock or FakeClock())
    for event in events:
        progress.on_event(event)
    return progress_html(progress)


class Notebook:
    """Records what is displayed, and each update."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.displayed = 0
        self.frames: list[dict[str, str]] = []
        self.view = NotebookView(self.display, self.clock)

    def display(self, bundle: dict[str, str], raw: bool, display_id: bool) -> Notebook:
        assert raw
        assert display_id
        self.displayed += 1
        self.frames.append(bundle)
        return self

    def update(self, bundle: dict[str, str], raw: bool) -> None:
        assert raw
        self.frames.append(bundle)


# ---------------------------------------------------------------------- the block


def test_block_in_mid_search() -> None:
    events = [started(4), *whole(completed(0, 0.9)), TrialStarted(trial(1)), *epochs(1, 12)]
    clock = FakeClock()
    html = html_after(events, clock)
    assert texts(html) == [
        "digits · 1/4 trials · trial 1, epoch 12/30 · 0:00 elapsed · 0:00 left",
        "best val_accuracy 0.9000 (trial 0)",
        *("rank", "trial", "val_accuracy", "best epoch", "seconds", "units_0", "lr", "activation"),
        *("1", "0", "0.9000", "5", "3.1", "64", "0.0021", "relu"),
    ]
    assert 'aria-valuenow="25.0"' in html
    assert "width:25.0%" in html


def test_block_at_the_end() -> None:
    assert texts(html_after(eventful())) == [
        "digits · 4/4 trials · 0:00 elapsed · 1 failed",
        "best val_accuracy 0.9700 (trial 3)",
        *("trial 0", "3", "0.9200", "0.9700"),
        *("rank", "trial", "val_accuracy", "±", "best epoch", "seconds"),
        *("units_0", "lr", "activation", "dropout"),
        *("1", "3", "0.9700", "–", "5", "3.1", "128", "–", "–", "0.25"),
        *("2", "1", "0.9300", "–", "5", "3.1", "64", "0.0021", "relu", "–"),
        *("3", "0", "0.9200", "0.028", "5", "3.1", "64", "0.0021", "relu", "–"),
        "1 trial failed:",
        "ValueError: units must be even (trial 2)",
        "max_trials reached",
    ]


def test_several_workers_have_a_line_per_running_trial() -> None:
    events = two_workers()
    running = texts(html_after(events[:11]))
    assert running == [
        "digits · 0/2 trials · 0:00 elapsed",
        *(f"trial {number}, epoch 3/30 · val_accuracy 0.5000 · 0:00" for number in (0, 1)),
    ]
    assert texts(html_after(events)) == texts(html_after(parallel()))


def test_the_start_of_each_worker_is_shown() -> None:
    notebook = Notebook()
    notebook.view.on_event(started(50, workers=4))
    for number in range(4):
        notebook.view.on_event(TrialStarted(trial(number)))
    assert texts(notebook.frames[-1]["text/html"])[-1] == "trial 3 · val_accuracy – · 0:00"


def test_interrupted_search_no_longer_runs() -> None:
    shown = texts(html_after(interrupted()))
    assert shown[0] == "digits · 1/50 trials · 0:00 elapsed"
    assert shown[-1] == "interrupted: trial 1 is not finished"


def test_no_bar_without_a_total() -> None:
    html = html_after(unbounded())
    assert texts(html)[0] == "digits · 2 trials · 0:00 elapsed"
    assert "progressbar" not in html


def test_five_best_trials() -> None:
    events: list[Event] = [
        started(20),
        *(TrialEnded(completed(i, i / 20, units=i)) for i in range(20)),
    ]
    shown = texts(html_after(events))
    start = shown.index("units") + 1
    assert shown[start + 1 :: 6][:5] == ["19", "18", "17", "16", "15"]
    assert len(shown[start:]) == 5 * 6


def test_many_hyperparameters_share_a_column() -> None:
    values: dict[str, Any] = {f"u{i}": i for i in range(9)}
    shown = texts(html_after([started(2), TrialEnded(completed(0, 0.9, **values))]))
    assert shown[-7:] == [
        "hyperparameters",
        *("1", "0", "0.9000", "5", "3.1", "u0=0 u1=1 u2=2 u3=3 u4=4 u5=5 u6=6 u7=7 u8=8"),
    ]


def test_texts_of_the_user_are_escaped() -> None:
    evil = "<script>alert('&')</script>"
    values: dict[str, Any] = {evil: evil}
    events = [
        started(3, project=evil),
        *whole(completed(0, 0.9, **values)),
        *whole(failed(1, f"E: {evil}")),
        ended(message=evil),
    ]
    html = html_after(events)
    assert "<script" not in html
    shown = texts(html)
    assert shown[0].startswith(evil)
    assert shown.count(evil) == 3
    assert f"E: {evil} (trial 1)" in shown


def test_colours_are_those_of_the_page() -> None:
    html = html_after(eventful())
    colours = set(re.findall(r"(?:color|background):([^;\"]+)", html))
    assert colours == {"inherit", "transparent", "currentColor"}
    assert "#" not in html


def test_a_page_is_left_as_it_is() -> None:
    html = html_after(eventful())
    assert re.search(r"<(style|script|link|img)|\bid=|\bon\w+=|url\(", html) is None


def test_a_project_as_html() -> None:
    trials = [completed(0, 0.9), failed(1), completed(2, 0.8)]
    html = results_html("<p>", trials, [trials[0]], ACCURACY)
    assert texts(html) == [
        "<p> · 3 trials",
        *("trial 0", "2", "0.8000", "0.9000"),
        *("rank", "trial", "val_accuracy", "best epoch", "seconds", "units_0", "lr", "activation"),
        *("1", "0", "0.9000", "5", "3.1", "64", "0.0021", "relu"),
        "1 trial failed:",
        "ValueError: units must be even (trial 1)",
    ]
    assert texts(results_html("new", [], [], None)) == ["new · 0 trials"]


# ---------------------------------------------------------------------- when it is updated


def test_one_block_per_search() -> None:
    notebook = Notebook()
    for event in eventful():
        notebook.view.on_event(event)
    notebook.view.close()
    assert notebook.displayed == 1
    assert texts(notebook.frames[-1]["text/html"])[-1] == "max_trials reached"
    for event in unbounded():
        notebook.view.on_event(event)
    assert notebook.displayed == 2


def test_text_stands_in_where_html_is_not_shown() -> None:
    notebook = Notebook()
    for event in eventful():
        notebook.view.on_event(event)
    text = notebook.frames[-1]["text/plain"]
    assert text.splitlines()[-1] == "digits: 4/4 trials in 0:00, max_trials reached"
    assert "<" not in text


def test_epochs_are_shown_about_once_a_second() -> None:
    notebook = Notebook()
    notebook.view.on_event(started(5))
    for epoch in range(1000):
        notebook.clock.advance(0.01)
        notebook.view.on_event(EpochEnded(0, 0, 0, epoch, {}))
    assert 9 <= len(notebook.frames) <= 12


def test_ends_of_trials_are_shown_at_once() -> None:
    notebook = Notebook()
    notebook.view.on_event(started(5))
    notebook.clock.advance(0.1)
    notebook.view.on_event(TrialEnded(completed(0, 0.9)))
    assert texts(notebook.frames[-1]["text/html"])[0].startswith("digits · 1/5 trials")


def test_short_trials_do_not_flood_the_notebook() -> None:
    notebook = Notebook()
    notebook.view.on_event(started(1000))
    for number in range(1000):
        for event in (TrialStarted(trial(number)), TrialEnded(completed(number, 0.5))):
            notebook.clock.advance(0.005)
            notebook.view.on_event(event)
    assert 18 <= len(notebook.frames) <= 26
    notebook.view.on_event(ended())
    assert texts(notebook.frames[-1]["text/html"])[0].startswith("digits · 1000/1000 trials")


def test_close_shows_what_was_held_back() -> None:
    notebook = Notebook()
    notebook.view.on_event(started(5))
    notebook.view.on_event(SegmentStarted(0, 0, 0, 0, None, START))
    notebook.view.on_event(EpochEnded(0, 0, 0, 6, {}))
    assert len(notebook.frames) == 1
    notebook.view.close()
    assert len(notebook.frames) == 2
    assert "trial 0, epoch 7 " in texts(notebook.frames[-1]["text/html"])[0]


def test_without_a_handle_only_the_first_block_is_shown() -> None:
    shown: list[Any] = []

    def display(bundle: Any, **_: Any) -> None:
        shown.append(bundle)

    view = NotebookView(display)
    for event in eventful():
        view.on_event(event)
    assert len(shown) == 1


# ---------------------------------------------------------------------- IPython


def test_with_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.core.display_functions")
    sent: list[tuple[dict[str, str], str, bool]] = []

    def publish(data: Any, metadata: Any = None, *, transient: Any, update: bool = False) -> None:
        sent.append((data, transient["display_id"], update))

    monkeypatch.setattr(display, "publish_display_data", publish)
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
    view = NotebookView()
    for event in eventful():
        view.on_event(event)
    assert [update for _, _, update in sent] == [False] + [True] * (len(sent) - 1)
    assert len({display_id for _, display_id, _ in sent}) == 1
    assert set(sent[-1][0]) == {"text/html", "text/plain"}
    assert "max_trials reached" in sent[-1][0]["text/html"]


def test_without_ipython_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ImportError, match=re.escape('pip install "kerastune_lite[notebook]"')):
        NotebookView()
