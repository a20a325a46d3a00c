"""The charts of a report as inline SVG, which needs no library."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from kerastune_lite._src.analysis.importances import Importances
from kerastune_lite._src.analysis.unit_cube import Array, winsorized
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.ranked import front_of
from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.util.foreign_data import places
from kerastune_lite._src.util.formatting import score_text
from kerastune_lite._src.views.plots.lines import Drawing, bars_of
from kerastune_lite._src.views.report.svg import WIDTH, Frame, escaped, titled

LINES = 200
"""Of more learning curves, this many are drawn, evenly spread from the worst to the best."""

_POINTS = 120
"""Of longer curves, every second, third, ... epoch is drawn."""

_BAR = 22


def history(trials: Sequence[Trial], objective: Objective) -> str:
    """The score of each trial, and the best so far."""
    rows = scored(trials)
    losses = np.array([row.loss for row in rows])
    shown = [objective.loss_of(loss) for loss in winsorized(losses).tolist()]
    ends = (float(min(row.number for row in rows)), float(max(row.number for row in rows)))
    frame = Frame(ends, _widened(min(shown), max(shown)), "trial", objective.name)
    pairs = zip(rows, losses.tolist())
    allowed = [loss if row.violation == 0.0 else math.inf for row, loss in pairs]
    lowest = list(itertools.accumulate(allowed, min))
    marks = [
        titled(
            f'<circle cx="{frame.across(row.number):.1f}" cy="{frame.down(score):.1f}" r="3"/>',
            f"trial {row.number}: {score_text(row.score)}",
        )
        for row, score in zip(rows, shown)
    ]
    numbers = [*(float(row.number) for row in rows), ends[1]]
    known = [(at, objective.loss_of(y)) for at, y in enumerate(lowest) if math.isfinite(y)]
    xs = [x for at, _ in known for x in numbers[at : at + 2]]
    path = frame.path(xs, [y for _, y in known for _ in range(2)])
    marks.append(f'<path class="best" d="{path}"/>')
    return frame.chart(marks, f"{objective.name} of each trial, and the best so far")


def front(trials: Sequence[Trial], one: Objective, other: Objective) -> str:
    """Trials by two objectives; those that no other one dominates are marked."""
    rows = [row for row in scored(trials) if row.violation == 0.0]
    marked = {row.number for row in front_of(rows)}
    points = [(row.metrics[one.name], row.metrics[other.name]) for row in rows]
    (left, right), (low, high) = (_widened(min(each), max(each)) for each in zip(*points))
    frame = Frame((left, right), (low, high), one.name, other.name)
    marks = [
        titled(
            f'<circle class="{"best" if row.number in marked else "other"}" '
            f'cx="{frame.across(x):.1f}" cy="{frame.down(y):.1f}" r="4"/>',
            f"trial {row.number}: {score_text(x)}, {score_text(y)}",
        )
        for row, (x, y) in zip(rows, points)
    ]
    return frame.chart(marks, f"{other.name} over {one.name}")


def learning_curves(drawing: Drawing) -> str:
    """Curves coloured by their final score, with quantiles and the best one."""
    fan = drawing.fan
    length = max(fan.band.shape[1], 2)
    frame = Frame((1.0, float(length)), drawing.limits, "epoch", fan.metric)
    ordered = drawing.ordered()
    marks = []
    for number in (ordered[place] for place in places(len(ordered), LINES)):
        # From grey to the accent colour.
        shade = f"--good:{100 * drawing.place(number):.0f}%"
        line = f'<path class="curve" style="{shade}" d="{_curve(frame, fan.lines[number])}"/>'
        marks.append(titled(line, f"trial {number}: {score_text(drawing.scores[number])}"))
    low, middle, high = fan.band
    marks.append(f'<path class="band" d="{_area(frame, low, high)}"/>')
    marks.append(f'<path class="median" d="{_curve(frame, middle)}"/>')
    marks.append(f'<path class="best" d="{_curve(frame, fan.lines[drawing.best])}"/>')
    return frame.chart(marks, drawing.title)


def importances(found: Importances) -> str:
    """Importances as bars with their spread over the trees."""
    bars = bars_of(found)
    left, room = 220, WIDTH - 220 - 70
    top = max(share + error for _, share, error in bars) or 1.0
    parts = [f'<svg viewBox="0 0 {WIDTH} {_BAR * len(bars) + 6}" role="img" aria-label="Shares">']
    for row, (name, share, error) in enumerate(bars):
        y, width = row * _BAR + 4, room * share / top
        ends = [left + room * max(share + side * error, 0.0) / top for side in (-1, 1)]
        middle = y + _BAR / 2 - 3
        across = f'x1="{ends[0]:.1f}" x2="{ends[1]:.1f}"'
        label = f'x="{left - 8}" y="{middle}" dy="0.32em" class="end"'
        parts += [
            f"<text {label}>{escaped(name[:34])}</text>",
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{_BAR - 6}"/>',
            f'<line class="error" {across} y1="{middle}" y2="{middle}"/>',
            f'<text x="{ends[1] + 6:.1f}" y="{middle}" dy="0.32em">{100 * share:.0f} %</text>',
        ]
    return "\n".join([*parts, "</svg>"])


def _widened(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def _thinned(count: int) -> list[int]:
    """The epochs to draw, counted from 0; the last is among them."""
    step = -(-count // _POINTS)
    return sorted({*range(0, count, step), count - 1}) if count else []


def _curve(frame: Frame, values: Array) -> str:
    epochs = _thinned(len(values))
    return frame.path([epoch + 1.0 for epoch in epochs], [float(values[e]) for e in epochs])


def _area(frame: Frame, low: Array, high: Array) -> str:
    known = [epoch for epoch in _thinned(len(low)) if np.isfinite(low[epoch])]
    xs = [epoch + 1.0 for epoch in (*known, *reversed(known))]
    return frame.path(xs, [*low[known], *high[known[::-1]]])
