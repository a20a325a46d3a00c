"""Progress in a notebook: one block of HTML that is updated in place, and saved as one output."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kerastune_lite._src.core.events import EpochEnded, Event, SearchEnded, SearchStarted
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.util.formatting import counted, html_block, html_line, html_table, one_line
from kerastune_lite._src.views.console import (
    MAX_RUNNING,
    best_text,
    running_lines,
    status_parts,
    summary,
)
from kerastune_lite._src.views.progress import REDRAWN_AT, Clock, Pace, Progress
from kerastune_lite._src.views.sparkline import sparkline
from kerastune_lite._src.views.tables import (
    HYPERPARAMETERS,
    MAX_COLUMNS,
    failure_lines,
    to_text,
    trial_columns,
    value_names,
)
from kerastune_lite._src.views.view import View

SECONDS_BETWEEN_EPOCHS = 1.0
"""Epochs redraw the block at most this often; each drawing is a message of a few kilobytes."""

UPDATES_PER_SECOND = 2
UPDATES_AT_ONCE = 3
"""Starts and ends of trials redraw the block at once, up to these rates.

So many at once for each worker.
"""

# Colours come from the page (currentColor, opacity), so that light and dark themes both work.
BAR = "border:1px solid currentColor;border-radius:3px;height:0.7em;max-width:40em;margin:0.3em 0"
FILL = "background:currentColor;opacity:0.6;height:100%"


class NotebookView(View):
    """A progress bar, the best trials and the failures, in the output of the cell.

    Args:
        display: shows a bundle of MIME types and returns a handle with `update`; default:
            `IPython.display.display`.

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
            # A second search in the same cell gets a new block.
            self._shown = False
            at_once = UPDATES_AT_ONCE * min(event.workers, MAX_RUNNING)
            self._pace = Pace(UPDATES_PER_SECOND, at_once, self._clock)
        if isinstance(event, SearchEnded) or not self._shown:
            due = True
        elif isinstance(event, EpochEnded):
            due = self._clock() - self._shown_at >= SECONDS_BETWEEN_EPOCHS
        else:
            due = isinstance(event, REDRAWN_AT) and self._pace.ready()
        if due:
            self._show()

    def close(self) -> None:
        """Show the latest state; the block stays."""
        if self._stale:
            self._show()

    def _show(self) -> None:
        bundle = {
            "text/html": progress_html(self._progress),
            "text/plain": to_text(summary(self._progress)),
        }
        if not self._shown:
            self._handle = self._display(bundle, raw=True, display_id=True)
        elif self._handle is not None:  # there is no handle outside a notebook
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
    """The block as HTML; the user's texts are escaped."""
    parts = [_headline(progress), _bar(progress), *map(html_line, running_lines(progress))]
    best = best_text(progress)
    if best:
        parts.append(html_line(best, bold=True))
    parts.append(sparkline(progress.scored.values()))
    if progress.objective is not None:
        parts.append(_ranking(progress.best_trials, progress.objective))
    if progress.confirmation is not None:
        parts.append(html_line(str(progress.confirmation)))
    parts.append(_failures(progress.failed_trials))
    if progress.message:
        message = html.escape(one_line(progress.message, 1000))
        ended = progress.reason is not None
        style = "font-weight:bold" if ended else "opacity:0.7"
        parts.append(f'<div style="margin-top:0.4em;{style}">{message}</div>')
    return html_block(*parts, name="kerastune-progress")


def results_html(
    title: str, trials: Sequence[Trial], best: Sequence[Trial], objective: Objective | None
) -> str:
    """The results of a project as HTML.

    Args:
        title: it is escaped.
        trials: all trials.
        best: the best few, the best first.
        objective: None if it is not known yet.
    """
    title = f"{title} · {counted(len(trials), 'trial')}"
    parts = [html_line(title, bold=True), sparkline(trials)]
    if objective is not None:
        parts.append(_ranking(best, objective))
    return html_block(*parts, _failures(trials))


def _headline(progress: Progress) -> str:
    text = html.escape(" · ".join(text for _, text, _ in status_parts(progress)))
    name = f"<b>{html.escape(one_line(progress.project))}</b> · " if progress.project else ""
    return f"<div>{name}{text}</div>"


def _bar(progress: Progress) -> str:
    if progress.fraction is None:
        return ""
    percent = f"{100 * progress.fraction:.1f}"
    return (
        f'<div role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
        f'style="{BAR}"><div style="{FILL};width:{percent}%"></div></div>'
    )


def _ranking(trials: Sequence[Trial], objective: Objective) -> str:
    if not trials:
        return ""
    compact = len(value_names(trials)) > MAX_COLUMNS
    headers, columns = zip(*trial_columns(trials, objective, compact))
    return html_table(headers, zip(*columns), left=[HYPERPARAMETERS])


def _failures(trials: Iterable[Trial]) -> str:
    lines = "".join(html_line(line.strip()) for line in failure_lines(trials))
    return f'<div style="margin-top:0.4em">{lines}</div>' if lines else ""
