"""Whether a program trains a model as the model would train itself: tried on two batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.program import Logs, Program
from kerastune_lite._src.keras.fast.program_cache import Undecided
from kerastune_lite._src.keras.fast.samples import Pool, Samples
from kerastune_lite._src.keras.fast.state import State, Variables
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


def difference(program: Program[Any], member: Member, steps: int | None = None) -> str | None:
    """What a program does otherwise than the model itself, in words; None if nothing.

    The model comes out as it went in.

    Args:
        member: a training of the program's structure.
        steps: how many steps of the inputs to take; None: all. The model is one that computes the
            same for each length.

    Raises:
        Undecided: there is nothing to be compared.
    """
    with np.errstate(all="ignore"):  # a training may diverge at once
        if steps is None:
            return _difference(program, member, _first_batches)
        with internals.any_shape(member.model):
            return _difference(program, member, lambda samples: _first_batches(samples, steps))


def _difference(
    program: Program[Any], member: Member, batches: Callable[[Samples], Pool]
) -> str | None:
    model, pool = member.model, batches(member.training)
    variables = Variables(model)
    scalars = np.array([member.structure.scalars], np.float64).reshape(1, -1)
    before = variables.state(program.slots)
    values, (logs,), _ = program.epoch(program.packed([before]), pool, scalars, [_rows(pool)])
    measured: Logs = {}
    own_measured: Logs = {}
    try:
        own_logs = _own_epoch(model, model.train_step, pool)
        own = variables.state(program.slots)
        if member.validation is not None:
            held_out = batches(member.validation)
            own_measured = _own_epoch(model, model.test_step, held_out)
            own_values, rows = program.packed([own]), [_rows(held_out)]
            _, (measured,) = program.measure(own_values, held_out, scalars, rows)
    finally:
        variables.put(before)
        model.reset_metrics()
    if not any(np.isfinite(each["loss"]) for each in (logs, own_logs)):
        raise Undecided
    for name, one, other in (*_pairs("", logs, own_logs), *_pairs("val_", measured, own_measured)):
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        if not np.allclose(one, other, _RELATIVE, _ABSOLUTE, equal_nan=True):
            return f"{name}: {_shown(one)} instead of {_shown(other)}"
    return _in_state(variables, before, program.unpacked(values, 0, whole=True), own)


@one_thread()
def _in_state(variables: Variables, before: State, state: State, own: State) -> str | None:
    """Where two states differ that began alike, in words."""
    trainable = zip(variables.trainable, before.trainable, state.trainable, own.trainable)
    rows = list(trainable)
    # Biases before a normalization are moved by rounding alone; where they are wrong, so is more.
    compared = [row for row in rows if len(row[0].shape) > 1] or rows
    optimizer = variables.optimizer.variables
    slots = zip(optimizer, before.optimizer, state.optimizer, own.optimizer)
    compared += [row for row in slots if len(row[0].shape) != 1]
    others = zip(variables.others, before.others, state.others, own.others)
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


def _first_batches(samples: Samples, steps: int | None = None) -> Pool:
    """A few samples in two batches, or in one if there is only one of them."""
    size = max(1, min(_BATCH, samples.count // 2))
    few = samples.first(min(2 * size, samples.count))
    if steps is not None:
        x, *others = few.tensors
        # From all over the sequences, the last one among them: they may begin or end with padding.
        length = x.shape[1]
        stride = max(1, length // steps)
        spread = x[:, (length - 1) % stride :: stride][:, -steps:]
        few = dataclasses.replace(few, tensors=(spread, *others))
    return Pool([few], size)


def _rows(pool: Pool) -> np.ndarray:
    return np.arange(pool.samples.count, dtype=np.int32)


def _own_epoch(model: Any, step: Callable[[Any], Any], pool: Pool) -> Logs:
    model.reset_metrics()
    for begin in range(0, pool.samples.count, pool.batch_size):
        rows = slice(begin, begin + pool.batch_size)
        step(keras.tree.map_structure(lambda leaf: leaf[rows], pool.samples.tensors))  # noqa: B023
    logs: Logs = model.get_metrics_result()
    return logs


def _pairs(prefix: str, logs: Mapping[str, Any], own: Mapping[str, Any]) -> list[Any]:
    if list(logs) != list(own):
        return [(f"metrics {list(logs)} instead of {list(own)}", 0, 1)]
    return [(f"{prefix}{name}", logs[name], own[name]) for name in own]


def _shown(value: np.ndarray) -> str:
    return f"{value.item():.6g}" if value.size == 1 else f"an array {value.shape}"
