"""A parsed script or notebook, and what its names mean."""

from __future__ import annotations

import ast
import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property

from kerastune_lite._src.compat_kerastuner.migrating.magics import as_python
from kerastune_lite._src.compat_kerastuner.migrating.names import (
    MODULES,
    ORACLES,
    TUNERS,
    below_root,
)
from kerastune_lite._src.compat_kerastuner.migrating.pieces import Piece


@dataclasses.dataclass(frozen=True, order=True)
class Place:
    """A line: `cell` is 0 in a script."""

    cell: int
    line: int


@dataclasses.dataclass(frozen=True)
class Parsed:
    """A piece and its tree.

    Args:
        piece: a script or a cell.
        tree: of its Python.
        commands: the lines that IPython runs, from 1.
    """

    piece: Piece
    tree: ast.Module
    commands: Sequence[int]

    def place(self, node: ast.AST) -> Place:
        """Where a node starts."""
        return Place(self.piece.cell, getattr(node, "lineno", 1))

    def command_lines(self) -> Iterator[tuple[Place, int, str]]:
        """The lines that IPython runs: place, index of the first character, text."""
        starts = [*self.piece.line_starts, len(self.piece.text)]
        for line in self.commands:
            start = starts[line - 1]
            yield Place(self.piece.cell, line), start, self.piece.text[start : starts[line]]


def parsed(piece: Piece) -> Parsed:
    """Parse a piece; scripts that were notebooks may have IPython's commands, too.

    Raises:
        SyntaxError: it is no Python; the error has the line.
    """
    try:
        return Parsed(piece, _tree(piece.text), ())
    except SyntaxError:
        text, commands = as_python(piece.text)
        try:
            return Parsed(piece, _tree(text), commands)
        except SyntaxError:
            if not piece.text.lstrip().startswith("%%"):
                raise
            # The magic is of a package, and may be for any language.
            return Parsed(piece, ast.Module([], []), range(1, len(piece.line_starts) + 1))


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # Of invalid escapes in strings, for example: they are not what was asked.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply", ("", 1, 0, "")) from error


@dataclasses.dataclass(frozen=True)
class Script:
    """All pieces of a file together: cells use the names of earlier ones."""

    parts: Sequence[Parsed]

    @cached_property
    def nodes(self) -> list[tuple[Place, ast.AST]]:
        """All nodes with their places."""
        return [(part.place(node), node) for part in self.parts for node in ast.walk(part.tree)]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {child: node for _, node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def names(self) -> dict[str, str]:
        """What imports bind: the full dotted name by the script's own."""
        bound: dict[str, str] = {}
        for _, node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    root = alias.name.partition(".")[0]
                    bound[alias.asname or root] = alias.name if alias.asname else root
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                every = MODULES.get(below_root(node.module) or "", ())
                for alias in node.names:
                    for name in every if alias.name == "*" else (alias.name,):
                        bound[alias.asname or name] = f"{node.module}.{name}"
        return bound

    def full_name(self, node: ast.AST) -> str | None:
        """The dotted name of an expression that starts with an imported name."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.full_name(node.value)
            return base and f"{base}.{node.attr}"
        return None

    @cached_property
    def classes(self) -> dict[str, str]:
        """KerasTuner's class, by the script's own classes that are derived from it."""
        found: dict[str, str] = {}
        for _, node in self.nodes:
            if isinstance(node, ast.ClassDef):
                kinds = [kind for base in node.bases if (kind := self._kind(base, found))]
                if kinds:
                    found[node.name] = kinds[0]
        return found

    def class_of(self, node: ast.AST) -> str | None:
        """KerasTuner's class that an expression names, or a class derived from one."""
        return self._kind(node, self.classes)

    def _kind(self, node: ast.AST, own: dict[str, str]) -> str | None:
        if isinstance(node, ast.Name) and node.id in own:
            return own[node.id]
        below = below_root(self.full_name(node) or "") or ""
        module, _, name = below.rpartition(".")
        oracle = f"{name}Oracle"
        return (oracle if module == "oracles" and oracle in ORACLES else name) or None

    def constructed(self, node: ast.AST) -> str | None:
        """The class of KerasTuner of which an expression makes an object."""
        return self.class_of(node.func) if isinstance(node, ast.Call) else None

    @cached_property
    def _tuners(self) -> dict[str, list[tuple[Place, str]]]:
        """Where a class of tuners is assigned to a variable, and which."""
        found: dict[str, list[tuple[Place, str]]] = {}
        for place, node in self.nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                kind = self.constructed(node.value)
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets if kind in TUNERS else []:
                    found.setdefault(ast.unparse(target), []).append((place, str(kind)))
        return found

    def tuner(self, node: ast.AST, place: Place) -> str | None:
        """The class of the tuner that an expression is at `place`: as it was last assigned."""
        if isinstance(node, ast.Call):
            kind = self.constructed(node)
            return kind if kind in TUNERS else None
        found = sorted(self._tuners.get(ast.unparse(node), ()))
        before = [kind for where, kind in found if where < place]
        return before[-1] if before else next((kind for _, kind in found), None)


def argument(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """An argument of a call, given by its name or its position."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is None or len(call.args) <= position:
        return None
    return None if any(isinstance(a, ast.Starred) for a in call.args) else call.args[position]


_POSITION_OF_OBJECTIVE = {
    # Of the positional argument; other classes take it by its name only.
    **dict.fromkeys(("BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch"), 1),
    **dict.fromkeys(ORACLES, 0),
}


def objective_of(call: ast.Call, made: str) -> ast.expr | None:
    """The objective of a tuner or an oracle.

    Args:
        made: KerasTuner's class of which the call makes an object.
    """
    return argument(call, "objective", _POSITION_OF_OBJECTIVE.get(made))
