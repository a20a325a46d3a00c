"""Progress on the console: one line that is kept up to date, or one line per trial."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
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
    to_text,
    values_text,
    write_text,
)
from kerastune_lite._src.views.view import View

REDRAWS_PER_SECOND = 3
REDRAWS_AT_ONCE = 3
"""A trial's last epoch, its end and the start of the next come at once and are all shown."""

Part = tuple[int, str, str]
"""A piece of the live line: its importance (0 the greatest), its text and its style."""


class LineView(View):
    """Plain text, a line per ended trial: for log files, pipes and terminals without a cursor.

    Args:
        stream: where to write; default: what `sys.stdout` is at each time.
        table: end with a table of the best trials, as the live line does.
        clock: seconds, from any origin.
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
                self._write(event.project, f"goes on after {self._count} trials", best)
        elif isinstance(event, TrialEnded):
            self._write(self._count_of(event.trial), *self._result(event.trial))
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

    @property
    def _count(self) -> str:
        return count_text(self._progress)

    def _count_of(self, trial: Trial) -> str:
        number = f"trial {trial.number}"
        return number if self._progress.max_trials is None else f"{self._count}  {number}"

    def _result(self, trial: Trial) -> list[str]:
        ending = [_seconds(trial), values_text(trial.values)]
        if trial.status is TrialStatus.FAILED:
            what = "REJECTED" if trial.rejected else "FAILED"
            return [f"{what}: {trial.failure or NO_REASON}", *ending]
        return [
            f"{metric_name(self._progress)} {score_text(trial.score)}",
            best_text(self._progress, named=False),
            *ending,
        ]

    def _write(self, *parts: str) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        if stream is not None:  # None: a program without a console
            line = "  ".join(one_line(part, limit=1000) for part in parts if part)
            write_text(stream, line + "\n")


class LiveView(View):
    """One line per search that is updated in place, and a table of the best trials at the end.

    While the search runs, whatever else is printed appears above the line. Nothing runs in the
    background: the line is redrawn when something happens, about three times a second.

    Args:
        stream: the terminal; default: what `sys.stdout` is when the search starts.
        clock: seconds from some fixed moment.
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
                self._finish()
            elif self._line is None:
                self._line = LiveLine(self._stream or sys.stdout, self._render, self._pace)
                self._line.start()
            elif isinstance(event, REDRAWN_AT):
                self._line.refresh()
        except BaseException:
            # Whatever went wrong, the user's standard streams must not stay replaced.
            self._drop_line()
            raise

    def close(self) -> None:
        """Give the terminal back; what the line showed last stays where it is."""
        try:
            if self._line is not None:
                self._line.keep()
        finally:
            self._drop_line()

    def _render(self, width: int) -> Text:
        return live_text(self._progress, width)

    def _drop_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _finish(self) -> None:
        self._drop_line()
        print_table(summary(self._progress), self._stream)


