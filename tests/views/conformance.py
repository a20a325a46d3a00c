"""What each view must cope with: subclass `ViewSuite`, and give it a `stage`."""

from __future__ import annotations

import dataclasses
import io
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kerastune_lite._src.core.events import Event
from kerastune_lite._src.views.view import View
from tests.views import streams

HEIGHT = 25
"""Rows on the screen of a terminal that does not say how many it has."""


@dataclasses.dataclass
class Stage:
    """A view, and how to read what its user sees now."""

    view: View
    shown: Callable[[], str]

    def play(self, events: Iterable[Event], close: bool = True) -> str:
        for event in events:
            self.view.on_event(event)
        if close:
            self.view.close()
        return self.shown()


class Terminal(io.StringIO):
    """A terminal that holds what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def screen(self) -> str:
        """What a person sees after all control codes were obeyed; one text line per row."""
        rows: list[list[str]] = [[]]
        row = column = 0
        for code, final, char in re.findall(
            r"(\x1b\[[\d;?]*([A-Za-z]))|([^\x1b])", self.getvalue()
        ):
            if code == "\x1b[2K":
                rows[row].clear()
            elif code == "\x1b[1A":
                assert row > max(0, len(rows) - HEIGHT), "there is no row above on the screen"
                row -= 1
            elif code:
                assert final == "m", f"unexpected control code {code!r}"
            elif char == "\n":
                row, column = row + 1, 0
                if row == len(rows):
                    rows.append([])
            elif char in "\r\b":
                column = 0 if char == "\r" else max(column - 1, 0)
            else:
                rows[row] += [" "] * (column + 1 - len(rows[row]))
                rows[row][column] = char
                column += 1
        while len(rows) > row + 1 and not rows[-1]:
            rows.pop()  # it was erased, and is below the cursor
        return "\n".join("".join(each).rstrip() for each in rows)


class ViewSuite:
    """Subclasses define the fixture `stage`."""

    @pytest.fixture
    def stage(self) -> Stage:
        raise NotImplementedError

    @pytest.mark.parametrize("name", streams.STREAMS)
    def test_takes_each_stream_and_says_why_it_ended(self, stage: Stage, name: str) -> None:
        events = streams.STREAMS[name]()
        assert events[-1].message in stage.play(events)  # type: ignore[union-attr]

    @pytest.mark.parametrize("name", streams.STREAMS)
    def test_may_be_closed_after_each_event(self, stage: Stage, name: str) -> None:
        before = sys.stdout, sys.stderr
        for end in range(len(streams.STREAMS[name]())):
            stage.play(streams.STREAMS[name]()[:end])
            assert (sys.stdout, sys.stderr) == before

    def test_shows_the_best_trial(self, stage: Stage) -> None:
        shown = stage.play(streams.simple())
        assert "0.9712" in shown
        assert "3/3" in shown

    def test_says_what_the_race_after_the_search_says(self, stage: Stage) -> None:
        shown = stage.play(streams.confirmed())
        said = re.sub(r"<[^>]*>", "", shown)
        assert " ".join(str(streams.CONFIRMATION).split()) in " ".join(said.split())

    def test_shows_how_far_that_race_is(self, stage: Stage) -> None:
        shown = stage.play(streams.confirmed()[:-1])
        assert "confirming: round 4 of 10, 2 of 3 left" in shown

    def test_counts_trials_of_earlier_searches(self, stage: Stage) -> None:
        shown = stage.play(streams.joined_late())
        assert "4/4" in shown
        assert "0.9600" in shown

    def test_shows_why_trials_failed(self, stage: Stage) -> None:
        shown = stage.play(streams.eventful())
        assert "ValueError: units must be even" in shown
        assert "Traceback" not in shown

    def test_tells_rejected_trials_from_failed_ones(self, stage: Stage) -> None:
        shown = stage.play(streams.with_rejections())
        assert "FailedTrialError: too large" in shown
        assert re.search(r"[23] (trials )?rejected|REJECTED: kt", shown)
        assert "3 trials failed" not in shown

    def test_shows_failures_when_nothing_completed(self, stage: Stage) -> None:
        shown = stage.play(streams.all_failed())
        assert "ValueError: units must be even" in shown
        assert "no reason was recorded" in shown

    def test_shows_no_total_when_there_is_none(self, stage: Stage) -> None:
        shown = stage.play(streams.unbounded())
        assert "/" not in re.sub(r"<[^>]*>", "", shown).replace("\n", " ")
        assert "None" not in shown

    def test_takes_events_without_a_start(self, stage: Stage) -> None:
        assert "0.9000" in stage.play(streams.simple()[1:10])

    def test_may_be_closed_twice(self, stage: Stage) -> None:
        shown = stage.play(streams.interrupted())
        stage.view.close()
        assert stage.shown() == shown

    def test_may_be_closed_twice_in_mid_search(self, stage: Stage) -> None:
        shown = stage.play(streams.interrupted()[:-1])
        stage.view.close()
        assert stage.shown() == shown

    def test_may_be_closed_without_any_event(self, stage: Stage) -> None:
        stage.view.close()
        assert stage.shown().strip() == ""

    def test_shows_a_second_search(self, stage: Stage) -> None:
        stage.play(streams.simple())
        assert "every point of the space was tried" in stage.play(streams.unbounded())

    def test_user_text_cannot_move_the_cursor_or_break_lines(self, stage: Stage) -> None:
        nasty = "a\x1b[2J\rb\nc\x07"
        values: dict[str, Any] = {nasty: nasty}
        shown = stage.play(
            [
                streams.started(2, project=nasty),
                *streams.whole(streams.completed(0, 0.9, **values)),
                *streams.whole(streams.failed(1, f"E: {nasty}")),
                streams.ended(message=nasty),
            ]
        )
        assert not set("\x1b\r\x07") & set(shown)
        assert "a [2J b c" in shown
