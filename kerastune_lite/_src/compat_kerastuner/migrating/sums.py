"""Lists of objectives, which KerasTuner adds up, become sums."""

from __future__ import annotations

import ast

from kerastune_lite._src.compat_kerastuner.migrating.names import NEW_ROOT, below_root
from kerastune_lite._src.compat_kerastuner.migrating.pieces import Edit
from kerastune_lite._src.compat_kerastuner.migrating.script import (
    Parsed,
    Place,
    Script,
    objective_of,
)


def sums(part: Parsed, script: Script) -> tuple[list[Edit], list[tuple[Place, str]]]:
    """What changes in a piece.

    Args:
        script: to which it belongs.

    Returns:
        The changes; and the lists that stay as they are, each with what to do.
    """
    found: list[Edit] = []
    left: list[tuple[Place, str]] = []
    for node in ast.walk(part.tree):
        made = script.constructed(node)
        given = objective_of(node, made) if isinstance(node, ast.Call) and made else None
        if not isinstance(given, (ast.List, ast.Tuple)) or len(given.elts) < 2:
            continue
        package = _package(script)
        if package is None:
            left.append(
                (
                    part.place(given),
                    "Several objectives are not added up here, as in KerasTuner, but compared "
                    f"without weights. For the sum write {NEW_ROOT}.objectives.Sum([...]).",
                )
            )
            continue
        start = part.piece.index(given.lineno, given.col_offset)
        end = part.piece.index(given.end_lineno or given.lineno, given.end_col_offset or 0)
        found += [Edit(start, start, f"{package}.objectives.Sum("), Edit(end, end, ")")]
    return found, left


def _package(script: Script) -> str | None:
    """The script's own name of the package."""
    return next((name for name, full in script.names.items() if below_root(full) == ""), None)
