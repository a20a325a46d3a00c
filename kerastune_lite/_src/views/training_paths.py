"""How the trials of a project were trained, counted in one line."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from kerastune_lite._src.core.trial import TRAINING_PATHS, Trial
from kerastune_lite._src.util.formatting import counted

MAX_REASONS = 3
"""Of more reasons, the most frequent are named."""

_PLAIN, _OWN, _SHARED, _ARRAYS, _STACKED = TRAINING_PATHS

_WORDS = {
    _PLAIN: ("with model.fit", "with model.fit"),
    _OWN: ("on a trace of its own", "on a trace of their own"),
    _SHARED: ("on a shared trace", "on a shared trace"),
    _ARRAYS: ("in NumPy", "in NumPy"),
    _STACKED: ("side by side (stacked)", "side by side (stacked)"),
}
"""Texts for one trial, and for several."""

_EXPLAINED = (_PLAIN, _OWN)
"""The paths whose reasons are shown."""


def paths_line(trials: Iterable[Trial]) -> str | None:
    """How many trials were trained on which path, the fastest first, and why on the slower ones.

    A trial whose executions took several paths counts for the slowest. None if no path is known.
    """
    reasons: dict[str, list[str | None]] = {}
    for trial in trials:
        if trial.path:
            path = min(trial.path.split(", "), key=_speed)
            reasons.setdefault(path, []).append(_reason(trial, path))
    parts: list[str] = []
    for path in sorted(reasons, key=_speed, reverse=True):
        count = len(reasons[path])
        trained = str(count) if parts else counted(count, "trial")
        # A path that is not known here was recorded by another version.
        words = _WORDS[path][count > 1] if path in _WORDS else f'by "{path}"'
        why = _why(reasons[path]) if path in _EXPLAINED else ""
        parts.append(f"{trained} {words}{why}")
    return f"Trained: {', '.join(parts)}" if parts else None


def _speed(path: str) -> int:
    return TRAINING_PATHS.index(path) if path in TRAINING_PATHS else len(TRAINING_PATHS)


def _reason(trial: Trial, path: str) -> str | None:
    """Why the trial took this path."""
    found = [e.path_reason for e in trial.executions if path in (e.path or "").split(", ")]
    return ", ".join(dict.fromkeys(filter(None, found))) or None


def _why(reasons: Sequence[str | None]) -> str:
    """The reasons in parentheses, with their counts unless all trials have the same one."""
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
