"""Whether a NumPy program trains a model as the model would train itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.engines import Feeding
from kerastune_lite._src.keras.fast.numpy.array_program import ArrayProgram
from kerastune_lite._src.keras.fast.samples import Source
from kerastune_lite._src.keras.fast.self_check import compared
from kerastune_lite._src.keras.fast.slots import Slot, first_arrays
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.tf.traced_model import State


def state_in_arrays(model: Any, slots: Sequence[Slot]) -> State:
    """The state that a model is in.

    Args:
        slots: of its optimizer.
    """
    return State(
        [v.numpy() for v in model.trainable_variables],
        [v.numpy() for v in model.non_trainable_variables],
        first_arrays(slots, model.optimizer, model.trainable_variables),
    )


def difference(
    program: ArrayProgram, model: Any, structure: Structure, feeding: Feeding
) -> str | None:
    """What a program does otherwise than the model's own training, in words; None if nothing.

    The model comes out as it went in.
    """
    scalars = np.array([structure.scalars], np.float64).reshape(1, -1)

    def values_of(state: State) -> Any:
        groups = (state.trainable, state.others, state.optimizer)
        return program.packed([State(*([np.asarray(v) for v in group] for group in groups))])

    def train(state: State, data: Any, rows: int, size: int) -> tuple[State, Mapping[str, Any]]:
        order = np.arange(rows, dtype=np.int32)
        source = Source(data, size)
        values, (logs,), _ = program.epoch(values_of(state), source, scalars, [order])
        return program.unpacked(values, 0, whole=True), logs

    def measure(state: State, data: Any, rows: int, size: int) -> Mapping[str, Any]:
        order = np.arange(rows, dtype=np.int32)
        return program.measure(values_of(state), Source(data, size), scalars, [order])[0]

    return compared(program, model, feeding, train, measure)
