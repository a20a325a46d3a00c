"""`kerastune watch`: the live line of a search in another process."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial

from kerastune_lite._src.cli.following import Follower, Timed
from kerastune_lite._src.cli.projects import nothing_searched
from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.search.open_project import open_project
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.views.console import (
    REDRAWS_AT_ONCE,
    REDRAWS_PER_SECOND,
    LineView,
    live_lines,
    summary,
)
from kerastune_lite._src.views.live_lines import LiveLines
from kerastune_lite._src.views.progress import Pace, Progress
from kerastune_lite._src.views.tables import print_table
from kerastune_lite._src.views.where import is_live_terminal

PAUSE = 0.5
"""Seconds between two polls; more if a poll takes long."""


def run_watch(options: argparse.Namespace) -> None:
    """Follow a search to its end.

    Raises:
        CommandError: its process died, or it is one of KerasTuner's.
    """
    project = open_project(options.directory)
    folder = ProjectFolder.at(project.project_dir)
    if not folder.exists:
        raise CommandError(
            f"KerasTuner's files in {folder.root} do not say whether a search is running, so it "
            "cannot be followed. `kerastune show` prints what they have."
        )
    follower = Follower(folder)
    view = _view(options.quiet)
    try:
        while True:
            began = time.monotonic()
            view.tell(follower.poll())
            if not follower.searching:
                break
            time.sleep(max(PAUSE, 4 * (time.monotonic() - began)))
    except BaseException:
        view.leave()
        raise
    if follower.session is None:
        view.leave()
        raise nothing_searched(project)
    view.end()
    if follower.session.reason is None:
        raise CommandError(
            f"The process that searched {project.project_dir} died. Run its script again: the "
            "search resumes."
        )


def _view(quiet: bool) -> _Nothing | _Lines | _LiveLines:
    if quiet:
        return _Nothing()
    return _LiveLines() if is_live_terminal(sys.stdout) else _Lines()


class _Clock:
    """The time of the event that a view is receiving; otherwise the current time."""

    def __init__(self) -> None:
        self.then: float | None = None

    def __call__(self) -> float:
        return time.time() if self.then is None else self.then


class _Nothing:
    """Shows nothing."""

    def tell(self, news: list[Timed]) -> None:
        """There is nothing to show."""

    def leave(self) -> None:
        """There is nothing to release."""

    end = leave


class _Lines:
    """A line per trial."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._view = LineView(clock=self._clock)

    def tell(self, news: list[Timed]) -> None:
        _tell(self._view, self._clock, news)

    def leave(self) -> None:
        """There is nothing to release."""

    end = leave


class _LiveLines:
    """Lines that are updated in place, and a summary at the end."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._progress = Progress(self._clock)
        pace = Pace(REDRAWS_PER_SECOND, REDRAWS_AT_ONCE)
        self._lines = LiveLines(sys.stdout, partial(live_lines, self._progress), pace)
        self._begun = False

    def tell(self, news: list[Timed]) -> None:
        _tell(self._progress, self._clock, news)
        if news and not self._begun:
            self._begun = True
            self._lines.start()
        elif self._begun:
            self._lines.refresh()

    def leave(self) -> None:
        """Release the terminal; the lines stay visible."""
        if self._begun:
            self._lines.keep()
        self._lines.close()

    def end(self) -> None:
        """Show how the search ended."""
        self._lines.close()
        print_table(summary(self._progress))


def _tell(view: LineView | Progress, clock: _Clock, news: list[Timed]) -> None:
    for moment, event in news:
        clock.then = moment
        view.on_event(event)
    clock.then = None
