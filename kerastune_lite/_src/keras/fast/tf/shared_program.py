"""The shared programs of this process: traced for the first model of a structure, used by all."""

from __future__ import annotations

import re

from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.program_cache import PROGRAMS, Known, traced
from kerastune_lite._src.keras.fast.self_check import difference
from kerastune_lite._src.keras.fast.structure import NotShared, Structure
from kerastune_lite._src.keras.fast.tf.traced_program import TracedProgram
from kerastune_lite._src.util.threads import in_turn


@in_turn
def shared_program(member: Member) -> TracedProgram:
    """The program for a training, traced now if there is none yet.

    Raises:
        NotShared: there is none for this model.
    """
    known = _known(member, member.structure)
    if known.program is None and member.structure.sized:
        known = _known(member, member.literal_structure)
    if known.program is None:
        raise NotShared(known.banned or "it cannot be traced")
    program: TracedProgram = known.program
    return program


def _known(member: Member, structure: Structure) -> Known:
    """What is known of the shared program for a structure; it is traced if there is none yet."""
    key = "\n".join((structure.key, str(structure.sized), *member.types))
    known = PROGRAMS.get(key)
    if known is not None:
        program = known.program
        known.check(structure.scalars, lambda: difference(program, member))
        return known
    known = traced(lambda: _trace(member, structure), structure.scalars)
    PROGRAMS.put(key, known)
    _check_trace(known, key, member)
    return known


def _check_trace(known: Known, key: str, member: Member) -> None:
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
    elif known.compare(lambda: difference(program, member)):
        PROGRAMS.prove([form])


_NUMBER = re.compile(r"(?<![\w#])-?\d+(\.\d+)?(e-?\d+)?")


def _trace(member: Member, structure: Structure) -> TracedProgram:
    build_all(member.model, member.training.first_row)
    return TracedProgram(member.graph, structure, member.training, member.validation)
