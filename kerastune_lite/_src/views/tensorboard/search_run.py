"""The run `_search`: when it is written.

Trials that end are added to the lines by trial every second. Everything else depends on all trials,
and is rewritten from time to time: the whole run goes into a new file, which begins with the event
at which TensorBoard forgets what it has read of the run. (Otherwise it would draw the old and the
new curves.) So a new search, a resumed one, and trials that end in another order than their
numbers are the same case.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.views.tensorboard.curve_fan import WrittenCurves
from kerastune_lite._src.views.tensorboard.names import RANKING, SEARCH
from kerastune_lite._src.views.tensorboard.ranking import merit_of

if TYPE_CHECKING:
    from kerastune_lite._src.analysis.curves import Curves
    from kerastune_lite._src.analysis.importances import Importances
    from kerastune_lite._src.views.tensorboard.event_files import EventFile

PAUSE = 10.0
"""The minimum of seconds between two writings of the whole run."""

SECOND = 1.0
"""Seconds between two additions to the lines by trial."""

SHARE = 20
"""After a writing it waits for this many times its duration, so it takes 5 % of the time."""

WORTH = 3.0
"""Importances are computed once all trials together have taken this many seconds."""


class SearchRun:
    """Writes the run `_search` of a log directory."""

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
        self._waiting: list[Trial] = []  # not on the lines yet
        self._next = self._next_addition = -math.inf

    def begin(self, project: str, objective: Objective) -> None:
        """Set the name and the objective of the search."""
        self._project, self._objective = project, objective

    def know(self, trial: Trial, runs: Sequence[str]) -> None:
        """Add a trial that had ended, or was paused, before.

        Args:
            runs: the directories of the executions that count.
        """
        self._trials[trial.number] = trial
        self._runs[trial.number] = runs

    def show(self, trial: Trial, runs: Sequence[str]) -> None:
        """Add a trial that has ended or is paused, and write what is due."""
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
            weigh: whether to compute importances; false if the user waits for the search to stop.
        """
        if self._pending or not self._up_to_date():
            self._write(weigh)

    def _up_to_date(self) -> bool:
        """Whether the ranking on disk has all trials."""
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
            # Steps must increase; a trial that ended late is added when the whole run is rewritten.
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
        """Rewrite the whole run."""
        from kerastune_lite._src.views.tensorboard.event_files import EventFile, own_files, remove
        from kerastune_lite._src.views.tensorboard.search_events import whole_run

        trials = list(self._trials.values())
        known = scored(trials)
        curves = {
            t.number: self._curves.of(t, self._objective, self._runs[t.number]) for t in known
        }
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
        self._best = min(known, key=merit_of, default=None)
        self._pending = False
        self._waiting.clear()

    def _weigh(self, trials: Sequence[Trial], curves: Mapping[int, Curves]) -> None:
        """Compute importances; earlier ones are kept if that is not possible."""
        if sum(trial.seconds or 0.0 for trial in trials) < WORTH:
            return
        from kerastune_lite._src.analysis.importances import importances

        with contextlib.suppress(ValueError):  # too few trials, or no difference between them
            found = importances(trials, self._objective, curves=curves)
            self._weighed = len(trials), found
