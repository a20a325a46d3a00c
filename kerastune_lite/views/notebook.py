"""Progress in a notebook: one block of HTML that is updated in place and saved as one output."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from typing import Any

from kerastune_lite.events import EpochEnded, Event, SearchEnded, SearchStarted
from kerastune_lite.views.base import View
from kerastune_lite.views.console import (
    best_text,
    count_text,
    running_text,
    summary_text,
    trials_noun,
)
from kerastune_lite.views.progress import REDRAWN_AT, Clock, Pace, Progress
from kerastune_lite.views.tables import (
    HYPERPARAMETERS,
    MAX_COLUMNS,
    clock_text,
    failure_lines,
    one_line,
    trial_columns,
    value_names,
)

SECONDS_BETWEEN_EPOCHS = 1.0
"""Epochs redraw the block no more often than this; a frame is a message and a few kilobytes."""

UPDATES_PER_SECOND = 2
UPDATES_AT_ONCE = 3
"""Ends and beginnings of trials are shown at once, up to these rates."""

# Colours come from the page (currentColor, opacity), so that light and dark themes both work.
BAR = "border:1px solid currentColor;border-radius:3px;height:0.7em;max-width:40em;margin:0.3em 0"
FILL = "background:currentColor;opacity:0.6;height:100%"
CELL = "text-align:right;padding:0.1em 0.8em 0.1em 0;color:inherit;background:transparent"


class NotebookView(View):
    """A progress bar, the best trials and the failures, in the output of the cell.

    Args:
        display: shows a bundle of MIME types and returns a handle with `update`; default:
            `IPython.display.display`.
        clock: seconds from some fixed moment.

    Raises:
        ImportError: IPython is not installed.
    """

    def __init__(
        self, display: Callable[..., Any] | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._display = _ipython_display() if display is None else display
        self._clock = clock
        self._progress = Progress(clock)
        self._pace = Pace(UPDATES_PER_SECOND, UPDATES_AT_ONCE, clock)
        self._handle: Any = None
        self._shown = False
        self._shown_at = 0.0
        self._stale = False

    def on_event(self, event: Event) -> None:
        self._progress.on_event(event)
        self._stale = True
        if isinstance(event, SearchStarted):
            # A second search in the same cell gets a block of its own.
            self._shown = False
        if isinstance(event, SearchEnded) or not self._shown:
            due = True
        elif isinstance(event, EpochEnded):
            due = self._clock() - self._shown_at >= SECONDS_BETWEEN_EPOCHS
        else:
            due = isinstance(event, REDRAWN_AT) and self._pace.ready()
        if due:
            self._show()

    def close(self) -> None:
        """Show what has not been shown yet; the block stays."""
        if self._stale:
            self._show()

    def _show(self) -> None:
        bundle = {
            "text/html": progress_html(self._progress),
            "text/plain": summary_text(self._progress),
        }
        if not self._shown:
            self._handle = self._display(bundle, raw=True, display_id=True)
        elif self._handle is not None:  # outside of a notebook there is no handle
            self._handle.update(bundle, raw=True)
        self._shown, self._stale = True, False
        self._shown_at = self._clock()


def _ipython_display() -> Callable[..., Any]:
    try:
        from IPython.display import display
    except ImportError:
        raise ImportError(
            "Progress in a notebook needs IPython. Install it with: "
            'pip install "kerastune_lite[notebook]"'
        ) from None
    return display


def progress_html(progress: Progress) -> str:
    """The block as HTML; all texts of the user are escaped."""
    parts = [_headline(progress), _bar(progress)]
    best = best_text(progress)
    if best:
        parts.append(f"<div><b>{_escape(best)}</b></div>")
    parts.append(_best_trials(progress))
    failures = failure_lines(progress.failures)
    if failures:
        lines = "".join(f"<div>{_escape(line.strip())}</div>" for line in failures)
        parts.append(f'<div style="margin-top:0.4em">{lines}</div>')
    if progress.message:
        message = _escape(one_line(progress.message, 1000))
        ended = progress.reason is not None
        style = "font-weight:bold" if ended else "opacity:0.7"
        parts.append(f'<div style="margin-top:0.4em;{style}">{message}</div>')
    body = "".join(parts)
    return f'<div class="kerastune-progress" style="color:inherit;overflow-x:auto">{body}</div>'


def _headline(progress: Progress) -> str:
    parts = [f"{count_text(progress)} {trials_noun(progress)}"]
    if progress.reason is None:
        parts.append(running_text(progress))
        if progress.unfinished > 1:
            parts.append(f"{progress.unfinished} unfinished")
    parts.append(f"{clock_text(progress.elapsed)} elapsed")
    if progress.remaining is not None:
        parts.append(f"{clock_text(progress.remaining)} left")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    name = f"<b>{_escape(one_line(progress.project))}</b> · " if progress.project else ""
    return f"<div>{name}{_escape(' · '.join(part for part in parts if part))}</div>"


def _bar(progress: Progress) -> str:
    if progress.fraction is None:
        return ""
    percent = f"{100 * progress.fraction:.1f}"
    return (
        f'<div role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
        f'style="{BAR}"><div style="{FILL};width:{percent}%"></div></div>'
    )


def _best_trials(progress: Progress) -> str:
    trials = progress.best_trials
    if not trials or progress.objective is None:
        return ""
    compact = len(value_names(trials)) > MAX_COLUMNS
    columns = list(trial_columns(trials, progress.objective, compact))
    head = "".join(_cell("th", header, header) for header, _ in columns)
    rows = []
    for place in range(len(trials)):
        cells = (_cell("td", header, column[place]) for header, column in columns)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    table = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<table style="border-collapse:collapse;color:inherit">{table}</table>'


def _cell(tag: str, header: str, text: str) -> str:
    style = CELL
    if header == HYPERPARAMETERS:
        style = CELL.replace("text-align:right", "text-align:left")
    return f'<{tag} style="{style}">{_escape(text)}</{tag}>'


def _escape(text: str) -> str:
    return html.escape(text)
