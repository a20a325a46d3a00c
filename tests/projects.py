"""Projects on disk, made of streams of events, without training anything."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from pathlib import Path

from kerastune_lite._src.core.events import Event, SearchStarted, SpaceGrown
from kerastune_lite._src.store.project_folder import ProjectFolder


def recorded(directory: Path, events: Iterable[Event], name: str = "digits") -> Path:
    """The folder of a project in which these events have happened, added to what it holds."""
    folder = ProjectFolder(directory, name)
    folder.root.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(folder.open()) as store:
        for event in events:
            if isinstance(event, SearchStarted):
                settings = {
                    "objective": event.objective.to_json(),
                    "max_trials": event.max_trials,
                    "executions_per_trial": event.executions_per_trial,
                    "versions": {"keras": "3.12.0"},
                }
                event = dataclasses.replace(event, settings=settings)
                store.record([SpaceGrown(tuple(event.space), None)])
            store.record([event])
    return folder.root
