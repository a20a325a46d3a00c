"""The page: which sections it has, in which order, and the file."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite.hyperparameters import Space
from kerastune_lite.insight.curves import Curves
from kerastune_lite.objective import Objective
from kerastune_lite.trial import Trial
from kerastune_lite.views.report.style import STYLE
from kerastune_lite.views.report.svg import escaped


@dataclasses.dataclass(frozen=True)
class Searched:
    """All that a report tells of.

    Attributes:
        name: of the project.
        folder: where it lies.
        trials: in the order of their numbers.
        space: what was searched.
        objective: what was optimised.
        curves: by the trial's number.
        settings: what it was searched with.
        versions: of the packages, at the latest search.
    """

    name: str
    folder: str
    trials: Sequence[Trial]
    space: Space
    objective: Objective
    curves: Mapping[int, Curves]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]


def write_report(path: str | os.PathLike[str], searched: Searched) -> None:
    """Write the page; a file of this name is replaced."""
    Path(path).write_text(page(searched), encoding="utf-8")


def page(searched: Searched) -> str:
    """The page as HTML: no scripts, and nothing that is loaded from elsewhere."""
    from kerastune_lite.views.report import sections

    parts = [
        sections.result(searched),
        sections.space(searched),
        sections.history(searched),
        sections.curves(searched),
        sections.importances(searched),
        sections.failures(searched),
        sections.training(searched),
        sections.reproduce(searched),
        sections.versions(searched),
    ]
    title = escaped(f"{searched.name}: report")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escaped(searched.name)}</h1>
<p class="quiet">{escaped(sections.overview(searched))}</p>
{"".join(parts)}
<footer>Written by kerastune_lite on {time.strftime("%Y-%m-%d %H:%M")}.</footer>
</main>
</body>
</html>
"""
