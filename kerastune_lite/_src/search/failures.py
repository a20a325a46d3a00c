"""Trials that came to nothing: how many a search takes before it gives up, and what it says."""

from __future__ import annotations

import logging
import os
import re

from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import REJECTED, Trial, TrialStatus
from kerastune_lite._src.search.limits import Limits

logger = logging.getLogger(__name__)

REJECTED_FOR_EACH_FAILED = 10
"""While nothing has completed, so many rejected trials weigh as much as a failed one."""

_FRAME = re.compile(r'\s*File "(?P<path>[^"]*)", line \d+')
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARIES = (_OURS, f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Failures:
    """Watches how the trials of one search end.

    A trial has failed if the user's code raised something, or its score was no number: several in
    a row mean that something is wrong with all of them. It was rejected if its model was too large
    or its code raised `FailedTrialError`: that is a statement on its values alone, which neither
    adds to the failures in a row nor ends them.

    Args:
        history: of the search.
        limits: how many failures in a row are too many.
    """

    def __init__(self, history: TrialHistory, limits: Limits) -> None:
        self._history = history
        self._limits = limits
        self._in_a_row = 0
        self._rejected = 0

    def note(self, trial: Trial) -> None:
        """A trial has ended.

        Raises:
            RuntimeError: one failure too many.
        """
        if trial.status is TrialStatus.COMPLETED:
            self._in_a_row = 0
        elif trial.rejected:
            self._note_rejected()
        else:
            self._in_a_row += 1
            if self._in_a_row >= self._limits.max_consecutive_failed_trials:
                raise self._hopeless(
                    f"{self._in_a_row} trials failed one after the other",
                    "Mend it and run the script again (the search goes on), or raise "
                    "max_consecutive_failed_trials",
                )

    def _note_rejected(self) -> None:
        self._rejected += 1
        most = REJECTED_FOR_EACH_FAILED * self._limits.max_consecutive_failed_trials
        if self._rejected >= most and not self._history.best(1):
            raise self._hopeless(
                f"{self._rejected} trials were {REJECTED} before any was completed",
                "Narrow the search space to what can work, or raise max_model_size, and run the "
                "script again (the search goes on). To have more of them skipped, raise "
                f"max_consecutive_failed_trials: {REJECTED_FOR_EACH_FAILED} times as many are",
            )

    def end(self, stop: StopReason) -> None:
        """The search is about to end without an error: say what came to nothing.

        Raises:
            RuntimeError: all did.
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
            raise self._hopeless(what, self._way_on(stop))
        if self._rejected:
            logger.warning(
                "%d of %d trials were %s. The latest: %s",
                len(rejected),
                len(history),
                REJECTED,
                rejected[-1].failure,
            )

    def _way_on(self, stop: StopReason) -> str:
        if stop is StopReason.TIME:
            return "Mend it and run the script again (the search goes on)"
        if stop is StopReason.BUDGET:
            return (
                f"Mend it and start afresh with overwrite=True, or go on with a max_trials above "
                f"{self._limits.max_trials}"
            )
        return "Mend it and start afresh with overwrite=True"

    def _hopeless(self, what: str, mend: str) -> RuntimeError:
        latest = next(t for t in reversed(self._history) if t.status is TrialStatus.FAILED)
        several = "" if len(self._history) == 1 else ", so something is wrong with all of them"
        return RuntimeError(
            f"{what}{several}. {mend}. The latest failure (trial {latest.number}, whose `message` "
            f"has all frames):\n\n{shortened(latest.message)}"
        )


def shortened(message: str | None) -> str:
    """A traceback without the frames of installed packages and our own; one is left in any case."""
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
