"""The Python in a file, with the place of each character, so that all else stays as it is."""

from __future__ import annotations

import dataclasses
import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from kerastune_lite._src.compat_kerastuner.migrating.notebooks import Span, cells


class NotReadable(Exception):
    """A file, or a part of it, is not what its name says; the message names the place."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """Characters of a piece from `start` to `end`, and what replaces them."""

    start: int
    end: int
    new: str


@dataclasses.dataclass(frozen=True)
class Piece:
    """A script, or a cell of a notebook.

    Args:
        cell: the number of the cell, from 1; 0 for a script.
        text: the code.
        spans: for each character where it starts and ends in the file's text.
    """

    cell: int
    text: str
    spans: Sequence[Span]

    @cached_property
    def line_starts(self) -> list[int]:
        """Where the lines start; as Python's parser counts them."""
        return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]

    def index(self, line: int, column: int) -> int:
        """The index of a character.

        Args:
            line: from 1.
            column: from 0, in bytes of UTF-8, as `ast` counts.
        """
        start = self.line_starts[line - 1]
        if column == 0:
            return start
        # A character is at least one byte, so this is enough of the line.
        encoded = self.text[start : start + column].encode()
        return start + len(encoded[:column].decode())

    def line_of(self, index: int) -> int:
        """The line of a character, from 1."""
        return sum(start <= index for start in self.line_starts)

    def edited(self, edits: Iterable[Edit]) -> str:
        """The piece with the changes."""
        return _with_changes(self.text, ((edit.start, edit.end, edit.new) for edit in edits))

    def in_file(self, edits: Iterable[Edit]) -> Iterable[tuple[int, int, str]]:
        """The changes of the file's text: from, to, new text.

        The new text is ASCII without quotes and backslashes, so it is the same in JSON. A cell's
        lines are strings of their own: each character is removed by itself.
        """
        for edit in edits:
            at = self.spans[edit.start][0]
            yield at, at, edit.new
            yield from ((start, end, "") for start, end in self.spans[edit.start : edit.end])


@dataclasses.dataclass(frozen=True)
class File:
    """A file as text.

    Args:
        path: the file.
        text: all of it, line ends as they are.
        encoding: from bytes to text and back.
        pieces: the Python in it.
    """

    path: Path
    text: str
    encoding: str
    pieces: Sequence[Piece]

    @property
    def is_notebook(self) -> bool:
        """Whether its pieces are cells."""
        return self.path.suffix == ".ipynb"

    def changed(self, edits: Iterable[tuple[Piece, Sequence[Edit]]]) -> bytes:
        """The file's new content."""
        changes = [change for piece, each in edits for change in piece.in_file(each)]
        return _with_changes(self.text, changes).encode(self.encoding)


def read(path: Path) -> File:
    """Read a script or a notebook.

    Raises:
        NotReadable: its text or JSON is damaged.
        OSError: it cannot be read.
    """
    raw = path.read_bytes()
    notebook = path.suffix == ".ipynb"
    try:
        encoding = (
            "utf-8-sig" if notebook else tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
        )
        text = raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise NotReadable(f"{path} is no text: {error}") from error
    if notebook and not raw.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8"
    if text.encode(encoding) != raw:
        raise NotReadable(f"{path} would not keep its bytes in {encoding}; store it as UTF-8.")
    if not notebook:
        spans = [(index, index + 1) for index in range(len(text) + 1)]
        return File(path, text, encoding, [Piece(0, text, spans)])
    try:
        found = cells(text)
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"{path} is no notebook: {error}") from error
    return File(path, text, encoding, [Piece(number, *cell) for number, cell in found.items()])


def _with_changes(text: str, changes: Iterable[tuple[int, int, str]]) -> str:
    parts, done = [], 0
    for start, end, new in sorted(changes, key=lambda change: change[:2]):
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])
