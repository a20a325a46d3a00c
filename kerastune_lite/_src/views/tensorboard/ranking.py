"""The text of the `_search` run: the best trials as a Markdown table, and what failed."""

from __future__ import annotations

import collections
import html
import math
import re
from collections.abc import Iterable, Sequence

from kerastune_lite._src.analysis.unit_cube import scored
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import REJECTED, Trial, TrialStatus
from kerastune_lite._src.util.formatting import one_line

BEST = 20
"""How many trials the table holds."""


def ranking(project: str, objective: Objective, trials: Sequence[Trial]) -> str:
    """A search in Markdown.

    Args:
        project: its name.
        objective: what the scores are of.
        trials: those that have ended, and those that are paused, in any order.
    """
    from kerastune_lite._src.views.tables import failures_of, objective_text, trial_columns
    from kerastune_lite._src.views.training_paths import paths_line

    best = sorted(scored(trials), key=lambda trial: (loss_of(trial), trial.number))[:BEST]
    parts = [f"## {_plain(project)}: {_plain(objective_text(objective))}", _counts(trials)]
    if best:
        parts.append(_table(trial_columns(best, objective, compact=False)))
    for title, rejected in (("Failures", False), (f"Trials {_plain(REJECTED)}", True)):
        failures = failures_of(trials, rejected)
        if failures:
            parts += [f"**{title}**", "\n".join(_failure(*each) for each in failures.items())]
    trained = paths_line(trials)
    if trained is not None:
        parts.append(_plain(trained))
    return "\n\n".join(parts) + "\n"


def loss_of(trial: Trial) -> float:
    """For sorting: the loss of a trial, infinite where it has none."""
    return math.inf if trial.loss is None else trial.loss


def _counts(trials: Sequence[Trial]) -> str:
    counts = collections.Counter(trial.status for trial in trials)
    told = (TrialStatus.COMPLETED, TrialStatus.PAUSED, TrialStatus.FAILED)
    parts = [f"{counts[status]} {status.value.lower()}" for status in told if counts[status]]
    noun = "trial" if len(trials) == 1 else "trials"
    return f"{len(trials)} {noun}: {', '.join(parts)}."


def _table(columns: Iterable[tuple[str, list[str]]]) -> str:
    headers, cells = zip(*columns)
    rows = [headers, ["---:"] * len(headers), *zip(*cells)]
    lines = (row if index == 1 else map(_plain, row) for index, row in enumerate(rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _failure(reason: str, numbers: Sequence[int]) -> str:
    noun = "trial" if len(numbers) == 1 else f"{len(numbers)} trials:"
    named = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"- {_plain(one_line(reason))} ({noun} {named})"


def _plain(text: str) -> str:
    """`text` so that Markdown shows it as it is, in a table as well."""
    return re.sub(r"([\\`*_\[\]#])", r"\\\1", html.escape(text, quote=False)).replace("|", "&#124;")
