"""Progress on the console: one line that is updated in place, or one line per trial."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from kerastune_lite._src.core.events import (
    Event,
    ExecutionEnded,
    SearchEnded,
    SearchStarted,
    SpaceGrown,
    TrialEnded,
)
from kerastune_lite._src.core.trial import Outcome, Trial, TrialStatus
from kerastune_lite._src.util.formatting import NO_REASON, one_line, score_text, seconds_text
from kerastune_lite._src.views.progress import REDRAWN_AT, Clock, Pace, Progress
from kerastune_lite._src.views.tables import (
    TrialsTable,
    clock_text,
    failure_lines,
    print_table,
    values_text,
    write_text,
)
from kerastune_lite._src.views.view import View

REDRAWS_PER_SECOND = 3
REDRAWS_AT_ONCE = 3
"""A trial's last epoch, its end and the start of the next one come together; all are shown."""

Part = tuple[int, str, str]
"""A part of the live line: its priority (0 is the highest), text and style."""


class LineView(View):
    """Plain text, a line per ended trial: for log files, pipes and terminals without a cursor.

    Args:
        stream: default: `sys.stdout` at the time of each event.
        table: end with a table of the best trials, as the live line does.
    """

    def __init__(
        self, stream: TextIO | None = None, table: bool = False, clock: Clock = time.monotonic
    ) -> None:
        self._stream = stream
        self._table = table
        self._progress = Progress(clock)

    def on_event(self, event: Event) -> None:
        self._progress.on_event(event)
        if isinstance(event, SearchStarted):
            if self._progress.resumed:
                best = best_text(self._progress)
                count = count_text(self._progress)
                self._write(event.project, f"resumes after {count} trials", best)
        elif isinstance(event, TrialEnded):
            self._write(*self._result(event.trial))
        elif isinstance(event, ExecutionEnded):
            if event.will_retry and event.execution.outcome is not Outcome.COMPLETED:
                self._write(self._progress.message)
        elif isinstance(event, SpaceGrown):
            if event.trial is not None:
                self._write(self._progress.message)
        elif isinstance(event, SearchEnded):
            if self._table:
                print_table(Group("", summary(self._progress)), self._stream)
            else:
                self._write(ending(self._progress))

    def _result(self, trial: Trial) -> list[str]:
        which = f"trial {trial.number}"
        if self._progress.max_trials is not None:
            which = f"{count_text(self._progress)}  {which}"
        seconds = "" if trial.seconds is None else f"{seconds_text(trial.seconds)} s"
        rest = [seconds, values_text(trial.values)]
        if trial.status is TrialStatus.FAILED:
            what = "REJECTED" if trial.rejected else "FAILED"
            return [which, f"{what}: {trial.failure or NO_REASON}", *rest]
        score = f"{metric_name(self._progress)} {score_text(trial.score)}"
        return [which, score, best_text(self._progress, named=False), *rest]

    def _write(self, *parts: str) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        if stream is not None:  # None: a program without a console
            line = "  ".join(one_line(part, limit=1000) for part in parts if part)
            write_text(stream, line + "\n")


class LiveView(View):
    """One line per search that is updated in place, and a table of the best trials at the end.

    While the search runs, everything else that is printed appears above the line. Nothing runs in
    the background: the line is redrawn at events, about three times a second.

    Args:
        stream: the terminal; default: `sys.stdout` when the search starts.
    """

    def __init__(self, stream: TextIO | None = None, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._progress = Progress(clock)
        self._pace = Pace(REDRAWS_PER_SECOND, REDRAWS_AT_ONCE, clock)
        self._line: LiveLine | None = None

    def on_event(self, event: Event) -> None:
        try:
            self._progress.on_event(event)
            if isinstance(event, SearchEnded):
                self._drop_line()
                print_table(summary(self._progress), self._stream)
            elif self._line is None:
                stream = self._stream or sys.stdout
                self._line = LiveLine(stream, partial(live_text, self._progress), self._pace)
                self._line.start()
            elif isinstance(event, REDRAWN_AT):
                self._line.refresh()
        except BaseException:
            # The user's standard streams must not stay replaced.
            self._drop_line()
            raise

    def close(self) -> None:
        """Release the terminal; the last state of the line stays visible."""
        try:
            if self._line is not None:
                self._line.keep()
        finally:
            self._drop_line()

    def _drop_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


class LiveLine:
    """The last line of a terminal, and the stand-ins for stdout and stderr that keep it intact.

    `rich.live` has such stand-ins, too, but they treat printed text as markup (printing "[/data]"
    without a line break raises), and print each step of a progress bar on a new line.

    Args:
        stream: the terminal.
        render: returns the text for a width.
        pace: limits how often the line is drawn.
    """

    def __init__(self, stream: TextIO, render: Callable[[int], Text], pace: Pace) -> None:
        self._console = Console(file=stream, force_jupyter=False)
        self._stream = stream
        self._render = render
        self._pace = pace
        # Users may print from several threads.
        self._lock = threading.RLock()
        # Kept, to draw it again after each line that somebody prints.
        self._rendered = ""
        self._shown = False
        # Half a line that somebody printed (a prompt, a progress bar) stays until it ends.
        self._taken = False
        self._closed = False
        self._stand_ins: dict[str, StandIn] = {}

    def start(self) -> None:
        """Replace the standard streams, and draw the line."""
        for name in ("stdout", "stderr"):
            target = getattr(sys, name)
            # Output to a file does not disturb the terminal.
            if target is not None and target.isatty():
                self._stand_ins[name] = StandIn(target, self)
                setattr(sys, name, self._stand_ins[name])
        self.refresh()

    def refresh(self) -> None:
        """Redraw the line, unless it was drawn often enough recently."""
        with self._lock:
            if not self._closed and not self._taken and self._pace.ready():
                self._render_line()
                self._draw()

    def write(self, stream: TextIO, text: str) -> int:
        """Write somebody else's `text` above the line."""
        with self._lock:
            if self._closed:
                return stream.write(text)
            self._erase()
            written = stream.write(text)
            # The line and the text may have different buffers.
            stream.flush()
            if text:
                self._taken = not text.endswith("\n")
            if not self._taken:
                self._draw()
            return written

    def keep(self) -> None:
        """Draw the line a last time, and let it stay."""
        with self._lock:
            if not self._closed:
                self._end_taken()
                self._render_line()
                self._draw()
                self._console.line()
                self._shown = False

    def close(self) -> None:
        """Erase the line and put the standard streams back."""
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

    def _render_line(self) -> None:
        # The last column stays free, or the terminal would wrap.
        width = self._console.width - 1
        line = self._render(width)
        line.truncate(width, overflow="ellipsis")
        with self._console.capture() as capture:
            self._console.print(line, end="", no_wrap=True)
        self._rendered = capture.get()

    def _draw(self) -> None:
        self._erase()
        write_text(self._stream, self._rendered)
        self._shown = True

    def _erase(self) -> None:
        if self._shown:
            erase = (ControlType.ERASE_IN_LINE, 2)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, erase))
            self._shown = False

    def _end_taken(self) -> None:
        if self._taken:
            self._console.line()
            self._taken = False


