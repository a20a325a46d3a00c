"""The shared programs of this process: traced for the first model of a structure, used by all."""

from __future__ import annotations

import re
from typing import Any

from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.engines import Feeding, first_row
from kerastune_lite._src.keras.fast.program_cache import PROGRAMS, Known, traced
from kerastune_lite._src.keras.fast.self_check import difference
from kerastune_lite._src.keras.fast.structure import NotShared, Structure, structure_of
from kerastune_lite._src.keras.fast.tf.traced_program import Program
from kerastune_lite._src.util.threads import in_turn


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
    if known is not None:
        program = known.program
        known.check(structure.scalars, lambda: difference(program, model, structure, feeding))
        return known
    known = traced(lambda: _trace(model, structure, feeding), structure.scalars)
    PROGRAMS.put(key, known)
    _check_trace(known, key, model, structure, feeding)
    return known


def _check_trace(
    known: Known, key: str, model: Any, structure: Structure, feeding: Feeding
) -> None:
    """Compare a new program with the model that it was traced with.

    One of those that differ in nothing but numbers is enough. Numbers are read by Keras's own code
    while it is traced; and where sizes are literal, as with recurrent layers, each trial of a
    search may have a program of its own. That it serves other models, too, `Known.check` finds out.
    """
    program, form = known.program, _NUMBER.sub("#", key)
    if program is None:
        return
    if not PROGRAMS.unproven([form]):
        known.trusted = True
    elif known.compare(lambda: difference(program, model, structure, feeding)):
        PROGRAMS.prove([form])


_NUMBER = re.compile(r"(?<![\w#])-?\d+(\.\d+)?(e-?\d+)?")


def _trace(model: Any, structure: Structure, feeding: Feeding) -> Program:
    data = feeding.training.tensors
    build_all(model, first_row(data))
    program = Program(model, structure, data)
    if feeding.validation is not None:
        program.measurement(model, structure, feeding.validation.tensors)
    return program
