"""The text of the `_search` run: the best trials as a Markdown table, and what failed."""

from __future__ import annotations

import collections
import html
import math
import re
from collections.abc import Iterable, Sequence

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import REJECTED, Trial, TrialStatus
from kerastune_lite._src.util.formatting import counted, one_line

BEST = 20
"""How many trials the table has."""


def ranking(project: str, objective: Objective, trials: Sequence[Trial]) -> str:
    """A search in Markdown, from its ended and paused trials in any order."""
    from kerastune_lite._src.views.tables import (
        failures_of,
        objective_text,
        ranked,
        trial_columns,
        which_trials,
    )
    from kerastune_lite._src.views.training_paths import paths_line

    best = ranked(trials)[:BEST]
    parts = [f"## {_plain(project)}: {_plain(objective_text(objective))}", _counts(trials)]
    if best:
        parts.append(_table(trial_columns(best, objective, compact=False)))
    for title, rejected in (("Failures", False), (f"Trials {_plain(REJECTED)}", True)):
        failures = failures_of(trials, rejected)
        if failures:
            lines = (
                f"- {_plain(one_line(reason))} ({which_trials(numbers, 10)})"
                for reason, numbers in failures.items()
            )
            parts += [f"**{title}**", "\n".join(lines)]
    trained = paths_line(trials)
    if trained is not None:
        parts.append(_plain(trained))
    return "\n\n".join(parts) + "\n"


def merit_of(trial: Trial) -> tuple[float, float]:
    """Violation of constraints and loss of a trial, for sorting; infinite without a loss."""
    return trial.violation, math.inf if trial.loss is None else trial.loss


def _counts(trials: Sequence[Trial]) -> str:
    counts = collections.Counter(trial.status for trial in trials)
    shown = (TrialStatus.COMPLETED, TrialStatus.PAUSED, TrialStatus.FAILED)
    parts = [f"{counts[status]} {status.value.lower()}" for status in shown if counts[status]]
    return f"{counted(len(trials), 'trial')}: {', '.join(parts)}."


def _table(columns: Iterable[tuple[str, list[str]]]) -> str:
    headers, cells = zip(*columns)
    rows = [headers, ["---:"] * len(headers), *zip(*cells)]
    lines = (row if index == 1 else map(_plain, row) for index, row in enumerate(rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """`text` escaped for Markdown, also in tables."""
    return re.sub(r"([\\`*_\[\]#])", r"\\\1", html.escape(text, quote=False)).replace("|", "&#124;")
