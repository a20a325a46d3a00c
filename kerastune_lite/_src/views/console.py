"""Progress on the console: lines that are updated in place, or one line per trial."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.text import Text

from kerastune_lite._src.core.events import (
    Event,
    ExecutionEnded,
    RoundStarted,
    SearchEnded,
    SearchStarted,
    SpaceGrown,
    TrialEnded,
)
from kerastune_lite._src.core.trial import Outcome, Trial, TrialStatus
from kerastune_lite._src.util.formatting import (
    NO_REASON,
    counted,
    one_line,
    score_text,
    seconds_text,
)
from kerastune_lite._src.views.live_lines import LiveLines
from kerastune_lite._src.views.progress import REDRAWN_AT, Clock, Pace, Progress, Running
from kerastune_lite._src.views.tables import (
    TrialsTable,
    clock_text,
    failure_lines,
    log_text,
    print_table,
    values_text,
    write_text,
)
from kerastune_lite._src.views.view import View

REDRAWS_PER_SECOND = 3
REDRAWS_AT_ONCE = 3
"""A trial's last epoch, its end and the start of the next one come together; all are shown.

That many for each worker.
"""

MAX_RUNNING = 8
"""More running trials than this are counted, not shown."""

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
        elif isinstance(event, RoundStarted):
            self._write(self._progress.message)
        elif isinstance(event, SearchEnded):
            if self._table:
                print_table(Group("", summary(self._progress)), self._stream)
            else:
                if event.confirmation is not None:
                    self._write(str(event.confirmation))
                self._write(ending(self._progress))

    def _result(self, trial: Trial) -> list[str]:
        which = f"trial {trial.number}"
        if self._progress.max_trials is not None:
            which = f"{count_text(self._progress)}  {which}"
        seconds = "" if trial.seconds is None else f"{seconds_text(trial.seconds)} s"
        rest = [seconds, values_text(trial.values)]
        if trial.status is TrialStatus.FAILED:
            what = "REJECTED" if trial.rejected else "FAILED"
            failure = f"{what}: {trial.failure or NO_REASON}"
            return [which, failure, *rest, log_text(trial)]
        score = f"{metric_name(self._progress)} {score_text(trial.score)}"
        return [which, score, best_text(self._progress, named=False), *rest]

    def _write(self, *parts: str) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        if stream is not None:  # None: a program without a console
            line = "  ".join(one_line(part, limit=1000) for part in parts if part)
            write_text(stream, line + "\n")


class LiveView(View):
    """A line that is updated in place, and a table of the best trials at the end.

    With several workers, there is also a line for each running trial. While the search runs,
    everything else that is printed appears above. Nothing runs in the background: the lines are
    redrawn at events, about three times a second.

    Args:
        stream: the terminal; default: `sys.stdout` when the search starts.
    """

    def __init__(self, stream: TextIO | None = None, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._progress = Progress(clock)
        self._clock = clock
        self._lines: LiveLines | None = None

    def on_event(self, event: Event) -> None:
        try:
            self._progress.on_event(event)
            if isinstance(event, SearchEnded):
                self._drop_lines()
                print_table(summary(self._progress), self._stream)
            elif self._lines is None:
                at_once = REDRAWS_AT_ONCE * min(self._progress.workers, MAX_RUNNING)
                self._lines = LiveLines(
                    self._stream or sys.stdout,
                    partial(live_lines, self._progress),
                    Pace(REDRAWS_PER_SECOND, at_once, self._clock),
                )
                self._lines.start()
            elif isinstance(event, REDRAWN_AT):
                self._lines.refresh()
        except BaseException:
            # The user's standard streams must not stay replaced.
            self._drop_lines()
            raise

    def close(self) -> None:
        """Release the terminal; the last state of the lines stays visible."""
        try:
            if self._lines is not None:
                self._lines.keep()
        finally:
            self._drop_lines()

    def _drop_lines(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()


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
    if best.violation:
        return "no trial satisfies the constraints yet"
    metric = f"{metric_name(progress)} " if named else ""
    front = f", {counted(progress.front, 'trial')} on the front" if best.losses else ""
    return f"best {metric}{score_text(best.score)} (trial {best.number}){front}"


def running_text(progress: Progress, running: Running) -> str:
    """A running trial, its execution if there are several, and its epoch."""
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
    if progress.confirming:
        parts.append((1, progress.confirming, ""))
    running, left = progress.running, progress.remaining
    if running is not None and progress.reason is None and progress.workers == 1:
        parts.append((4, running_text(progress, running), ""))
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
    return parts


def running_lines(progress: Progress, most: int = MAX_RUNNING) -> list[str]:
    """With several workers, the running trials: the first `most`, and how many more there are.

    A line has the trial, its latest score, and how long its current segment has been trained.
    """
    if progress.workers == 1 or progress.reason is not None:
        return []
    trials = progress.unfinished_trials
    rows = [
        (
            running_text(progress, running),
            f"{metric_name(progress)} {score_text(running.score)}",
            clock_text(progress.seconds_of(running)),
        )
        for running in trials[:most]
    ]
    widths = [max(map(cell_len, column)) for column in zip(*rows)]
    lines = [" · ".join(map(set_cell_size, row, widths)).rstrip() for row in rows]
    if len(trials) > most:
        lines.append(f"… and {len(trials) - most} more running")
    return lines


def live_lines(progress: Progress, width: int, height: int) -> list[Text]:
    """The lines that are updated in place; no more than `height`, and the first fits `width`."""
    most = max(min(MAX_RUNNING, height - 2), 0)  # the first line and the count are not trials
    running = running_lines(progress, most)
    return [live_text(progress, width), *(Text(f"  {line}") for line in running)][:height]


def live_text(progress: Progress, width: int) -> Text:
    """The first line, at most `width` wide: parts of low priority are left out first."""
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
    if progress.confirmation is not None:
        parts += [Text(str(progress.confirmation)), ""]
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
