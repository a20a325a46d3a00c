"""Opening projects, and their status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.core.best_trials import why_none
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.goals import Goals
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.search.open_project import OpenedProject, open_project
from kerastune_lite._src.store.project_folder import DATABASE
from kerastune_lite._src.util.errors import StoreError

SEARCHING = "searching"
CUT_OFF = "cut off"

_WORDS = {StopReason.INTERRUPTED: "interrupted", StopReason.FAILED: "failed"}
"""The status of a project whose search did not end normally."""


def open_with_trials(directory: str) -> OpenedProject:
    """Open a project.

    Raises:
        CommandError: no trial was recorded.
    """
    project = open_project(directory)
    if not project.trials:
        raise CommandError(f"No trial was recorded in {project.project_dir} yet.")
    return project


def best_trials(project: OpenedProject, count: int) -> Sequence[Trial]:
    """The best trials.

    Raises:
        CommandError: no trial has a score.
    """
    best = project.get_best_trials(count)
    if not best:
        why = why_none(project.trials)
        raise CommandError(f"There is no result in {project.project_dir} yet. {why}")
    return best


def nothing_searched(project: OpenedProject) -> CommandError:
    """The error for a project without a search."""
    return CommandError(f"No search was recorded in {project.project_dir} yet.")


def status_of(project: OpenedProject) -> tuple[str, str]:
    """The status of a project, and why its latest search ended ("" if it did not).

    The status is "searching", "ended", "interrupted" (Ctrl-C), "failed" (an error stopped it),
    "cut off" (its process died), or "new" (nothing was searched yet).
    """
    searching = project.being_searched
    if not searching and (project.session is None or project.session.ended is None):
        project.refresh()  # It may have ended after the project was read.
    session = project.session
    if searching:
        return SEARCHING, ""
    if session is None:
        return "new", ""
    if session.reason is None:
        return CUT_OFF, "its process died; the same script resumes it"
    return _WORDS.get(session.reason, "ended"), session.message or ""


def counts_of(project: OpenedProject) -> dict[str, int]:
    """How many trials have each status, without those that no trial has."""
    counts = Counter(trial.status for trial in project.trials)
    return {status.value: counts[status] for status in TrialStatus if counts[status]}


def last_change(project: OpenedProject) -> float | None:
    """When something was recorded last, in seconds since 1970; None before the first search."""
    times = [time for trial in project.trials for time in (trial.started, trial.finished)]
    if project.session is not None:
        times += [project.session.started, project.session.ended]
    if project.being_searched:
        # Epochs have no times, but they are written to this file.
        log = Path(project.project_dir) / f"{DATABASE}-wal"
        times.append(log.stat().st_mtime if log.exists() else None)
    return max((time for time in times if time is not None), default=None)


def objective_names(project: OpenedProject) -> list[str]:
    """The objectives; empty before the first search."""
    try:
        objective = project.objective
    except StoreError:
        return []
    if isinstance(objective, Goals):
        return [part.name for part in objective.parts]
    return [objective.name]
