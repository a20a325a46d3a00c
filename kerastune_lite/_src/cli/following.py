"""What another process does in a project, as events for views."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from kerastune_lite._src.analysis.confirming import confirmation, race_of
from kerastune_lite._src.core.events import (
    EpochEnded,
    Event,
    ExecutionEnded,
    RoundStarted,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    TrialEnded,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from kerastune_lite._src.core.goals import objective_from_json
from kerastune_lite._src.core.trial import Outcome, Trial, TrialStatus
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.store.store import Epoch, Project, Session

_ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)


class Timed(NamedTuple):
    """An event and its time in seconds since 1970; None: just now."""

    time: float | None
    event: Event


class Follower:
    """Reads an existing project repeatedly, and returns what is new.

    The first answer begins with the start of the latest search, and has all trials that have ended
    in it. Of a trial that trains, only the latest epoch is returned.

    Attributes:
        searching: whether a process was searching at the last poll.
        session: the search that is followed; None until one has begun.
    """

    def __init__(self, folder: ProjectFolder) -> None:
        self.searching = True
        self.session: Session | None = None
        self._folder = folder
        self._known: dict[int, Trial] = {}
        self._latest: dict[int, Epoch] = {}
        self._failures: set[tuple[int, int, int]] = set()
        self._told_of_end = False
        self._rounds = 0

    def poll(self) -> list[Timed]:
        """The events since the last poll, in the order in which they happened.

        Raises:
            StoreError: the project cannot be read.
        """
        # Asked before reading, so that everything that an ended search wrote is read.
        self.searching = self._folder.being_written
        with contextlib.closing(self._folder.open(read_only=True)) as store:
            project = store.load()
            running = [t for t in project.trials if t.status is TrialStatus.RUNNING]
            epochs = {trial.number: store.epochs(trial.number) for trial in running}
        if project.session is None:
            return []
        news: list[Timed] = []
        if self.session is None or project.session.started != self.session.started:
            news.append(self._begin(project, project.session))
        self.session = project.session
        news += self._trials(project)
        for trial in running:
            news += self._trained(trial, epochs[trial.number])
        news += self._race(project)
        if self.session.reason is not None and not self._told_of_end:
            self._told_of_end = True
            message = self.session.message or ""
            objective = objective_from_json(project.settings["objective"])
            found = confirmation(project.trials, project.space, project.rounds, objective)
            ending = SearchEnded(self.session.reason, message, self.session.ended or 0.0, found)
            news.append(Timed(self.session.ended, ending))
        return news

    def _race(self, project: Project) -> list[Timed]:
        """The round of the race after the search, when candidates were trained since the last."""
        if len(project.rounds) == self._rounds:
            return []
        self._rounds = len(project.rounds)
        objective = objective_from_json(project.settings["objective"])
        race = race_of(project.trials, project.space, project.rounds, objective)
        standing = race.standing()
        if not standing.missing:
            return []
        number = min(standing.rounds + 1, race.most)
        left = len(standing.left)
        return [Timed(None, RoundStarted(number, race.most, left, len(race.candidates)))]

    def _begin(self, project: Project, session: Session) -> Timed:
        """The start of a search, with the trials that existed before."""
        earlier = [
            trial
            for trial in project.trials
            if trial.status in _ENDED and (trial.finished or 0.0) <= session.started
        ]
        self._known = {trial.number: trial for trial in earlier}
        self._latest.clear()
        self._failures.clear()
        self._told_of_end = False
        self._rounds = len(project.rounds)
        started = SearchStarted(
            project.name,
            objective_from_json(project.settings["objective"]),
            project.space,
            project.settings.get("max_trials"),
            tuple(earlier),
            project.settings,
            session.started,
            project.settings.get("executions_per_trial", 1),
        )
        return Timed(session.started, started)

    def _trials(self, project: Project) -> list[Timed]:
        """Starts of trials, and ends in the order in which they happened."""
        begun, ended = [], []
        for trial in project.trials:
            known = self._known.get(trial.number)
            if known is not None and known.status is trial.status:
                continue
            self._known[trial.number] = trial
            if trial.status in _ENDED:
                ended.append(Timed(trial.finished, TrialEnded(trial)))
            elif trial.status is TrialStatus.PAUSED:
                ended.append(Timed(trial.finished, TrialPaused(trial)))
            else:
                again = known is not None and known.status is TrialStatus.PAUSED
                begun.append(Timed(None, (TrialResumed if again else TrialStarted)(trial)))
        ended.sort(key=lambda timed: timed.time or 0.0)
        return ended + begun

    def _trained(self, trial: Trial, epochs: list[Epoch]) -> Iterator[Timed]:
        """Executions that failed and are tried again, and the latest epoch."""
        for execution in trial.executions:
            key = trial.number, execution.index, execution.attempt
            if execution.outcome is not Outcome.COMPLETED and key not in self._failures:
                self._failures.add(key)
                yield Timed(None, ExecutionEnded(trial.number, execution, will_retry=True))
        if not epochs or epochs[-1] == self._latest.get(trial.number):
            return
        before, latest = self._latest.get(trial.number), epochs[-1]
        self._latest[trial.number] = latest
        place = trial.number, latest.execution, latest.attempt
        if before is None or (before.execution, before.attempt) != place[1:]:
            begun = SegmentStarted(*place, latest.epoch, trial.goal, trial.started or 0.0)
            yield Timed(None, begun)
        yield Timed(None, EpochEnded(*place, latest.epoch, latest.metrics))
