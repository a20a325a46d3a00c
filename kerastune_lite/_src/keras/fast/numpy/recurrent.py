"""Recurrent layers: their steps forwards and back through time, in one direction or in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.numpy.activations import activation_of, name_of
from kerastune_lite._src.keras.fast.numpy.cells import Cell, Drop, Given, Step, drops_of
from kerastune_lite._src.keras.fast.numpy.gates import cell_of
from kerastune_lite._src.keras.fast.numpy.layers import places_of_input
from kerastune_lite._src.keras.fast.numpy.nodes import (
    Masks,
    Node,
    Parts,
    Steps,
    Written,
    frozen_alike,
)
from kerastune_lite._src.keras.fast.numpy.tape import Tape
from kerastune_lite._src.keras.fast.numpy.values import Bound
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray

_TOGETHER = 10
"""Steps whose gradients are computed together, as far as they do not depend on one another."""


class Recurrent(Node):
    """`keras.layers.LSTM`, `GRU`, `SimpleRNN`, and `Bidirectional` of them.

    Both directions are computed side by side, as those of members are.

    Args:
        cells: of each direction.
        drops: of each direction, what is dropped of what its cell is given.
        backwards: of each direction, whether it reads the last step first.
        sequences: whether the outputs of all steps are put out, in the order of the steps where
            there are two directions, else in that in which they are read.
        merge: how those of two directions become one: "concat", "sum", "ave" or "mul".
        zeroed: whether a step that is skipped puts out zeros; else what the step before did.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        drops: Sequence[Sequence[Drop]],
        backwards: Sequence[bool],
        sequences: bool,
        merge: str | None,
        zeroed: bool,
    ) -> None:
        self._cells, self._cell, self._drops, self._backwards = cells, cells[0], drops, backwards
        self._sequences, self._merge, self._zeroed = sequences, merge, zeroed
        self.trained = cells[0].trained
        self.steps = Steps.KEPT if sequences else Steps.ENDED

    @property
    def kind(self) -> tuple[Any, ...]:
        drops = tuple((drop.recurrent, drop.gate) for drop in self._drops[0])
        own = (drops, tuple(self._backwards), self._sequences, self._merge, self._zeroed)
        return (*super().kind, self._cell.kind, *own)

    # ------------------------------------------------------------------ forwards

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        x = xs[0]
        steps, tape = x.shape[2], self._tape(values, x, self._skipped(xs))
        slots, each = len(tape.states), tape.each()
        if slots > steps:
            self._read(tape, x, slice(0, steps), slice(0, steps))
        for step in range(steps):
            now = step % slots
            if slots <= steps:
                self._read(tape, x, slice(step, step + 1), slice(now, now + 1))
            arrays = each[now]
            tape.product(now, arrays.gates)
            self._cell.forward(tape.matrices, arrays)
            h = arrays.after
            if tape.skipped is not None:
                h = self._skip(arrays, tape.skipped[step])
            if self._sequences or step == steps - 1:
                self._put_out(tape.outputs, h, step, steps)
        return self._merged(tape.outputs), (tape, x.shape)

    def _skipped(self, xs: Sequence[Array]) -> Array | None:
        if len(xs) == 1:
            return None
        skipped = ~xs[1].transpose(2, 0, 1)[:, :, None]
        both = [skipped[::-1] if backwards else skipped for backwards in self._backwards]
        return np.concatenate(both, 1)

    def _skip(self, step: Step, skipped: Array) -> Array:
        """Have those that skip a step remember what they did before it; what it puts out."""
        remembered = [(step.before, step.after), *zip(step.kept_before, step.kept)]
        for before, after in remembered:
            np.copyto(after, before, where=skipped)
        return np.where(skipped, 0, step.after) if self._zeroed else step.after

    def _tape(self, values: Bound, x: Array, skipped: Array | None) -> Tape:
        """Arrays for all steps, or for two at a time where there will be no gradient."""
        members, batch, steps, features = x.shape
        units = self._cell.units(values)
        each = [cell.matrices(values) for cell in self._cells]
        matrices = [np.concatenate(of) if len(of) > 1 else of[0] for of in zip(*each)]
        rows, width = matrices[0].shape[1:]
        slots = steps + 1 if values.training else 2

        def made(size: int) -> Array:
            return np.empty((slots, len(matrices[0]), size, batch), np.float32)

        states, kept = made(width), [made(units) for _ in range(self._cell.keeps)]
        states[0, :, :units] = 0
        states[:, :, units + features :] = 1
        for array in kept:
            array[0] = 0
        shape = (batch, steps, units) if self._sequences else (batch, units)
        outputs = np.empty((len(self._cells), members, *shape), np.float32)
        masks = self._masks(values, x)
        return Tape(matrices, states, made(rows), kept, outputs, masks, skipped)

    def _masks(self, values: Bound, x: Array) -> Array | None:
        if not (values.training and self._drops[0]):
            return None
        pairs = zip(self._cells, self._drops)
        return np.concatenate([cell.masks(drops, values, x.shape) for cell, drops in pairs])

    def _read(self, tape: Tape, x: Array, steps: slice, slots: slice) -> None:
        """Put the inputs of some steps into the states."""
        units, (members, _, _, features) = tape.outputs.shape[-1], x.shape
        inputs = tape.states[slots, :, units : units + features]
        for direction, backwards in enumerate(self._backwards):
            source = x[:, :, ::-1] if backwards else x
            of_direction = source[:, :, steps].transpose(2, 0, 3, 1)
            inputs[:, direction * members :][:, :members] = of_direction

    def _put_out(self, outputs: Array, h: Array, step: int, steps: int) -> None:
        for direction, place in enumerate(self._places(step, steps)):
            members = outputs.shape[1]
            of_step = outputs[direction][:, :, place] if self._sequences else outputs[direction]
            of_step[...] = h[direction * members :][:members].swapaxes(1, 2)

    def _places(self, step: int, steps: int) -> list[int]:
        """Of each direction: where in the sequence that is put out a step is."""
        both = len(self._cells) > 1
        return [steps - 1 - step if both and each else step for each in self._backwards]

    def _merged(self, outputs: Array) -> Array:
        if self._merge is None:
            alone: Array = outputs[0]
            return alone
        if self._merge == "concat":
            return np.concatenate(list(outputs), -1)
        if self._merge == "mul":
            return np.multiply(*outputs)
        total = np.add(*outputs)
        if self._merge == "ave":
            total /= 2
        return total

    # ------------------------------------------------------------------ back

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        tape, shape = kept
        members, _, steps, _ = shape
        by_outputs = self._by_direction(dy, tape.outputs)
        totals = [np.zeros_like(each) for each in tape.matrices]
        dx = np.zeros(shape, np.float32) if wanted else None
        carried = np.zeros_like(tape.states[0, :, : tape.outputs.shape[-1]]), None
        for end in range(steps, 0, -_TOGETHER):
            some = range(max(0, end - _TOGETHER), end)
            by_gates = np.empty_like(tape.gates[: len(some)])
            carried = self._back_through(tape, totals, by_outputs, some, by_gates, carried)
            # One product for several steps: faster than many small ones.
            if self.trained:
                totals[0] += tape.by_matrix(by_gates, slice(some.start, some.stop))
            if dx is not None:
                self._add_by_inputs(dx, tape, by_gates, some)
        if self.trained:
            for direction, cell in enumerate(self._cells):
                here = slice(direction * members, (direction + 1) * members)
                cell.write(values, [total[here] for total in totals])
        return () if dx is None else (dx,)

    def _back_through(
        self,
        tape: Tape,
        totals: Sequence[Array],
        by_outputs: Sequence[Array],
        some: range,
        by_gates: Array,
        carried: tuple[Array, Any],
    ) -> tuple[Array, Any]:
        """Go back through some steps, and write the gradients by their W s.

        Args:
            carried: the gradients by h and by what else is kept of the last of them, as the step
                after it handed them back.

        Returns:
            Those of the step before the first.
        """
        dh, ahead = carried
        first, steps, units = some.start, len(tape.states) - 1, dh.shape[1]
        factors = self._cell.factors(tape.several(some))
        for step in reversed(some):
            skipped = None if tape.skipped is None else tape.skipped[step]
            if self._sequences or step == steps - 1:
                self._add_by_outputs(dh, by_outputs, step, steps, skipped)
            past = _past(dh, skipped), _past(ahead, skipped)
            out, of_step = by_gates[step - first], [each[step - first] for each in factors]
            back = self._cell.backward(Given(tape.matrices, totals, out, dh, ahead, of_step))
            if step == 0:
                break
            dh, ahead = tape.by_state(out, slice(0, units)), back.kept
            if back.before is not None:
                dh += back.before
            for gradient, around in zip((dh, ahead), past):
                if around is not None:
                    gradient += around
        return dh, ahead

    def _by_direction(self, dy: Array, outputs: Array) -> Sequence[Array]:
        """The gradients by the outputs of each direction."""
        if self._merge == "concat":
            return np.split(dy, 2, -1)
        if self._merge == "mul":
            return dy * outputs[1], dy * outputs[0]
        if self._merge == "ave":
            dy /= 2
        return [dy] * len(self._cells)

    def _add_by_outputs(
        self, dh: Array, dy: Sequence[Array], step: int, steps: int, skipped: Array | None
    ) -> None:
        for direction, place in enumerate(self._places(step, steps)):
            of_step = dy[direction]
            if self._sequences:
                of_step = of_step[:, :, place]
            of_step = of_step.swapaxes(1, 2)
            here = slice(direction * len(of_step), (direction + 1) * len(of_step))
            if self._zeroed and skipped is not None:
                of_step = np.where(skipped[here], 0, of_step)
            dh[here] += of_step

    def _add_by_inputs(self, dx: Array, tape: Tape, by_gates: Array, some: range) -> None:
        (members, _, _, features), units = dx.shape, tape.outputs.shape[-1]
        by_inputs = tape.by_state(by_gates, slice(units, units + features))
        for direction, backwards in enumerate(self._backwards):
            of_direction = by_inputs[:, direction * members :][:, :members]
            in_order = dx[:, :, ::-1] if backwards else dx
            in_order[:, :, some.start : some.stop] += of_direction.transpose(1, 3, 0, 2)


