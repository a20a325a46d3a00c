"""The NumPy programs of this process, each compared with Keras's own training when it is made."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from kerastune_lite.threads import in_turn
from kerastune_lite.training.arrays.compiled import compiled_of
from kerastune_lite.training.arrays.layers import NotInArrays
from kerastune_lite.training.arrays.program import ArrayProgram
from kerastune_lite.training.paths import internals, probes
from kerastune_lite.training.paths.engines import Feeding, first_row
from kerastune_lite.training.paths.programs import PROGRAMS, Known
from kerastune_lite.training.paths.side_by_side import difference
from kerastune_lite.training.paths.structure import Structure

logger = logging.getLogger(__name__)

_ARITHMETIC = 1 << 25
"""Weights times samples of a batch, from where on TensorFlow's threads gain more than its
operations' starts cost."""


@in_turn
def program_in_arrays(model: Any, structure: Structure, feeding: Feeding) -> ArrayProgram:
    """The program that trains a model in NumPy.

    Args:
        model: built.
        structure: the model's.
        feeding: its data.

    Raises:
        NotInArrays: there is none.
    """
    import tensorflow as tf

    missing = probes.missing_for_arrays()
    if missing:
        raise NotInArrays(missing)
    if tf.config.list_physical_devices("GPU"):
        raise NotInArrays("a GPU")
    weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    if weights * feeding.batch_size > _ARITHMETIC:
        raise NotInArrays("a large network")
    key = "\n".join(("arrays", structure.key, *_types(feeding)))
    known = PROGRAMS.get(key)
    if known is None:
        known = _made(model, structure, feeding)
        PROGRAMS.put(key, known)
    if known.program is not None and not known.checked:
        try:
            _prove(known, model, structure, feeding)
        except Exception as error:
            # With these data (a class that the model does not know); the next one may be trained.
            raise NotInArrays(f"the self-check raised {type(error).__name__}") from error
    if known.program is None:
        raise NotInArrays(known.banned or "it cannot be written out")
    made: ArrayProgram = known.program
    return made


def _made(model: Any, structure: Structure, feeding: Feeding) -> Known:
    try:
        compiled = compiled_of(model, structure, feeding)
        program = ArrayProgram(model, structure, feeding.training.tensors, compiled)
    except NotInArrays as reason:
        return Known(None, banned=str(reason))
    except Exception as error:
        # Keras raises what it likes where a model is not as the checks know it.
        logger.debug("A program in NumPy cannot be made.", exc_info=error)
        return Known(None, banned=f"preparing raised {type(error).__name__}")
    return Known(program, structure.scalars)


def _prove(known: Known, model: Any, structure: Structure, feeding: Feeding) -> None:
    """Compare a program with a model's own training, unless one of equal blocks was."""
    program: ArrayProgram = known.program
    blocks = "\n".join(("blocks", program.blocks, structure.measured, *_types(feeding)))
    if PROGRAMS.get(blocks) is not None:
        known.checked = True
        return
    known.check(structure.scalars, lambda: _difference(program, model, structure, feeding))
    if known.checked and known.program is not None:
        PROGRAMS.put(blocks, known)


def _difference(
    program: ArrayProgram, model: Any, structure: Structure, feeding: Feeding
) -> str | None:
    internals.build_all(model, first_row(feeding.training.tensors))
    return difference(program, model, structure, feeding)


def _types(feeding: Feeding) -> tuple[str, str]:
    validation = feeding.validation
    return feeding.training.types, "" if validation is None else validation.types
