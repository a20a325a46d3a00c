"""What is replaced: imports of KerasTuner, and the lines of notebooks that install it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerastune_lite._src.compat_kerastuner.migrating.names import (
    MODULES,
    NEW_ROOT,
    advice,
    below_root,
    public_home,
)
from kerastune_lite._src.compat_kerastuner.migrating.pieces import Edit, Piece
from kerastune_lite._src.compat_kerastuner.migrating.script import Parsed, Place

_FROM = re.compile(r"from(?:\s|\\[\r\n]+)*")
_DOTTED = re.compile(r"\w+(?:[ \t]*\.[ \t]*\w+)*")
_PIP = re.compile(r"\bpip3?\s+install\b")
_REQUIREMENT = re.compile(
    r"git\+https?://github\.com/keras-team/keras-tuner[^\s'\"]*"
    r"|(?<![\w./@-])keras[-_]?tuner(?![\w./-])"
    r"(?:\[[\w\s,-]*\])?"  # [extras]
    r"(?:\s*(?:[=~!]=|[<>]=?)\s*\d[\w.*]*(?:\s*,\s*(?:[=~!]=|[<>]=?)\s*\d[\w.*]*)*)?",  # versions
    re.IGNORECASE,
)


def edits(part: Parsed) -> tuple[list[Edit], list[tuple[Place, str]]]:
    """What changes in a piece.

    Returns:
        The changes; and the imports that stay as they are, each with what to do.
    """
    found: list[Edit] = []
    left: list[tuple[Place, str]] = []
    for node in ast.walk(part.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _edit_import(part, alias, found, left)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            _edit_from(part, node, found, left)
    found += _installs(part)
    return found, left


def _edit_import(
    part: Parsed, alias: ast.alias, found: list[Edit], left: list[tuple[Place, str]]
) -> None:
    """`import keras_tuner.a.b [as c]`; what the statement binds stays bound."""
    below = below_root(alias.name)
    if below is None:
        return
    if below not in MODULES:
        left.append((part.place(alias), _no_counterpart(alias.name, below)))
        return
    root = alias.name.partition(".")[0]
    start = part.piece.index(alias.lineno, alias.col_offset)
    if alias.asname:
        found.append(Edit(start, start + len(root), NEW_ROOT))
    elif not below:
        found.append(Edit(start, start + len(root), f"{NEW_ROOT} as {root}"))
    else:
        end = part.piece.index(alias.end_lineno or alias.lineno, alias.end_col_offset or 0)
        found.append(Edit(start, start + len(root), NEW_ROOT))
        found.append(Edit(end, end, f", {NEW_ROOT} as {root}"))


def _edit_from(
    part: Parsed, node: ast.ImportFrom, found: list[Edit], left: list[tuple[Place, str]]
) -> None:
    """`from keras_tuner.a import B`."""
    below = below_root(node.module or "")
    if below is None:
        return
    names = [alias.name for alias in node.names]
    home = public_home(below, names)
    if home is None:
        missing = [name for name in names if public_home(below, [name]) is None] or names
        for name in missing:
            full = f"{node.module}.{name}".removesuffix(".*")
            rest = below if name == "*" else f"{below}.{name}".lstrip(".")
            left.append((part.place(node), _no_counterpart(full, rest)))
        return
    span = _module_span(part.piece, node)
    if span is None:
        left.append((part.place(node), "Write this import on one line; it is not changed."))
    elif home == below:
        found.append(Edit(span[0], span[0] + len((node.module or "").partition(".")[0]), NEW_ROOT))
    else:
        found.append(Edit(*span, ".".join(filter(None, (NEW_ROOT, home)))))


def _module_span(piece: Piece, node: ast.ImportFrom) -> tuple[int, int] | None:
    """Where the module of a `from` import stands; None if over several lines."""
    start = piece.index(node.lineno, node.col_offset)
    keyword = _FROM.match(piece.text, start)
    dotted = keyword and _DOTTED.match(piece.text, keyword.end())
    if not dotted or "".join(dotted.group().split()) != node.module:
        return None
    return dotted.span()


def _installs(part: Parsed) -> Iterator[Edit]:
    """`!pip install keras-tuner`: the requirement, without its version, which is KerasTuner's."""
    installs = False
    for _, start, line in part.command_lines():
        command = _PIP.search(line)
        installs = installs or command is not None
        if installs:
            after = command.end() if command else 0
            for match in _REQUIREMENT.finditer(line, after):
                yield Edit(start + match.start(), start + match.end(), NEW_ROOT)
        installs = installs and line.rstrip("\r\n").endswith("\\")


def _no_counterpart(name: str, below: str) -> str:
    return f"{name} has no counterpart here; the import is not changed. {advice(below)}"
