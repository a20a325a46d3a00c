"""A small curve of a search in SVG: a dot per trial, and a line for the best so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.util.formatting import score_text

WIDTH, HEIGHT = 480, 96
"""Of the drawing, in its own units; on the page it shrinks to the available width."""

LEFT, RIGHT, TOP, BOTTOM = 72, 8, 8, 20
"""Margins around the dots; the labels are at the left and below."""

MAX_DOTS = 300
"""With more trials, every second, third, ... has a dot; the line uses all of them."""

MAX_STEPS = 100
"""The line has at most this many steps; the smallest are left out."""

FENCE = 1.5
"""A loss is an outlier this many interquartile ranges above the third quartile (Tukey, 1977)."""

_TEXT = 'fill="currentColor" stroke="none" font-size="11" opacity="0.75"'


def sparkline(trials: Iterable[Trial]) -> str:
    """The curve as an SVG element in the colours of the page, or "" for less than two scores.

    The best score is at the top for an objective that is maximised, otherwise at the bottom.
    Outliers would squeeze all others together, so their dots are drawn at the edge.

    Args:
        trials: in any order; those without a finite score are left out.
    """
    points = scored(trials)
    if len(points) < 2:
        return ""
    scale = _Scale(points)
    best = best_first(points)[0]
    label = f"best so far {score_text(best.score)} in trial {best.number}"
    if best.violation:
        label = "no trial satisfies the constraints yet"
    dots = "".join(
        f"M{scale.at(trial)}h0" for trial in points[:: math.ceil(len(points) / MAX_DOTS)]
    )
    line = marked = ""
    if not best.violation:
        line = f'<path d="{_steps(points, scale)}" stroke-width="1.5"/>'
        marked = f'<circle cx="{scale.x(best)}" cy="{scale.y(best)}" r="4" stroke-width="1.5"/>'
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'style="display:block;width:100%;max-width:40em;height:auto;margin:0.4em 0" '
        'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round">'
        f"{scale.axes()}"
        f'<path d="{dots}" stroke-width="4.5" opacity="0.4"/>'
        f"{line}{marked}</svg>"
    )


class _Scale:
    """From trials, in the order of their numbers, to positions in the drawing."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._first, self._last = trials[0].number, trials[-1].number
        losses = [_loss(trial) for trial in trials]
        best, worst = min(losses), _readable_worst(losses)
        # The labels show scores; a loss is a score or its negative.
        maximised = any(trial.loss != trial.score for trial in trials)
        self._sign = -1.0 if maximised else 1.0
        self.bottom, self.top = sorted((self._sign * best, self._sign * worst))

    def x(self, trial: Trial) -> str:
        part = (trial.number - self._first) / (self._last - self._first)
        return _short(LEFT + part * (WIDTH - LEFT - RIGHT))

    def y(self, trial: Trial) -> str:
        part = 0.5
        if self.top > self.bottom:
            score = self._sign * _loss(trial)
            part = (min(max(score, self.bottom), self.top) - self.bottom) / (self.top - self.bottom)
        return _short(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM))

    def at(self, trial: Trial) -> str:
        return f"{self.x(trial)} {self.y(trial)}"

    def axes(self) -> str:
        """The two axes, each with the ends of its range."""
        left, floor, right = LEFT - 6, HEIGHT - BOTTOM + 6, WIDTH - RIGHT
        labels = [
            (LEFT, HEIGHT - 2, "start", f"trial {self._first}"),
            (right, HEIGHT - 2, "end", str(self._last)),
        ]
        ends = {self.bottom: HEIGHT - BOTTOM, self.top: TOP}
        if len(ends) == 1:
            ends = {self.top: (HEIGHT - BOTTOM + TOP) // 2}
        labels += [(left - 5, y + 4, "end", score_text(score)) for score, y in ends.items()]
        texts = "".join(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}" {_TEXT}>{text}</text>'
            for x, y, anchor, text in labels
        )
        return (
            f'<path d="M{left} {TOP - 4}V{floor}H{right}" stroke-width="1" opacity="0.4"/>{texts}'
        )


def _readable_worst(losses: Sequence[float]) -> float:
    """The worst loss that is not an outlier."""
    first, _, third = statistics.quantiles(losses, n=4, method="inclusive")
    fence = third + FENCE * (third - first)
    return max(loss for loss in losses if loss <= fence)


def _steps(trials: Sequence[Trial], scale: _Scale) -> str:
    """The line of the best score so far, with a step at each trial that improves it."""
    better: list[Trial] = []
    for trial in trials:
        if trial.violation == 0.0 and (not better or _loss(trial) < _loss(better[-1])):
            better.append(trial)
    first, *rest = better
    gains = {trial.number: _loss(before) - _loss(trial) for before, trial in zip(better, rest)}
    # The last step is never left out: the line ends at the best score.
    kept = set(sorted(gains, key=gains.__getitem__)[-MAX_STEPS:]) | {better[-1].number}
    path = f"M{scale.at(first)}"
    for trial in rest:
        if trial.number in kept:
            path += f"H{scale.x(trial)}V{scale.y(trial)}"
    return f"{path}H{WIDTH - RIGHT}"


def _loss(trial: Trial) -> float:
    return math.inf if trial.loss is None else trial.loss


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