def _past(gradient: Array | None, skipped: Array | None) -> Array | None:
    """Take out the part of a gradient that goes past a step that is skipped; that part."""
    if gradient is None or skipped is None:
        return None
    past = np.where(skipped, gradient, 0)
    gradient -= past
    return past


# ---------------------------------------------------------------------- layers


def _is_written(layer: Any) -> bool:
    """Whether a layer of one direction is configured as what is written out."""
    cell = layer.cell
    functions = [cell.activation, getattr(cell, "recurrent_activation", None)]
    weights = (cell.kernel, cell.recurrent_kernel, cell.bias)
    return (
        not (layer.return_state or layer.stateful)
        and cell.dropout < 1
        and cell.recurrent_dropout < 1
        # What is reset before it is multiplied would be dropped from, too.
        and (cell.recurrent_dropout == 0 or getattr(cell, "reset_after", True))
        and layer.activity_regularizer is None
        # The gradients are computed from what functions return, for each unit of its own.
        and all(name_of(each) not in (None, "softmax") for each in functions)
        and all(activation_of(each).in_place for each in functions)
        and frozen_alike(layer, *weights)
    )


def _has_one_input(layer: Any) -> bool:
    """Whether it is called with sequences alone, and the mask that goes with them."""
    first, *others = keras.tree.flatten(layer.input)
    return all(each is internals.mask_of(first) for each in others)


