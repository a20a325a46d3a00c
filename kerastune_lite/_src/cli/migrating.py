"""`kerastune migrate`: scripts and notebooks for KerasTuner with their imports changed."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from kerastune_lite._src.compat_kerastuner.migrating.pieces import NotReadable
from kerastune_lite._src.compat_kerastuner.migrating.reading import (
    SUFFIXES,
    Migration,
    in_words,
    migration,
)

_SEED = "The same seed= proposes other points here than in KerasTuner."
_SKIPPED = ("__pycache__", "node_modules", "site-packages")


def run_migrate(options: argparse.Namespace) -> int:
    """Show, or with `options.write` do, what a change from KerasTuner needs.

    Returns:
        1 if a file could not be read or written, or is no Python; the others are done.
    """
    files, complaints = _files(options.paths)
    read = changed = 0
    for path in files:
        try:
            found = migration(path)
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
        if not options.quiet:
            _show(found)
    if read and not options.quiet:
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
    blocks = [[*found.diff()]]
    if found.notes or found.has_seed:
        notes = [f"{in_words(places)}: {sentence}" for sentence, places in found.notes.items()]
        seed = [_SEED] if found.has_seed else []
        blocks.append([f"{found.file.path}: what is different here", *map(_indented, notes + seed)])
    for block in filter(None, blocks):
        print("\n".join(block), end="\n\n")


def _indented(text: str) -> str:
    return textwrap.fill(
        text,
        90,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(read: int, changed: int, written: bool) -> str:
    if not changed:
        return f"Nothing to change in {_count(read)}."
    if written:
        return f"Changed {_count(changed)} of {read}."
    return f"Nothing was written. Add --write to change {_count(changed)} of {read}."


def _count(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
