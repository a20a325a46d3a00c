"""Trains one model in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.engines import Engine, Feeding, put_state
from kerastune_lite._src.keras.fast.numpy.array_program import ArrayProgram
from kerastune_lite._src.keras.fast.numpy.comparison import state_in_arrays
from kerastune_lite._src.keras.fast.structure import Structure


class ArrayEngine(Engine):
    """Trains a model with the program of its structure.

    Args:
        model: the trial's own.
        program: of its structure.
        structure: the model's.
        feeding: its data.
        closely: whether callbacks may look at, and change, all of the model and its optimizer.
    """

    def __init__(
        self,
        model: Any,
        program: ArrayProgram,
        structure: Structure,
        feeding: Feeding,
        closely: bool,
    ) -> None:
        self._model = model
        self._program = program
        self._structure = structure
        self._feeding = feeding
        self._closely = closely
        if closely and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        self._first = state_in_arrays(model, program.slots)
        self._values = program.packed([self._first])
        self._scalars: Any = None

    def train(
        self, epoch: int, halt: bool, batches: int | None = None
    ) -> tuple[dict[str, Any], int]:
        if self._scalars is None:
            # As late as `fit` reads the scalars: callbacks may have changed them by now.
            self._scalars = np.array([self._structure.scalars], np.float64).reshape(1, -1)
        order = self._feeding.order(epoch)
        self._values, (logs,), steps = self._program.epoch(
            self._values, self._feeding.source, self._scalars, [order], batches, halt
        )
        return logs, steps

    def measure(self) -> dict[str, Any]:
        source, samples = self._feeding.validation_source, self._feeding.validation
        if source is None or samples is None:
            return {}
        rows = np.arange(samples.count, dtype=np.int32)
        (logs,) = self._program.measure(self._values, source, self._scalars, [rows])
        return logs

    def show(self) -> None:
        built = bool(self._model.optimizer.built)
        put_state(self._model, self._program.unpacked(self._values, 0, whole=built))

    def restore(self) -> None:
        put_state(self._model, self._first)

    def take(self) -> None:
        if self._closely:
            self._values = self._program.packed([state_in_arrays(self._model, self._program.slots)])
            return
        begins = sum(slot.own is not None for slot in self._program.slots)
        own = [v.numpy() for v in list(self._model.optimizer.variables)[:begins]]
        self._values = self._program.with_own(self._values, [own])
