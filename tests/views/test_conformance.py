from __future__ import annotations

import io
from typing import Any

import pytest

from kerastune_lite._src.views.console import LineView, LiveView
from kerastune_lite._src.views.notebook import NotebookView
from tests.views.conformance import Stage, Terminal, ViewSuite


class TestLineView(ViewSuite):
    @pytest.fixture
    def stage(self) -> Stage:
        stream = io.StringIO()
        return Stage(LineView(stream), stream.getvalue)


class TestLiveView(ViewSuite):
    @pytest.fixture
    def stage(self, monkeypatch: pytest.MonkeyPatch) -> Stage:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "120")
        terminal = Terminal()
        return Stage(LiveView(terminal), terminal.screen)


class Cell:
    """The output of a notebook's cell: each display is a block that may be updated."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        self.blocks.append(bundle)
        return Handle(self, len(self.blocks) - 1)

    def html(self) -> str:
        return "\n".join(block["text/html"] for block in self.blocks)


class Handle:
    def __init__(self, cell: Cell, place: int) -> None:
        self._cell = cell
        self._place = place

    def update(self, bundle: dict[str, str], raw: bool) -> None:
        assert raw
        self._cell.blocks[self._place] = bundle


class TestNotebookView(ViewSuite):
    @pytest.fixture
    def stage(self) -> Stage:
        cell = Cell()
        return Stage(NotebookView(cell.display), cell.html)