class StandIn:
    """Replaces `stream` in `sys`; everything but writing is done by `stream` itself."""

    def __init__(self, stream: TextIO, line: LiveLine) -> None:
        self.stream = stream
        self._line = line

    def write(self, text: str) -> int:
        return self._line.write(self.stream, text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


# ---------------------------------------------------------------------- texts


def metric_name(progress: Progress) -> str:
    """The name of the scores."""
    return "score" if progress.objective is None else one_line(progress.objective.name)


def count_text(progress: Progress) -> str:
    """How many trials have ended, out of how many."""
    total = progress.max_trials
    return str(progress.ended) if total is None else f"{progress.ended}/{total}"


def trials_text(progress: Progress) -> str:
    """`count_text` with its noun."""
    total = progress.ended if progress.max_trials is None else progress.max_trials
    return f"{count_text(progress)} {'trial' if total == 1 else 'trials'}"


def best_text(progress: Progress, named: bool = True) -> str:
    """The best score and its trial; empty while there is none."""
    best = progress.best
    if best is None:
        return ""
    metric = f"{metric_name(progress)} " if named else ""
    return f"best {metric}{score_text(best.score)} (trial {best.number})"


def running_text(progress: Progress) -> str:
    """The trial with the latest event, its execution if there are several, and its epoch."""
    running = progress.running
    if running is None:
        return ""
    text = f"trial {running.number}"
    if progress.executions_per_trial > 1:
        text += f", execution {running.execution + 1}/{progress.executions_per_trial}"
    if running.epoch:
        end = "" if running.end_epoch is None else f"/{running.end_epoch}"
        text += f", epoch {running.epoch}{end}"
    return text


def status_parts(progress: Progress, best: str = "") -> list[Part]:
    """How far the search is; `best` is put in the middle."""
    parts: list[Part] = [(0, trials_text(progress), "")]
    running, left = running_text(progress), progress.remaining
    if running and progress.reason is None:
        parts.append((4, running, ""))
    if progress.unfinished > 1 and progress.reason is None:
        parts.append((6, f"{progress.unfinished} unfinished", ""))
    if best:
        parts.append((1, best, "bold"))
    parts.append((5, f"{clock_text(progress.elapsed)} elapsed", ""))
    if left is not None:
        parts.append((2, f"{clock_text(left)} left", ""))
    if progress.failed:
        parts.append((2, f"{progress.failed} failed", "red"))
    if progress.rejected:
        parts.append((5, f"{progress.rejected} rejected", ""))
    return parts


def live_text(progress: Progress, width: int) -> Text:
    """The live line, at most `width` wide: parts of low priority are left out first."""
    parts = status_parts(progress, best_text(progress))
    if progress.project:
        parts.insert(0, (3, one_line(progress.project), "bold"))
    while len(parts) > 1 and _joined(parts).cell_len > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    return _joined(parts)


def _joined(parts: list[Part]) -> Text:
    return Text(" · ").join(Text(text, style) for _, text, style in parts)


def summary(progress: Progress) -> RenderableType:
    """The end of the output: the best trials, the failures, and why the search ended."""
    parts: list[RenderableType] = []
    if progress.best_trials and progress.objective is not None:
        parts += [TrialsTable(progress.best_trials, progress.objective), ""]
    lines = failure_lines(progress.failed_trials)
    if lines:
        parts += [*(Text(line) for line in lines), ""]
    parts.append(Text(ending(progress), style="bold"))
    return Group(*parts)


def ending(progress: Progress) -> str:
    """How many trials ended, and why the search ended."""
    before = f" ({progress.resumed} of them before)" if progress.resumed else ""
    name = f"{one_line(progress.project)}: " if progress.project else ""
    text = f"{name}{trials_text(progress)}{before} in {clock_text(progress.elapsed)}"
    if progress.reason is not None:
        text += f", {one_line(progress.message, 1000)}"
    return text
