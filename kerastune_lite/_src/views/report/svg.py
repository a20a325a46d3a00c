"""Drawing in SVG: a frame with axes for the marks of a chart."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 10, 44


def escaped(text: object) -> str:
    """`text` for elements and attributes of HTML and SVG, without control characters."""
    clean = "".join(char if char.isprintable() or char in "\n\t" else " " for char in str(text))
    return html.escape(clean)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    if not low < high:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


@dataclasses.dataclass(frozen=True)
class Frame:
    """Two linear axes; points beyond them are drawn at their ends.

    Attributes:
        x, y: the ends of the axes, the lower first.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str
    y_label: str

    def across(self, x: float) -> float:
        """The position of `x` in pixels from the left."""
        return _LEFT + _part(x, self.x) * (WIDTH - _LEFT - _RIGHT)

    def down(self, y: float) -> float:
        """The position of `y` in pixels from the top."""
        return _TOP + (1.0 - _part(y, self.y)) * (HEIGHT - _TOP - _BOTTOM)

    def path(self, xs: Iterable[float], ys: Iterable[float]) -> str:
        """The `d` of a line, with gaps where a value is not finite."""
        parts, pen = [], "M"
        for x, y in zip(xs, ys):
            if not math.isfinite(y):
                pen = "M"
                continue
            parts.append(f"{pen}{self.across(x):.1f} {self.down(y):.1f}")
            pen = "L"
        return "".join(parts)

    def chart(self, marks: Iterable[str], label: str) -> str:
        """An `<svg>` with the axes below the marks.

        Args:
            marks: SVG elements.
            label: a description for people who cannot see the chart.
        """
        start = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escaped(label)}">'
        return "\n".join([start, *self._axes(), *marks, "</svg>"])

    def _axes(self) -> list[str]:
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        parts = []
        for y, name in _named(ticks(*self.y)):
            at = f"{self.down(y):.1f}"
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at}" y2="{at}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{at}" dy="0.32em" class="end">{name}</text>')
        for x, name in _named(ticks(*self.x, count=8)):
            at = f"{self.across(x):.1f}"
            parts.append(f'<text x="{at}" y="{bottom + 16}" class="middle">{name}</text>')
        middle, height = (_LEFT + right) / 2, (_TOP + bottom) / 2
        parts.append(
            f'<text x="{middle}" y="{HEIGHT - 8}" class="middle">{escaped(self.x_label)}</text>'
        )
        parts.append(
            f'<text transform="translate(13 {height}) rotate(-90)" class="middle">'
            f"{escaped(self.y_label)}</text>"
        )
        return parts


def titled(mark: str, title: str) -> str:
    """A mark given as `<tag attributes/>`, with a text that the browser shows on hover."""
    tag = mark[1:].split(" ", 1)[0]
    return f"{mark.removesuffix('/>')}><title>{escaped(title)}</title></{tag}>"


def _part(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return 0.5 if low == high else min(max((value - low) / (high - low), 0.0), 1.0)


def _named(values: Sequence[float]) -> list[tuple[float, str]]:
    """Numbers with enough digits to distinguish neighbours."""
    step = values[1] - values[0] if len(values) > 1 else 0.0
    if max(map(abs, values)) >= 1e5 or 0 < step < 1e-4:
        return [(value, f"{value:.3g}") for value in values]
    digits = max(0, math.ceil(-math.log10(step) - 1e-9)) if step > 0 else 3
    return [(value, f"{value:.{digits}f}") for value in values]
