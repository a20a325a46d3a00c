"""The picture of the `_search` run: importances as bars, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

MAX_BARS = 20
"""Of more hyperparameters, the most important are drawn."""

WIDTH, ROW, MARGIN = 560, 30, 16
LABELS = 190
"""Pixels for the names."""

_BAR, _WHISKER, _TEXT, _FAINT = "#f57c00", "#5f6368", "#202124", "#80868b"


def bars(title: str, shares: Mapping[str, float], spread: Mapping[str, float]) -> Image:
    """Shares as horizontal bars, with a whisker of one standard deviation to each side.

    Args:
        shares: by name, in [0, 1], the largest first.
        spread: the standard deviation of each.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = dict(list(shares.items())[:MAX_BARS])
    image = Image.new("RGB", (WIDTH, 2 * MARGIN + ROW * (len(shown) + 1)), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=16)
    draw.text((MARGIN, MARGIN), title, _TEXT, font=font)
    # A share is between 0 and 1, however uncertain it is.
    ends = {
        name: (max(s - spread[name], 0.0), min(s + spread[name], 1.0)) for name, s in shown.items()
    }
    scale = max((high for _, high in ends.values()), default=0.0) or 1.0
    for row, (name, share) in enumerate(shown.items(), start=1):
        top = MARGIN + row * ROW
        _row(draw, top, share / scale, [end / scale for end in ends[name]])
        draw.text((MARGIN, top + 6), _fitting(draw, name, font), _TEXT, font=font)
        percent = f"{100 * share:.0f} %"
        draw.text((WIDTH - MARGIN, top + 6), percent, _FAINT, font=font, anchor="ra")
    return image


def _row(draw: ImageDraw, top: int, share: float, ends: Sequence[float]) -> None:
    left, right = MARGIN + LABELS, WIDTH - MARGIN - 60

    def at(value: float) -> float:
        return left + value * (right - left)

    draw.rectangle((left, top + 5, max(at(share), left + 1), top + ROW - 8), _BAR)
    middle = top + ROW // 2 - 1
    draw.line((at(ends[0]), middle, at(ends[1]), middle), _WHISKER, width=2)


def _fitting(draw: ImageDraw, text: str, font: FreeTypeFont | BitmapFont) -> str:
    """`text`, shortened to the space for names."""
    cut = text
    while cut and draw.textlength(cut, font=font) > LABELS - 12:
        cut = cut[:-2]
    return text if cut == text else f"{cut[:-1]}…"
