"""Whether a shared program trains a model as the model would train itself: tried on two batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.engines import Feeding, feed_of, put_state, state_of
from kerastune_lite._src.keras.fast.program_cache import Undecided
from kerastune_lite._src.keras.fast.samples import Samples
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.tf.traced_model import State
from kerastune_lite._src.keras.fast.tf.traced_program import Program
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.threads import one_thread

keras = load_keras()

_BATCH = 8
"""Two batches of this size: what is remembered from step to step (momentum, Adam's moments) shows
in the second. Of one size, because Keras weighs them by it where it knows it beforehand."""

_RELATIVE, _ABSOLUTE = 1e-4, 1e-6
"""Of metrics."""
_OF_UPDATE = 3e-3
"""Of the norm of what two steps change in a weight: where a gradient is zero but for rounding,
Adam makes full steps of the noise."""


Train = Callable[[State, Any, int, int], "tuple[State, Mapping[str, Any]]"]
"""(state, data, rows, batch size) -> the state after an epoch, and its logs."""
Measure = Callable[[State, Any, int, int], "Mapping[str, Any]"]
"""The same for a measurement: its logs."""


def difference(program: Program, model: Any, structure: Structure, feeding: Feeding) -> str | None:
    """What a shared program does otherwise than the model itself, in words; None if nothing.

    The model comes out as it went in.
    """

    def train(state: State, data: Any, rows: int, size: int) -> tuple[State, Mapping[str, Any]]:
        feed = feed_of(data, rows, size, structure.scalars)
        state, logs, _ = program.epoch(state, feed, np.arange(rows, dtype=np.int32), False)
        return state, logs

    def measure(state: State, data: Any, rows: int, size: int) -> Mapping[str, Any]:
        feed = feed_of(data, rows, size, structure.scalars)
        return program.measurement(model, structure, data)(state, feed)[0]

    return compared(program, model, feeding, train, measure)


def compared(
    program: Any, model: Any, feeding: Feeding, train: Train, measure: Measure
) -> str | None:
    """What `train` and `measure` do otherwise than the model itself, in words; None if nothing.

    The model comes out as it went in.

    Args:
        program: knows the optimizer's slots.

    Raises:
        Undecided: there is nothing to be compared.
    """
    with np.errstate(all="ignore"):  # a training may diverge at once
        return _compared(program, model, feeding, train, measure)


def _compared(
    program: Any, model: Any, feeding: Feeding, train: Train, measure: Measure
) -> str | None:
    data, rows, size = _first_rows(feeding.training)
    before = state_of(model, program)
    state, logs = train(before, data, rows, size)
    measured: Mapping[str, Any] = {}
    own_measured: Mapping[str, Any] = {}
    try:
        own_logs = _own_epoch(model, model.train_step, data, rows, size)
        own_state = state_of(model, program)
        if feeding.validation is not None:
            data, rows, size = _first_rows(feeding.validation)
            own_measured = _own_epoch(model, model.test_step, data, rows, size)
            measured = measure(own_state, data, rows, size)
    finally:
        put_state(model, before)
        model.reset_metrics()
    if not any(np.isfinite(each["loss"]) for each in (logs, own_logs)):
        raise Undecided
    for name, one, other in (*_pairs("", logs, own_logs), *_pairs("val_", measured, own_measured)):
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        if not np.allclose(one, other, _RELATIVE, _ABSOLUTE, equal_nan=True):
            return f"{name}: {_shown(one)} instead of {_shown(other)}"
    return _in_state(model, before, state, own_state)


@one_thread()
def _in_state(model: Any, before: State, state: State, own: State) -> str | None:
    """Where two states differ that began alike, in words."""
    trainable = list(model.trainable_variables)
    rows = list(zip(trainable, before.trainable, state.trainable, own.trainable))
    # Biases before a normalization are moved by rounding alone; where they are wrong, so is more.
    compared = [row for row in rows if len(row[0].shape) > 1] or rows
    optimizer = zip(model.optimizer.variables, before.optimizer, state.optimizer, own.optimizer)
    compared += [row for row in optimizer if len(row[0].shape) != 1]
    others = zip(model.non_trainable_variables, before.others, state.others, own.others)
    # Means follow those biases; variances do not, and are kept by the same code.
    compared += [row for row in others if not row[0].path.endswith("moving_mean")]
    for variable, first, ours, theirs in compared:
        begin = np.asarray(first, np.float64)
        one, other = np.asarray(ours) - begin, np.asarray(theirs) - begin
        distance, size = float(np.linalg.norm(one - other)), float(np.linalg.norm(other))
        rounding = 1e-6 * float(np.linalg.norm(begin)) + 1e-12
        if np.isfinite(size) and not distance <= _OF_UPDATE * size + rounding:
            return f"{variable.path}: its change is off by {distance / max(size, 1e-30):.1%}"
    return None


def _first_rows(samples: Samples) -> tuple[Any, int, int]:
    """A few samples, how many, and the size of a batch of them."""
    size = max(1, min(_BATCH, samples.count // 2))
    rows = min(2 * size, samples.count)
    return keras.tree.map_structure(lambda leaf: leaf[:rows], samples.tensors), rows, size


def _own_epoch(model: Any, step: Any, data: Any, rows: int, size: int) -> dict[str, Any]:
    model.reset_metrics()
    for begin in range(0, rows, size):
        step(keras.tree.map_structure(lambda leaf: leaf[begin : begin + size], data))  # noqa: B023
    logs: dict[str, Any] = model.get_metrics_result()
    return logs


def _pairs(prefix: str, logs: Mapping[str, Any], own: Mapping[str, Any]) -> list[Any]:
    if list(logs) != list(own):
        return [(f"metrics {list(logs)} instead of {list(own)}", 0, 1)]
    return [(f"{prefix}{name}", logs[name], own[name]) for name in own]


def _shown(value: np.ndarray) -> str:
    return f"{value.item():.6g}" if value.size == 1 else f"an array {value.shape}"
