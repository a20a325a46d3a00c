"""The shared programs of this process: traced for the first model of a structure, used by all."""

from __future__ import annotations

from typing import Any

from kerastune_lite.threads import in_turn
from kerastune_lite.training.paths import internals
from kerastune_lite.training.paths.engines import Feeding, first_row
from kerastune_lite.training.paths.program import Program
from kerastune_lite.training.paths.programs import PROGRAMS, Known, traced
from kerastune_lite.training.paths.self_check import difference
from kerastune_lite.training.paths.structure import NotShared, Structure, structure_of


@in_turn
def shared_program(model: Any, structure: Structure, feeding: Feeding) -> tuple[Structure, Program]:
    """The program for this model, traced now if there is none yet, and the structure it is of.

    Args:
        structure: with open sizes, where there can be.

    Raises:
        NotShared: there is none for this model.
    """
    known = _known(model, structure, feeding)
    if known.program is None and structure.sized:
        structure = structure_of(model, sized=False)
        known = _known(model, structure, feeding)
    if known.program is None:
        raise NotShared(known.banned or "it cannot be traced")
    return structure, known.program


def _known(model: Any, structure: Structure, feeding: Feeding) -> Known:
    """What is known of the shared program for this model; it is traced if there is none yet."""
    validation = feeding.validation
    types = feeding.training.types, "" if validation is None else validation.types
    key = "\n".join((structure.key, str(structure.sized), *types))
    known = PROGRAMS.get(key)
    if known is None:
        known = traced(lambda: _trace(model, structure, feeding), structure.scalars)
        PROGRAMS.put(key, known)
    else:
        program = known.program
        known.check(structure.scalars, lambda: difference(program, model, structure, feeding))
    return known


def _trace(model: Any, structure: Structure, feeding: Feeding) -> Program:
    data = feeding.training.tensors
    internals.build_all(model, first_row(data))
    program = Program(model, structure, data)
    if feeding.validation is not None:
        program.measurement(model, structure, feeding.validation.tensors)
    return program
