"""How the trials of a project were trained, counted in one line."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from kerastune_lite._src.core.trial import TRAINING_PATHS, Trial

MAX_REASONS = 3
"""Of more reasons, the commonest are named."""

_PLAIN, _OWN, _SHARED, _ARRAYS, _STACKED = TRAINING_PATHS

_WORDS = {
    _PLAIN: ("with model.fit", "with model.fit"),
    _OWN: ("on a trace of its own", "on a trace of their own"),
    _SHARED: ("on a shared trace", "on a shared trace"),
    _ARRAYS: ("in NumPy", "in NumPy"),
    _STACKED: ("side by side (stacked)", "side by side (stacked)"),
}
"""What is said of one trial, and of several."""

_EXPLAINED = (_PLAIN, _OWN)
"""The paths for which users may want to know why."""


def paths_line(trials: Iterable[Trial]) -> str | None:
    """How many trials were trained on which path, from the fastest on, and why on the slower ones.

    A trial whose executions took several paths counts for the slowest.

    Returns:
        None where no path is known.
    """
    reasons: dict[str, list[str | None]] = {}
    for trial in trials:
        path = _slowest(trial)
        if path is not None:
            reasons.setdefault(path, []).append(_reason(trial, path))
    parts: list[str] = []
    for path in sorted(reasons, key=_speed, reverse=True):
        count = len(reasons[path])
        noun = "" if parts else " trial" if count == 1 else " trials"
        why = _why(reasons[path]) if path in _EXPLAINED else ""
        parts.append(f"{count}{noun} {_words(path, count)}{why}")
    return f"Trained: {', '.join(parts)}" if parts else None


def _slowest(trial: Trial) -> str | None:
    return min(trial.path.split(", "), key=_speed) if trial.path else None


def _speed(path: str) -> int:
    return TRAINING_PATHS.index(path) if path in TRAINING_PATHS else len(TRAINING_PATHS)


def _words(path: str, count: int) -> str:
    # A path that is not known here was recorded by another version.
    return _WORDS[path][count > 1] if path in _WORDS else f'by "{path}"'


def _reason(trial: Trial, path: str) -> str | None:
    """Why the trial took this path, its slowest."""
    found = [e.path_reason for e in trial.executions if path in (e.path or "").split(", ")]
    return ", ".join(dict.fromkeys(filter(None, found))) or None


def _why(reasons: Sequence[str | None]) -> str:
    """The reasons in parentheses, with how many trials have each unless all have the same."""
    counted = collections.Counter(reason for reason in reasons if reason is not None).most_common()
    if not counted:
        return ""
    if counted[0][1] == len(reasons):
        return f" ({counted[0][0]})"
    named = [f"{count}× {reason}" for reason, count in counted[:MAX_REASONS]]
    others = [count for _, count in counted[MAX_REASONS:]]
    if others:
        what = "another reason" if len(others) == 1 else "other reasons"
        named.append(f"{sum(others)} for {what}")
    return f" ({'; '.join(named)})"
