"""Failed and rejected trials: after how many a search gives up, and its message."""

from __future__ import annotations

import dataclasses
import logging
import os
import re

from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import (
    REJECTED,
    Execution,
    Outcome,
    Report,
    Segment,
    Trial,
    TrialStatus,
)
from kerastune_lite._src.search.limits import Limits

logger = logging.getLogger(__name__)

REJECTED_FOR_EACH_FAILED = 10
"""Until a trial is completed, this many rejected trials count as a failed one."""

_FRAME = re.compile(r'\s*File "(?P<path>[^"]*)", line \d+')
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARIES = (_OURS, f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Failures:
    """Counts the failures of one search.

    A trial fails if the user's code raises an exception or the score is not finite; several
    failures in a row mean that something is wrong with all trials. A trial is rejected if its model
    is too large or its code raises `FailedTrialError`; that concerns only its values, so it neither
    counts as a failure in a row nor ends the row.

    Args:
        history: of the search.
        limits: of the search.
    """

    def __init__(self, history: TrialHistory, limits: Limits) -> None:
        self._history = history
        self._limits = limits
        self._in_a_row = 0
        self._rejected = 0
        self._lost: set[tuple[int, int]] = set()

    def may_retry(self, trial: Trial, failed: Execution) -> bool:
        """Whether an execution that failed is tried again."""
        failures = sum(e.index == failed.index and e.outcome.failed for e in trial.executions)
        return failed.outcome.failed and failures <= self._limits.max_retries_per_trial

    def lost_before(self, segment: Segment) -> bool:
        """Whether the process of this execution has died before; this time is noted.

        The first time that says nothing of the trial: the machine may have been out of memory.
        """
        place = segment.trial.number, segment.execution
        before = place in self._lost
        self._lost.add(place)
        return before

    def note(self, trial: Trial) -> None:
        """Count a trial that has ended.

        Raises:
            RuntimeError: too many trials have failed.
        """
        if trial.status is TrialStatus.COMPLETED:
            self._in_a_row = 0
        elif trial.rejected:
            self._note_rejected()
        else:
            self._in_a_row += 1
            if self._in_a_row >= self._limits.max_consecutive_failed_trials:
                raise self._hopeless(
                    f"{self._in_a_row} trials in a row failed",
                    "Fix it and run the script again to continue the search, or raise "
                    "max_consecutive_failed_trials",
                )

    def _note_rejected(self) -> None:
        self._rejected += 1
        most = REJECTED_FOR_EACH_FAILED * self._limits.max_consecutive_failed_trials
        if self._rejected >= most and not self._history.best(1):
            raise self._hopeless(
                f"{self._rejected} trials were {REJECTED} before any was completed",
                "Narrow the search space, or raise max_model_size, and run the script again to "
                "continue the search. To skip more trials, raise max_consecutive_failed_trials: "
                f"{REJECTED_FOR_EACH_FAILED} times as many may be rejected",
            )

    def end(self, stop: StopReason) -> None:
        """Warn of rejected trials at the end of a search.

        Raises:
            RuntimeError: all trials failed.
        """
        history = self._history
        rejected = [trial for trial in history if trial.rejected]
        if history.failed and not history.best(1):
            points = "points of the space" if stop is StopReason.EXHAUSTED else "trials"
            what = f"All {len(history)} {points} failed" if len(history) > 1 else "The trial failed"
            if rejected and len(rejected) == len(history):
                what = f"All trials ({len(history)}) were {REJECTED}"
            elif rejected:
                what += f" ({len(rejected)} of them were {REJECTED})"
            raise self._hopeless(what, self._advice(stop))
        if self._rejected:
            logger.warning(
                "%d of %d trials were %s. The latest: %s",
                len(rejected),
                len(history),
                REJECTED,
                rejected[-1].failure,
            )

    def _advice(self, stop: StopReason) -> str:
        if stop is StopReason.TIME:
            return "Fix it and run the script again to continue the search"
        if stop is StopReason.BUDGET:
            return (
                "Fix it and start again with overwrite=True, or continue with max_trials above "
                f"{self._limits.max_trials}"
            )
        return "Fix it and start again with overwrite=True"

    def _hopeless(self, what: str, advice: str) -> RuntimeError:
        latest = next(t for t in reversed(self._history) if t.status is TrialStatus.FAILED)
        several = "" if len(self._history) == 1 else ", so something is wrong with all of them"
        log = f"; what it printed is in {latest.log}" if latest.log else ""
        return RuntimeError(
            f"{what}{several}. {advice}. The latest failure (trial {latest.number}; its `message` "
            f"has all frames{log}):\n\n{shortened(latest.message)}"
        )


def shortened(message: str | None) -> str:
    """A traceback without the frames of installed packages and our own, with at least one frame."""
    blocks: list[tuple[str, list[str]]] = []  # the path of a frame, or "", and its lines
    for line in (message or "").rstrip().splitlines():
        found = _FRAME.match(line)
        inside = bool(blocks and blocks[-1][0] and line.startswith("    "))
        if inside and not found:
            blocks[-1][1].append(line)
        else:
            blocks.append((found["path"] if found else "", [line]))
    users = [path for path, _ in blocks if path and not _is_library(path)]
    latest = next((lines for path, lines in reversed(blocks) if path), None)
    kept: list[str] = []
    left_out = 0
    for path, lines in blocks:
        if path and _is_library(path) and (users or lines is not latest):
            left_out += 1
            continue
        if left_out:
            kept.append(f"  ({left_out} frame{'s' * (left_out > 1)} of libraries)")
            left_out = 0
        kept += lines
    return "\n".join(kept)


def _is_library(path: str) -> bool:
    return any(part in path for part in _LIBRARIES)


def as_failed(report: Report, message: str) -> Report:
    """The report of a segment that has failed, in place of one that was lost."""
    segment = report.segment
    failed = Execution(
        segment.execution, Outcome.FAILED, segment.attempt, message=message, log=report.log
    )
    return dataclasses.replace(report, executions=(failed,), lost=None)
