"""The page: its sections in their order, and the file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from kerastune_lite._src.util.formatting import moment_text
from kerastune_lite._src.views.report import sections
from kerastune_lite._src.views.report.searched import Searched
from kerastune_lite._src.views.report.style import STYLE
from kerastune_lite._src.views.report.svg import escaped


def write_report(path: str | os.PathLike[str], searched: Searched) -> None:
    """Write the page; an earlier file is replaced."""
    Path(path).write_text(page(searched), encoding="utf-8")


def page(searched: Searched) -> str:
    """The page as HTML, without scripts and without anything that is loaded from elsewhere."""
    parts = [
        sections.result(searched),
        sections.space(searched),
        sections.front(searched),
        sections.history(searched),
        sections.curves(searched),
        sections.schedule(searched),
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
<footer>Written by kerastune_lite on {moment_text(time.time())}.</footer>
</main>
</body>
</html>
"""
