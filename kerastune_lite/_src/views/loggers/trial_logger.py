"""The events of a search as runs of a service that tracks experiments."""

from __future__ import annotations

import hashlib
import os
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kerastune_lite._src.core.events import (
    EpochEnded,
    Event,
    SearchEnded,
    SearchStarted,
    TrialEnded,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.views.view import View

_INTERVAL = 2.0
"""Seconds for which metrics are collected: a request for each epoch would take longer than it."""


class Point(NamedTuple):
    """The metrics of an epoch, which is counted from 0; `time` is in seconds since 1970."""

    epoch: int
    time: float
    metrics: Mapping[str, float]


class TrialLogger(View):
    """Sends a search to a service: a run for the search, and one for each of its trials below it.

    Args:
        log_model: whether the best model is sent when a search has ended.
        clock: returns seconds since 1970.
    """

    def __init__(self, log_model: bool, clock: Callable[[], float] = time.time) -> None:
        self.log_model = log_model
        self._clock = clock
        self._folder = ""
        self._objective: Objective = DefaultObjective()
        self._search: SearchStarted | None = None
        self._begun = False
        self._running: dict[int, list[Point]] = {}
        self._sent: dict[int, float] = {}
        self._ended: dict[int, Trial] = {}

    def open(self, folder: str | os.PathLike[str]) -> None:
        """Get ready for a search; called before its first trial.

        Args:
            folder: of the project.

        Raises:
            ConnectionError: the service does not answer.
        """
        self._folder = os.path.abspath(folder)
        self._search, self._begun = None, False
        self._running, self._ended = {}, {}
        self._connect()

    def on_event(self, event: Event) -> None:
        """Send what `event` says, epochs a few seconds later."""
        if isinstance(event, EpochEnded):
            self._epoch_ended(event)
        elif isinstance(event, TrialStarted):
            self._trial_started(event.trial)
        elif isinstance(event, TrialResumed):
            self._trial_resumed(event.trial)
        elif isinstance(event, TrialPaused):
            self._send(event.trial.number)
        elif isinstance(event, TrialEnded):
            self._trial_ended(event.trial)
        elif isinstance(event, SearchStarted):
            self._search_started(event)
        elif isinstance(event, SearchEnded) and self._begun:
            self._end(self._best(event), event.message)

    def close(self) -> None:
        for number in list(self._running):
            self._send(number)

    def model_saved(self, path: Path) -> None:
        """Send the best model; called after a search, if `log_model` is true.

        Args:
            path: of its file.
        """
        if self._begun:
            self._send_model(path)

    def _search_started(self, event: SearchStarted) -> None:
        self._search, self._objective = event, event.objective
        if not event.trials:
            return
        known = self._begin(event, self._key(event.trials[0], "search"))
        self._begun = True
        for trial in event.trials:
            if trial.status in (TrialStatus.COMPLETED, TrialStatus.FAILED):
                self._ended[trial.number] = trial
                if known is not None and trial.number not in known:
                    self._begin_trial(trial, self._key(trial))
                    self._end_trial(trial)

    def _trial_started(self, trial: Trial) -> None:
        if not self._begun and self._search is not None:
            self._begin(self._search, self._key(trial, "search"))
            self._begun = True
        self._running[trial.number] = []
        self._sent[trial.number] = self._clock()
        self._begin_trial(trial, self._key(trial))

    def _trial_resumed(self, trial: Trial) -> None:
        """A trial that was paused; in an earlier call of `search()` if it is not running here."""
        if trial.number not in self._running:
            self._trial_started(trial)

    def _epoch_ended(self, event: EpochEnded) -> None:
        points = self._running.get(event.trial)
        if points is None:
            return
        # Repeats have names of their own: a metric has one value in each epoch.
        ending = f"execution_{event.execution}/" if event.execution else ""
        metrics = {f"{ending}{name}": value for name, value in event.metrics.items()}
        points.append(Point(event.epoch, self._clock(), metrics))
        if self._clock() - self._sent.get(event.trial, 0.0) >= _INTERVAL:
            self._send(event.trial)

    def _trial_ended(self, trial: Trial) -> None:
        self._ended[trial.number] = trial
        self._trial_resumed(trial)  # it may have been paused, and end without a training
        self._send(trial.number)
        del self._running[trial.number]
        self._end_trial(trial)

    def _send(self, number: int) -> None:
        points = self._running.get(number)
        if points:
            self._log(number, points)
            self._running[number] = []
        self._sent[number] = self._clock()

    def _best(self, event: SearchEnded) -> Trial | None:
        """The winner of the race, if there was one; otherwise the best trial."""
        if event.confirmation is not None:
            return self._ended.get(event.confirmation.winner)
        return next((t for t in best_first(self._ended.values()) if t.violation == 0.0), None)

    def _key(self, trial: Trial, kind: str = "trial") -> str:
        """The same for a trial whenever its search is resumed, another one in another project."""
        text = f"{self._folder}|{kind}|{trial.number if kind == 'trial' else 0}|{trial.started}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # ------------------------------------------------------------------ the service

    @abstractmethod
    def _connect(self) -> None:
        """Make sure that the service answers.

        Raises:
            ConnectionError: it does not.
        """

    @abstractmethod
    def _begin(self, search: SearchStarted, key: str) -> set[int] | None:
        """Begin the run of a search, or go on with that of `key`.

        Returns:
            The numbers of the trials whose runs have ended; None if the service cannot say.
        """

    @abstractmethod
    def _begin_trial(self, trial: Trial, key: str) -> None:
        """Begin the run of a trial, or go on with that of `key`."""

    @abstractmethod
    def _log(self, number: int, points: Sequence[Point]) -> None:
        """Send the metrics of some epochs of a trial."""

    @abstractmethod
    def _end_trial(self, trial: Trial) -> None:
        """End the run of a trial with its result."""

    @abstractmethod
    def _send_model(self, path: Path) -> None:
        """Send the file of the best model."""

    @abstractmethod
    def _end(self, best: Trial | None, message: str) -> None:
        """End the run of the search; `message` says why it ended."""
