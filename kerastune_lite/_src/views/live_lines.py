"""The last lines of a terminal, which are updated in place while others print above them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from kerastune_lite._src.views.progress import Pace
from kerastune_lite._src.views.tables import write_text


class LiveLines:
    """The last lines of a terminal, and the stand-ins for stdout and stderr that keep them intact.

    `rich.live` has such stand-ins, too, but they treat printed text as markup (printing "[/data]"
    without a line break raises), and print each step of a progress bar on a new line.

    Args:
        stream: the terminal.
        render: returns the lines for a width and a height.
        pace: limits how often the lines are drawn.
    """

    def __init__(
        self, stream: TextIO, render: Callable[[int, int], list[Text]], pace: Pace
    ) -> None:
        self._console = Console(file=stream, force_jupyter=False)
        self._stream = stream
        self._render = render
        self._pace = pace
        # Users may print from several threads.
        self._lock = threading.RLock()
        # Kept, to draw them again after each line that somebody prints.
        self._rendered: list[str] = []
        self._shown = 0  # how many of the lines are on the screen
        # Half a line that somebody printed (a prompt, a progress bar) stays until it ends.
        self._taken = False
        self._closed = False
        self._stand_ins: dict[str, StandIn] = {}

    def start(self) -> None:
        """Replace the standard streams, and draw the lines."""
        for name in ("stdout", "stderr"):
            target = getattr(sys, name)
            # Output to a file does not disturb the terminal.
            if target is not None and target.isatty():
                self._stand_ins[name] = StandIn(target, self)
                setattr(sys, name, self._stand_ins[name])
        self.refresh()

    def refresh(self) -> None:
        """Redraw the lines, unless they were drawn often enough recently."""
        with self._lock:
            if not self._closed and not self._taken and self._pace.ready():
                self._render_lines()
                self._draw()

    def write(self, stream: TextIO, text: str) -> int:
        """Write somebody else's `text` above the lines."""
        with self._lock:
            if self._closed:
                return stream.write(text)
            self._erase()
            written = stream.write(text)
            # The lines and the text may have different buffers.
            stream.flush()
            if text:
                self._taken = not text.endswith("\n")
            if not self._taken:
                self._draw()
            return written

    def keep(self) -> None:
        """Draw the lines a last time, and let them stay."""
        with self._lock:
            if not self._closed:
                self._end_taken()
                self._render_lines()
                self._draw()
                self._console.line()
                self._shown = 0

    def close(self) -> None:
        """Erase the lines and put the standard streams back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for name, stand_in in self._stand_ins.items():
                # A stream that somebody has put in its place stays. It may still refer to the
                # stand-in, which passes everything on from now on.
                if getattr(sys, name) is stand_in:
                    setattr(sys, name, stand_in.stream)
            self._end_taken()
            self._erase()

    def _render_lines(self) -> None:
        # The last column stays free, or the terminal would wrap.
        width = self._console.width - 1
        self._rendered.clear()
        for line in self._render(width, self._console.height):
            line.truncate(width, overflow="ellipsis")
            with self._console.capture() as capture:
                self._console.print(line, end="", no_wrap=True)
            self._rendered.append(capture.get())

    def _draw(self) -> None:
        self._erase()
        write_text(self._stream, "\n".join(self._rendered))
        self._shown = len(self._rendered)

    def _erase(self) -> None:
        if self._shown:
            erase = (ControlType.ERASE_IN_LINE, 2)
            above = [(ControlType.CURSOR_UP, 1), erase] * (self._shown - 1)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, erase, *above))
            self._shown = 0

    def _end_taken(self) -> None:
        if self._taken:
            self._console.line()
            self._taken = False


class StandIn:
    """Replaces `stream` in `sys`; everything but writing is done by `stream` itself."""

    def __init__(self, stream: TextIO, lines: LiveLines) -> None:
        self.stream = stream
        self._lines = lines

    def write(self, text: str) -> int:
        return self._lines.write(self.stream, text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
