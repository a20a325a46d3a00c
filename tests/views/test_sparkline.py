from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np
import pytest

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.views import sparkline as module
from kerastune_lite._src.views.sparkline import sparkline
from tests.views.streams import completed, failed

FLOOR = module.HEIGHT - module.BOTTOM
"""Where the lowest score of the range is drawn; the highest is at `TOP`."""


def of_scores(scores: Sequence[float], maximised: bool = True) -> list[Trial]:
    trials = [completed(number, score) for number, score in enumerate(scores)]
    if maximised:
        return trials
    return [dataclasses.replace(trial, loss=trial.score) for trial in trials]


class Drawing:
    """What an SVG shows, in its own coordinates."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.svg = sparkline(trials)
        root = ET.fromstring(self.svg)
        _, dots, line = (path.attrib["d"] for path in root.iter("path"))
        self.labels = [text.text for text in root.iter("text")]
        self.dots = [(float(x), float(y)) for x, y in re.findall(r"M(\S+) (\S+?)h0", dots)]
        self.corners = re.findall(r"([MHV])([\d. ]+)", line)
        circle = next(root.iter("circle")).attrib
        self.best = (float(circle["cx"]), float(circle["cy"]))

    @property
    def heights(self) -> list[float]:
        return [y for _, y in self.dots]


def test_better_is_above_when_maximised() -> None:
    drawing = Drawing(of_scores([0.5, 0.9, 0.7]))
    assert drawing.heights == [FLOOR, module.TOP, pytest.approx((FLOOR + module.TOP) / 2)]
    assert drawing.best == drawing.dots[1]
    assert drawing.labels == ["trial 0", "2", "0.5000", "0.9000"]
    assert "best so far 0.9000 in trial 1" in drawing.svg


def test_better_is_below_when_minimised() -> None:
    drawing = Drawing(of_scores([0.9, 0.5, 0.7], maximised=False))
    assert drawing.heights == [module.TOP, FLOOR, pytest.approx((FLOOR + module.TOP) / 2)]
    assert drawing.best == drawing.dots[1]
    assert drawing.labels == ["trial 0", "2", "0.5000", "0.9000"]


def test_the_line_is_level_but_for_steps_to_the_better() -> None:
    drawing = Drawing(of_scores([0.5, 0.4, 0.9, 0.7]))
    (start, _), (kind, x), (_, y), (last, end) = drawing.corners
    assert [start, kind, last] == ["M", "H", "H"]
    assert (float(x), float(y)) == drawing.best == drawing.dots[2]
    assert float(end) == module.WIDTH - module.RIGHT


def test_failed_trials_leave_a_gap() -> None:
    drawing = Drawing([completed(0, 0.5), failed(1), completed(2, 0.6), completed(3, float("nan"))])
    assert [x for x, _ in drawing.dots] == [module.LEFT, module.WIDTH - module.RIGHT]
    assert drawing.labels[:2] == ["trial 0", "2"]


@pytest.mark.parametrize("trials", [[], [completed(0, 0.5)], [failed(0), failed(1)]])
def test_nothing_is_drawn_of_less_than_two_scores(trials: list[Trial]) -> None:
    assert sparkline(trials) == ""


def test_equal_scores_are_a_level_line() -> None:
    drawing = Drawing(of_scores([0.5, 0.5]))
    assert drawing.heights == [(FLOOR + module.TOP) / 2] * 2
    assert drawing.labels == ["trial 0", "1", "0.5000"]


def test_what_is_far_out_does_not_set_the_range() -> None:
    drawing = Drawing(of_scores([0.3, 0.25, 0.2, 0.28, 0.22, 1e9], maximised=False))
    assert drawing.labels[2:] == ["0.2000", "0.3000"]
    assert drawing.heights[0] == drawing.heights[-1] == module.TOP
    far_better = Drawing(of_scores([0.3, 0.3, 0.3, 0.3, 0.3, 0.01], maximised=False))
    assert far_better.labels[2:] == ["0.01000", "0.3000"]


def test_large_searches_are_thinned() -> None:
    scores = np.random.default_rng(0).random(10_000)
    drawing = Drawing(of_scores(scores))
    assert 200 <= len(drawing.dots) <= module.MAX_DOTS
    assert drawing.best[1] == module.TOP
    assert len(drawing.svg) < 10_000
    better_each_time = Drawing(of_scores(np.linspace(0, 1, 5000)))
    assert better_each_time.corners[-2] == ("V", str(module.TOP))
    assert len(better_each_time.svg) < 10_000
