"""The NumPy programs of this process, each compared with Keras's own training when it is made."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

from kerastune_lite._src.keras.compat import probes
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.numpy.arithmetic import arithmetic, convolves, turns
from kerastune_lite._src.keras.fast.numpy.array_program import ArrayProgram
from kerastune_lite._src.keras.fast.numpy.compiled import compiled_of
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.program_cache import PROGRAMS, Known
from kerastune_lite._src.keras.fast.self_check import difference
from kerastune_lite._src.keras.fast.structure import Place, Structure
from kerastune_lite._src.util.threads import in_turn

logger = logging.getLogger(__name__)

_ARITHMETIC = 1 << 25
"""Products of a batch with weights, from where on TensorFlow's threads gain more than its
operations' starts cost."""
_OF_RECURRENT = 1 << 29
"""The same for networks with recurrent layers: TensorFlow traces each size anew, for one second or
two, and starts all operations once more for each step of the sequences."""
_OF_CONVOLUTIONS = 1 << 22
"""The same for networks with convolutions, which are not products of matrices at once: windows have
to be laid side by side. TensorFlow's one trace for all sizes is worth it sooner."""
_BESIDE_GPU = 1 << 22
"""The same where there is a GPU, which does the arithmetic in next to no time but starts operations
no sooner: NumPy's takes half a millisecond by then, and to start those of a step about one."""

_STEPS = 5
"""Of sequences that comparisons go through where the code does not depend on their length: Keras
takes milliseconds for each."""


@in_turn
def program_in_arrays(member: Member) -> ArrayProgram:
    """The program that trains a model in NumPy.

    Raises:
        NotInArrays: there is none.
        NotShared: the model has no structure.
    """
    import tensorflow as tf

    missing = probes.missing_for_arrays()
    if missing:
        raise NotInArrays(missing)
    key = "\n".join(("arrays", member.structure.key, *member.types))
    limit = _ARITHMETIC
    if turns(member.graph):
        limit = _OF_RECURRENT
    elif convolves(member.graph):
        limit = _OF_CONVOLUTIONS
    if tf.config.list_physical_devices("GPU"):
        limit = _BESIDE_GPU
    if arithmetic(member.graph, member.batch_size) > limit:
        raise NotInArrays("a large network")
    known = PROGRAMS.get(key)
    if known is None:
        known = _made(member)
        PROGRAMS.put(key, known)
    if known.program is not None:
        try:
            _prove(known, member)
        except Exception as error:
            # With these data (a class that the model does not know); the next one may be trained.
            raise NotInArrays(f"the self-check raised {type(error).__name__}") from error
    if known.program is None:
        raise NotInArrays(known.banned or "it cannot be written out")
    program: ArrayProgram = known.program
    return program


def _made(member: Member) -> Known:
    try:
        program = ArrayProgram(member.graph, member.structure, member.samples, compiled_of(member))
    except NotInArrays as reason:
        return Known(None, banned=str(reason))
    except Exception as error:
        # Keras raises what it likes where a model is not as the checks know it.
        logger.debug("A program in NumPy cannot be made.", exc_info=error)
        return Known(None, banned=f"preparing raised {type(error).__name__}")
    return Known(program, member.structure.scalars)


def _prove(known: Known, member: Member) -> None:
    """Compare a program with a model's own training, unless comparisons have shown it right.

    They have where all that it is made of was compared before, with it or with another program.
    """
    program, structure = known.program, member.structure
    about = "\n".join((structure.measured, *member.types))
    facts = {f"{about}\n{fact}" for fact in (*program.facts, *_numbered(structure.places))}
    unproven = PROGRAMS.unproven(facts)

    def compare() -> str | None:
        with _other_scalars(structure, known.traced_with):
            return _difference(program, member)

    if not unproven:
        known.trusted = True
    elif known.compare(compare):
        PROGRAMS.prove(unproven)
    elif known.program is None:
        PROGRAMS.disprove(facts)


def _numbered(places: Sequence[Place]) -> list[str]:
    """Each scalar by its kind and its position among those of that kind."""
    kinds = [f"{type(place.owner).__name__}.{place.attribute}" for place in places]
    return [f"{kind} {kinds[:i].count(kind)}" for i, kind in enumerate(kinds)]


@contextlib.contextmanager
def _other_scalars(structure: Structure, used: Sequence[float]) -> Iterator[None]:
    """Within it, the model's scalars have values that the program was not made with.

    So one that the program took from the model that it was made with shows at once.

    Args:
        structure: of the model.
        used: the values that the program was made with.
    """
    before = [(place, getattr(place.owner, place.attribute)) for place in structure.places]
    try:
        for place, other in zip(structure.places, used):
            # Smaller, so that a rate stays one, but not by much, so that it still has an effect.
            value = next(v for v in (0.875 * place.value, 0.75 * place.value) if v != other)
            object.__setattr__(place.owner, place.attribute, value)
        yield
    finally:
        for place, value in before:
            object.__setattr__(place.owner, place.attribute, value)


def _difference(program: ArrayProgram, member: Member) -> str | None:
    # The layers are built, and metrics make their variables in the first step; a symbolic build of
    # all would take a quarter of the comparison's time.
    if not member.model.optimizer.built:
        member.model.optimizer.build(member.model.trainable_variables)
    return difference(program, member, _STEPS if program.takes_any_length else None)
