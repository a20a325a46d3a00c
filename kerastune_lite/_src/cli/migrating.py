"""`kerastune migrate`: scripts and notebooks for KerasTuner with their imports changed."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from kerastune_lite._src.compat_kerastuner.migrating.differences import Overrides
from kerastune_lite._src.compat_kerastuner.migrating.pieces import NotReadable
from kerastune_lite._src.compat_kerastuner.migrating.reading import (
    SUFFIXES,
    Migration,
    migration,
    place_text,
)
from kerastune_lite._src.compat_kerastuner.migrating.script import Place
from kerastune_lite._src.tuner import overrides

_SEED = "The same seed= proposes other points here than in KerasTuner."
_SKIPPED = ("__pycache__", "node_modules", "site-packages")
_SHOWN = 3
"""How many lines of the same difference are named, if there are more than one more."""


def run_migrate(options: argparse.Namespace) -> int:
    """Show, or with `options.write` do, what a change from KerasTuner needs.

    Returns:
        1 if a file could not be read or written, or is no Python; the others are done.
    """
    known = Overrides(overrides.REPLACED, overrides.NEVER_CALLED, overrides.SET_AT_CONSTRUCTION)
    files, complaints = _files(options.paths)
    read = changed = 0
    for path in files:
        try:
            found = migration(path, known)
            if found.edits and options.write:
                found.write()
        except (NotReadable, OSError) as error:
            if options.debug:
                raise
            reason = getattr(error, "strerror", None)
            complaints.append(f"{path}: {reason}" if reason else str(error))
            continue
        read += 1
        changed += bool(found.edits)
        complaints += found.damaged
        _show(found)
    if read:
        print(_summary(read, changed, options.write))
    for complaint in complaints:
        print(f"kerastune migrate: {complaint}", file=sys.stderr)
    return int(bool(complaints))


def _files(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The scripts and notebooks, each once; and what is wrong with the other paths."""
    found: dict[Path, Path] = {}
    complaints = []
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(_below(path))
            found |= {each.resolve(): each for each in below if each.resolve() not in found}
            if not below:
                complaints.append(f"There is no .py or .ipynb file in {path}.")
        elif not path.exists():
            complaints.append(f"There is no file {path}.")
        elif path.suffix not in SUFFIXES:
            complaints.append(f"{path} is neither a script (.py) nor a notebook (.ipynb).")
        else:
            found.setdefault(path.resolve(), path)
    return list(found.values()), complaints


def _below(folder: Path) -> Iterator[Path]:
    """The files below a folder, without hidden folders and installed packages."""
    for root, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name[0] != "."
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(root, name, "pyvenv.cfg"))
        ]
        yield from (Path(root, name) for name in names if name.endswith(SUFFIXES))


def _show(found: Migration) -> None:
    for line in found.diff():
        print(line)
    if found.notes or found.has_seed:
        print(f"\n{found.file.path}: what is different here")
        for sentence, places in found.notes.items():
            print(_indented(f"{_places(places)}: {sentence}"))
        if found.has_seed:
            print(_indented(_SEED))
    if found.edits or found.notes:
        print()


def _indented(text: str) -> str:
    # As wide as a line of the source; a name or a path is never broken.
    return textwrap.fill(
        text,
        100,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _places(places: Sequence[Place]) -> str:
    words = [place_text(place) for place in places]
    if not places[0].cell and len(places) > 1:
        words = [f"lines {places[0].line}", *(str(place.line) for place in places[1:])]
    if len(words) > _SHOWN + 1:
        words[_SHOWN:] = [f"{len(words) - _SHOWN} more"]
    *others, last = words
    between = "; " if places[0].cell else ", "
    return f"{between.join(others)} and {last}" if others else last


def _summary(read: int, changed: int, written: bool) -> str:
    if not changed:
        return f"Nothing to change in {_count(read)}."
    if written:
        return f"Changed {_count(changed)} of {read}."
    return f"Nothing was written. Add --write to change {_count(changed)} of {read}."


def _count(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
