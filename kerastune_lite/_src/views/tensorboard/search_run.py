"""The run `_search`: when it is written.

Trials that end are added to the lines by trial each second. All else depends on all trials, and is
written anew now and then: the whole run, into a new file, which begins with the mark on which
TensorBoard forgets what it has read of the run. (Without that mark it would draw both fans, the
old one and the new.) A fresh search, one that is resumed, and trials that end in another order
than that of their numbers are then all the same case.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from kerastune_lite._src.analysis.unit_cube import scored
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.views.tensorboard.curve_fan import WrittenCurves
from kerastune_lite._src.views.tensorboard.names import RANKING, SEARCH
from kerastune_lite._src.views.tensorboard.ranking import loss_of

if TYPE_CHECKING:
    from kerastune_lite._src.analysis.curves import Curves
    from kerastune_lite._src.analysis.importances import Importances
    from kerastune_lite._src.views.tensorboard.event_files import EventFile

PAUSE = 10.0
"""Seconds from one writing of the whole to the next, at least."""

SECOND = 1.0
"""Between two additions to the lines by trial."""

SHARE = 20
"""How many times as long as a writing took is waited before the next: it has 5 % of the time."""

WORTH = 3.0
"""Importances are for searches whose trials took this many seconds together."""


class SearchRun:
    """Writes the run `_search` of a log directory.

    Args:
        logdir: of the project.
        clock: seconds, from any moment on.
    """

    def __init__(self, logdir: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = os.path.join(logdir, SEARCH)
        self._clock = clock
        self._project = ""
        self._objective = Objective("objective")
        self._trials: dict[int, Trial] = {}
        self._runs: dict[int, Sequence[str]] = {}
        self._curves = WrittenCurves()
        self._weighed: tuple[int, Importances] | None = None
        self._file: EventFile | None = None
        self._best: Trial | None = None
        self._last = -1
        self._pending = False
        self._waiting: list[Trial] = []
        """Trials that are not on the lines yet."""
        self._next = self._next_addition = -math.inf

    def begin(self, project: str, objective: Objective) -> None:
        """Take the name and the objective of a search."""
        self._project, self._objective = project, objective

    def know(self, trial: Trial, runs: Sequence[str]) -> None:
        """Take a trial into account that had ended, or was paused, before.

        Args:
            runs: the directories of the executions that count.
        """
        self._trials[trial.number] = trial
        self._runs[trial.number] = runs

    def show(self, trial: Trial, runs: Sequence[str]) -> None:
        """Take a trial into account that has ended or is paused, and write what is due."""
        self.know(trial, runs)
        self._pending = True
        if trial.status is TrialStatus.COMPLETED:
            self._waiting.append(trial)
        started = self._clock()
        if started >= self._next:
            self._write(weigh=True)
            now = self._clock()
            self._next = now + max(PAUSE, SHARE * (now - started))
        elif started >= self._next_addition:
            self._add_to_lines()
            self._next_addition = started + SECOND

    def end(self, weigh: bool = True) -> None:
        """Write what is not written yet; `show` may follow.

        Args:
            weigh: false where the user waits for the search to stop, and not for importances.
        """
        if self._pending or not self._up_to_date():
            self._write(weigh)

    def _up_to_date(self) -> bool:
        """Whether the ranking on disk is of as many trials as there are."""
        if not self._trials:
            return True
        from kerastune_lite._src.views.tensorboard.event_files import last_step, own_files, read

        files = own_files(self._directory)
        return bool(files) and last_step(read(files[-1]), RANKING) == len(self._trials)

    def _add_to_lines(self) -> None:
        from kerastune_lite._src.views.tensorboard.search_events import by_trial

        if self._file is None:
            return
        events = []
        for trial in scored(self._waiting):
            # Steps must not go back; what ended late finds its place when all is written anew.
            if trial.number > self._last:
                event, self._best = by_trial(
                    self._objective, trial, self._best, self._file.described
                )
                self._last = trial.number
                events.append(event)
        self._waiting.clear()
        self._file.append(*events)
        self._file.close()

    def _write(self, weigh: bool) -> None:
        """Write the whole run anew."""
        from kerastune_lite._src.views.tensorboard.event_files import EventFile, own_files, remove
        from kerastune_lite._src.views.tensorboard.search_events import whole_run

        trials = list(self._trials.values())
        known = scored(trials)
        curves = {t.number: self._read(t) for t in known}
        if weigh:
            self._weigh(trials, curves)
        os.makedirs(self._directory, exist_ok=True)
        old = own_files(self._directory)
        self._file = file = EventFile(self._directory)
        args = self._project, self._objective, trials, curves, self._weighed
        file.append(*whole_run(*args, file.described))
        file.close()
        remove(old)
        self._last = known[-1].number if known else -1
        self._best = min(known, key=loss_of, default=None)
        self._pending = False
        self._waiting.clear()

    def _read(self, trial: Trial) -> Curves:
        return self._curves.of(trial, self._objective, self._runs[trial.number])

    def _weigh(self, trials: Sequence[Trial], curves: Mapping[int, Curves]) -> None:
        """Find today's importances; the latest remain where there are none."""
        if sum(trial.seconds or 0.0 for trial in trials) < WORTH:
            return
        from kerastune_lite._src.analysis.importances import importances

        with contextlib.suppress(ValueError):  # too few trials, or no difference between them
            found = importances(trials, self._objective, curves=curves)
            self._weighed = len(trials), found
