"""How the projects on disk stand."""

from __future__ import annotations

from pathlib import Path

from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.open_project import OpenedProject
from kerastune_lite._src.store.project_folder import DATABASE
from kerastune_lite._src.util.errors import StoreError

SEARCHING = "searching"
CUT_OFF = "cut off"

_WORDS = {StopReason.INTERRUPTED: "interrupted", StopReason.FAILED: "failed"}
"""What a project is called whose search came to no proper end."""


def status_of(project: OpenedProject) -> tuple[str, str]:
    """How a project stands, in a word or two, and why its latest search ended ("" if it did not).

    The words: "searching", "ended", "interrupted" (Ctrl-C), "failed" (an error stopped it),
    "cut off" (its process died), "new" (nothing was searched yet).
    """
    searching = project.being_searched
    if not searching and (project.session is None or project.session.ended is None):
        project.refresh()  # It may have ended between the reading and the question.
    session = project.session
    if searching:
        return SEARCHING, ""
    if session is None:
        return "new", ""
    if session.reason is None:
        return CUT_OFF, "its process died; the same script goes on with it"
    return _WORDS.get(session.reason, "ended"), session.message or ""


def counts_of(project: OpenedProject) -> dict[str, int]:
    """How many trials there are of each status, those that there are none of left out."""
    counts = dict.fromkeys((status.value for status in TrialStatus), 0)
    for trial in project.trials:
        counts[trial.status.value] += 1
    return {status: count for status, count in counts.items() if count}


def last_change(project: OpenedProject) -> float | None:
    """When something was recorded last, in seconds since 1970; None before the first search."""
    times = [time for trial in project.trials for time in (trial.started, trial.finished)]
    if project.session is not None:
        times += [project.session.started, project.session.ended]
    if project.being_searched:
        # The epochs of a trial that trains have no times; they come into this file.
        log = Path(project.project_dir) / f"{DATABASE}-wal"
        times.append(log.stat().st_mtime if log.exists() else None)
    return max((time for time in times if time is not None), default=None)


def objective_name(project: OpenedProject) -> str | None:
    """The metric that is optimised; None before the first search."""
    try:
        return project.objective.name
    except StoreError:
        return None
