"""What a search is told of segments whose worker has ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment
from kerastune_lite._src.search.execution.serving import log_name

_AWAY = 4
"""After so many times the usual pause between two looks, the time does not count."""


def lost(segment: Segment, folder: Path, how: str) -> Report:
    """The report of a segment whose worker died.

    Args:
        folder: that of the project.
        how: the worker ended; follows upon "The worker ended during the training: ".
    """
    log = _log_of(segment, folder)
    see = f" See {folder / log}." if log else ""
    message = f"The worker ended during the training: {how.rstrip('.')}.{see}"
    return Report(segment, (), {}, lost=message, log=log)


def failed(segment: Segment, folder: Path, outcome: Outcome, message: str) -> Report:
    """The report of a segment that the search has ended.

    Args:
        folder: that of the project.
        message: why.
    """
    log = _log_of(segment, folder)
    execution = Execution(segment.execution, outcome, segment.attempt, message=message, log=log)
    return Report(segment, (execution,), {})


def too_long(seconds: float) -> str:
    """The message of a training that took more than `trial_timeout`."""
    return f"TimeoutError: The training took more than trial_timeout={seconds} s, and was ended."


def excused(since: float, unseen: float, usual: float, now: float) -> float:
    """When a training began, as far as `trial_timeout` is concerned.

    If the search has not looked at its worker for long, a hook took its time, or the search was
    stopped: the training may have waited for it.

    Args:
        since: when it began.
        unseen: seconds since the look before this one.
        usual: seconds between two looks.
        now: on the clock of `since`.
    """
    return min(since + unseen, now) if unseen > _AWAY * usual else since


def without(segments: Sequence[Segment], report: Report) -> list[Segment]:
    """Those that are not reported yet."""
    done = _place(report.segment)
    return [segment for segment in segments if _place(segment) != done]


def _log_of(segment: Segment, folder: Path) -> str | None:
    """The file with what a segment has printed before its worker ended."""
    name = log_name(segment.trial.number)  # Trials that train in one stack have one log.
    path = folder / name
    return name if path.exists() and path.stat().st_size else None


def _place(segment: Segment) -> tuple[int, int, int]:
    return segment.trial.number, segment.execution, segment.attempt
