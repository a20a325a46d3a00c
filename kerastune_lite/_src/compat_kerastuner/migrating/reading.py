"""What `kerastune migrate` would change in a file, and what it has to say of it."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from kerastune_lite._src.compat_kerastuner.migrating.differences import differences, has_seed
from kerastune_lite._src.compat_kerastuner.migrating.imports import edits
from kerastune_lite._src.compat_kerastuner.migrating.pieces import Edit, File, Piece, read
from kerastune_lite._src.compat_kerastuner.migrating.script import Parsed, Place, Script, parsed
from kerastune_lite._src.compat_kerastuner.migrating.sums import sums
from kerastune_lite._src.util.whole_files import whole

SUFFIXES = (".py", ".ipynb")
_SHOWN = 3
"""How many lines of the same difference are named, if there are more than one more."""


@dataclasses.dataclass(frozen=True)
class Migration:
    """A file, and what becomes of it.

    Args:
        file: as it is.
        edits: what changes, by piece.
        notes: sentences with their lines, in the order of the file.
        damaged: parts that are no Python, each with its place.
        has_seed: whether a search in it has a seed.
    """

    file: File
    edits: Sequence[tuple[Piece, Sequence[Edit]]]
    notes: dict[str, list[Place]]
    damaged: Sequence[str]
    has_seed: bool

    def diff(self) -> Iterator[str]:
        """The lines that change, as a unified diff; of a notebook one for each cell."""
        for piece, changes in self.edits:
            name = f"{self.file.path}{f', cell {piece.cell}' if piece.cell else ''}"
            before = piece.text.splitlines()
            after = piece.edited(changes).splitlines()
            yield from difflib.unified_diff(before, after, name, name, n=0, lineterm="")

    def write(self) -> None:
        """Change the file.

        Raises:
            OSError: it cannot be written; it is unchanged.
        """
        content = self.file.changed(self.edits)
        path = self.file.path.resolve()  # a link stays one
        with whole(path, f".{os.getpid()}-{path.name}") as scratch:
            scratch.write_bytes(content)
            shutil.copymode(path, scratch)


def migration(path: Path) -> Migration:
    """Read a script or notebook.

    Raises:
        NotReadable: it is no text, or no notebook.
        OSError: it cannot be read.
    """
    file = read(path)
    parts: list[Parsed] = []
    damaged: list[str] = []
    for piece in file.pieces:
        try:
            parts.append(parsed(piece))
        except SyntaxError as error:
            where = f"{path}, {in_words([Place(piece.cell, error.lineno or 1)])}"
            damaged.append(f"{where} is no Python: {error.msg}")
    script = Script(parts)
    found = [
        (part.piece, [*changed, *summed], [*left, *others])
        for part in parts
        for changed, left in [edits(part)]
        for summed, others in [sums(part, script)]
    ]
    changes = [(piece, each) for piece, each, _ in found if each]
    notes: dict[str, set[Place]] = {}
    for place, sentence in (
        *(n for _, _, left in found for n in left),
        *differences(script),
    ):
        notes.setdefault(sentence, set()).add(place)
    in_order = sorted(((sorted(places), sentence) for sentence, places in notes.items()))
    by_sentence = {sentence: places for places, sentence in in_order}
    return Migration(file, changes, by_sentence, damaged, bool(changes) and has_seed(script))


def in_words(places: Sequence[Place]) -> str:
    """The lines, by cell in a notebook; of many the first few."""
    shown = places if len(places) <= _SHOWN + 1 else places[:_SHOWN]
    groups = []
    for cell, group in itertools.groupby(shown, lambda place: place.cell):
        *others, last = (str(place.line) for place in group)
        lines = f"lines {', '.join(others)} and {last}" if others else f"line {last}"
        groups.append(f"cell {cell}, {lines}" if cell else lines)
    if len(shown) < len(places):
        groups.append(f"and {len(places) - len(shown)} more")
    return "; ".join(groups)
