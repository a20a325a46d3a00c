"""A trial as a block of HTML, for notebooks."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.util.formatting import (
    NO_REASON,
    html_card,
    one_line,
    score_text,
    seconds_text,
)


def trial_html(trial: Any, rejected: str) -> str:
    """What `trial`, a Trial, shows of itself.

    Args:
        rejected: what it is called if it was rejected.
    """
    title = [f"Trial {trial.number}", str(trial.status)]
    if trial.score is not None:
        title.append(f"score {score_text(trial.score)}")
    if trial.best_step is not None:
        title.append(f"best epoch {trial.best_step + 1}")
    if trial.parent is not None:
        title.append(f"from trial {trial.parent}")
    if trial.seconds is not None:
        title.append(f"{seconds_text(trial.seconds)} s")
    reason = one_line(trial.failure or NO_REASON)
    reason = f"{rejected}: {reason}" if trial.rejected else reason
    return html_card(title, reason if str(trial.status) == "FAILED" else "", trial.values)
