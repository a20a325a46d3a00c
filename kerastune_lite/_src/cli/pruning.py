"""`kerastune prune`: files that are no longer needed are deleted, after they were told of."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.search.confirming import settled
from kerastune_lite._src.search.open_project import open_project
from kerastune_lite._src.store.leftovers import leftovers, size_of
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.util.formatting import bytes_text, counted, one_line
from kerastune_lite._src.views.tables import plain_table, print_table


def run_prune(options: argparse.Namespace) -> int:
    """Delete what neither the results of a project nor its search needs any more.

    Returns:
        1 if a file could not be deleted; the others are deleted.

    Raises:
        CommandError: the project is of KerasTuner, or is searched.
    """
    project = open_project(options.directory)
    folder = ProjectFolder.at(project.project_dir)
    if not folder.exists:
        raise CommandError(f"{folder.root} has KerasTuner's files, which are never changed.")
    if project.being_searched:
        raise CommandError(
            f"{folder.root} is being searched. Wait for the end of the search, or stop it."
        )
    found = _found(folder, options.keep)
    total = sum(map(len, found.values()))
    if not total:
        _say(options, f"There is nothing to delete in {one_line(str(folder.root), 1000)}.")
        return 0
    if not options.quiet:
        print_table(Group(_table(found), ""))
    size = bytes_text(size_of(path for paths in found.values() for path in paths))
    what = f"{counted(total, 'file')} ({size})"
    if not options.yes and not _agreed(what):
        return 0
    failures = _delete(folder, found, options.keep)
    for failure in failures:
        print(f"kerastune prune: {failure}", file=sys.stderr)
    if not failures:
        _say(options, f"Deleted: {what}")
    return int(bool(failures))


def _found(folder: ProjectFolder, keep: int | None) -> dict[str, list[Path]]:
    project = folder.load()
    history = TrialHistory(project.trials)
    # The winner of a race needs its weights, whatever its score is.
    settled(history, project.space, project.rounds, open_project(folder.root).objective)
    return leftovers(folder, history, keep)


def _table(found: Mapping[str, Sequence[Path]]) -> RenderableType:
    rows = [
        (kind, str(len(paths)), bytes_text(size_of(paths)))
        for kind, paths in found.items()
        if paths
    ]
    table = plain_table(("to be deleted", "files", "size"), rows)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _agreed(what: str) -> bool:
    """Whether the user wants it; without a terminal that needs the option."""
    if not sys.stdin.isatty():
        print(f"Nothing was deleted. Add --yes to delete {what}.")
        return False
    try:
        answer = input(f"Delete {what}? [y/N] ")
    except EOFError:
        answer = ""
        print()
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("Nothing was deleted.")
    return False


def _delete(
    folder: ProjectFolder, told: Mapping[str, Sequence[Path]], keep: int | None
) -> list[str]:
    """Delete the files that were told of, and are still not needed; returns what went wrong.

    Raises:
        ProjectInUseError: a search has begun meanwhile.
    """
    failures = []
    with folder.writing():
        for kind, paths in _found(folder, keep).items():
            for path in set(paths) & set(told[kind]):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    failures.append(f"{path} cannot be deleted: {error.strerror or error}.")
        folder.remove_empty_folders()
    return sorted(failures)


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        print(text)