def _both_are_written(layer: Any) -> bool:
    one, other = layer.forward_layer, layer.backward_layer
    return (
        _has_one_input(layer)
        and layer.merge_mode is not None
        and type(one) is type(other)
        and type(one).__name__ in ("GRU", "LSTM", "SimpleRNN")
        and _is_written(one)
        and _is_written(other)
        and not one.go_backwards
        and other.go_backwards
        and _computes(one) == _computes(other)
    )


def _computes(layer: Any) -> list[Any]:
    """What the two directions must have in common to be computed side by side."""
    names = (
        "units",
        "activation",
        "recurrent_activation",
        "use_bias",
        "reset_after",
        "dropout",
        "recurrent_dropout",
        "implementation",
    )
    own = [getattr(layer.cell, name, None) for name in names]
    return [*own, layer.return_sequences, layer.zero_output_for_mask, layer.trainable]


def _one_direction(layer: Any, parts: Parts) -> Node:
    cells = [cell_of(layer.cell, parts.find)]
    drops = [drops_of(layer.cell, parts.masked)]
    sequences, zeroed = layer.return_sequences, layer.zero_output_for_mask
    return Recurrent(cells, drops, [layer.go_backwards], sequences, None, zeroed)


def _both_directions(layer: Any, parts: Parts) -> Node:
    inner = (layer.forward_layer, layer.backward_layer)
    cells = [cell_of(each.cell, parts.find) for each in inner]
    drops = [drops_of(each.cell, parts.masked) for each in inner]
    sequences, zeroed = inner[0].return_sequences, inner[0].zero_output_for_mask
    return Recurrent(cells, drops, [False, True], sequences, layer.merge_mode, zeroed)


_ONE_DIRECTION = Written(
    lambda layer: _has_one_input(layer) and _is_written(layer),
    _one_direction,
    places_of_input,
    Masks.READ,
)

LAYERS: Mapping[str, Written] = {
    "Bidirectional": Written(_both_are_written, _both_directions, places_of_input, Masks.READ),
    **dict.fromkeys(("GRU", "LSTM", "SimpleRNN"), _ONE_DIRECTION),
}
"""The kinds of recurrent layers that are written out."""