class LiveLine:
    """The last line of a terminal, and the stand-ins for stdout and stderr that spare it.

    `rich.live` has such stand-ins, too, but they read what users print as markup (printing
    "[/data]" without a line break raises), and turn each step of a progress bar into a line.

    Args:
        stream: the terminal.
        render: makes the text for a width.
        pace: how often the line may be drawn.
    """

    def __init__(self, stream: TextIO, render: Callable[[int], Text], pace: Pace) -> None:
        self._console = Console(file=stream, force_jupyter=False)
        self._stream = stream
        self._render = render
        self._pace = pace
        # Users may print from several threads.
        self._lock = threading.RLock()
        # Kept, so that it is back at once after each line that somebody prints.
        self._rendered = ""
        self._shown = False
        # Whoever wrote half a line (a prompt, a progress bar) has the line until it ends.
        self._taken = False
        self._closed = False
        self._stand_ins: dict[str, StandIn] = {}

    def start(self) -> None:
        """Replace the standard streams, and draw the line."""
        for name in ("stdout", "stderr"):
            target = getattr(sys, name)
            # What goes to a file does not disturb the terminal.
            if target is not None and target.isatty():
                self._stand_ins[name] = StandIn(target, self)
                setattr(sys, name, self._stand_ins[name])
        self.refresh()

    def refresh(self) -> None:
        """Draw the line anew, unless that was done often enough of late."""
        with self._lock:
            if not self._closed and not self._taken and self._pace.ready():
                self._render_line()
                self._draw()

    def write(self, stream: TextIO, text: str) -> int:
        """Write somebody else's `text` in front of the line."""
        with self._lock:
            if self._closed:
                return stream.write(text)
            self._erase()
            written = stream.write(text)
            # The line and the text may come through different buffers.
            stream.flush()
            if text:
                self._taken = not text.endswith("\n")
            if not self._taken:
                self._draw()
            return written

    def keep(self) -> None:
        """Draw the line a last time and leave it."""
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
                # Where somebody has put another stream in its place since, that one stays; it
                # may still hold the stand-in, which passes everything on from now on.
                if getattr(sys, name) is stand_in:
                    setattr(sys, name, stand_in.stream)
            self._end_taken()
            self._erase()

    def _render_line(self) -> None:
        # The last column stays free, lest the terminal wraps.
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
    """Takes the place of `stream` in `sys`; all but writing is done by `stream` itself."""

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
    """What the scores are of."""
    return "score" if progress.objective is None else one_line(progress.objective.name)


def count_text(progress: Progress) -> str:
    """How many trials have ended, out of how many."""
    total = progress.max_trials
    return str(progress.ended) if total is None else f"{progress.ended}/{total}"


def trials_noun(progress: Progress) -> str:
    """What `count_text` counts."""
    total = progress.ended if progress.max_trials is None else progress.max_trials
    return "trial" if total == 1 else "trials"


def best_text(progress: Progress, named: bool = True) -> str:
    """The best score and its trial; empty while there is none."""
    best = progress.best
    if best is None:
        return ""
    metric = f"{metric_name(progress)} " if named else ""
    return f"best {metric}{score_text(best.score)} (trial {best.number})"


def running_text(progress: Progress) -> str:
    """The trial that was heard of last, its execution if there are several, and its epoch."""
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


def live_text(progress: Progress, width: int) -> Text:
    """The live line, at most `width` wide: what matters least is left out first."""
    parts: list[Part] = [(0, f"{count_text(progress)} {trials_noun(progress)}", "")]
    running, best, left = running_text(progress), best_text(progress), progress.remaining
    if progress.project:
        parts.insert(0, (3, one_line(progress.project), "bold"))
    if running:
        parts.append((4, running, ""))
    if progress.unfinished > 1:
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
    while len(parts) > 1 and _joined(parts).cell_len > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    return _joined(parts)


def _joined(parts: list[Part]) -> Text:
    return Text(" · ").join(Text(text, style) for _, text, style in parts)


def summary(progress: Progress) -> RenderableType:
    """What is left on the console: the best trials, the failures, and why the search ended."""
    parts: list[RenderableType] = []
    if progress.best_trials and progress.objective is not None:
        parts += [TrialsTable(progress.best_trials, progress.objective), ""]
    lines = failure_lines(progress.failures, progress.rejections)
    if lines:
        parts += [*(Text(line) for line in lines), ""]
    parts.append(Text(ending(progress), style="bold"))
    return Group(*parts)


def ending(progress: Progress) -> str:
    """How far the search came, and why it ended."""
    trials = f"{count_text(progress)} {trials_noun(progress)}"
    before = f" ({progress.resumed} of them before)" if progress.resumed else ""
    name = f"{one_line(progress.project)}: " if progress.project else ""
    text = f"{name}{trials}{before} in {clock_text(progress.elapsed)}"
    if progress.reason is not None:
        text += f", {one_line(progress.message, 1000)}"
    return text


def summary_text(progress: Progress) -> str:
    """`summary` as plain text."""
    return to_text(summary(progress))


def _seconds(trial: Trial) -> str:
    return "" if trial.seconds is None else f"{seconds_text(trial.seconds)} s"
