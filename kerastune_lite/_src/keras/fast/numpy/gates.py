"""The cells of recurrent layers that have gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.activations import activation_of
from kerastune_lite._src.keras.fast.numpy.cells import (
    Back,
    Cell,
    Given,
    SimpleCell,
    Step,
    apply,
    apply_back,
)
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place

Array = np.ndarray


class _Gated(Cell):
    """A cell with gates that have an activation function of their own."""

    def __init__(self, cell: Any, find: Callable[[Any], Place]) -> None:
        super().__init__(cell, find)
        self._of_gates = activation_of(cell.recurrent_activation)

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._of_gates.name)

    def _unmix(self, steps: Step, of_update: Array, of_candidate: Array) -> None:
        """The factors of h for what `_mix` was made of, where the update gate comes first."""
        units = steps.after.shape[-2]
        update, candidate = (_blocks(steps.gates, units)[place] for place in (0, 2))
        np.subtract(steps.before, candidate, out=of_update)
        apply_back(self._of_gates, of_update, update)
        np.subtract(1, update, out=of_candidate)
        apply_back(self._activation, of_candidate, candidate)


class LSTMCell(_Gated):
    """`keras.layers.LSTMCell` (Hochreiter and Schmidhuber 1997), with the candidate last.

    It keeps c and the activation of c.
    """

    of_kernel = of_recurrent = (0, 1, 3, 2)
    keeps = 2

    def forward(self, matrices: Sequence[Array], step: Step) -> None:
        units = step.after.shape[1]
        apply(self._of_gates, step.gates[:, : 3 * units])
        apply(self._activation, step.gates[:, 3 * units :])
        take, keep, give, candidate = _blocks(step.gates, units)
        c, active = step.kept
        np.multiply(keep, step.kept_before[0], out=c)
        c += take * candidate
        active[...] = c
        apply(self._activation, active)
        np.multiply(give, active, out=step.after)

    def factors(self, steps: Step) -> list[Array]:
        units, gates = steps.after.shape[-2], steps.gates
        take, keep, give, candidate = _blocks(gates, units)
        c_before, active = steps.kept_before[0], steps.kept[1]
        of_gates = np.empty_like(gates)
        for ours, other in zip(_blocks(of_gates, units), (candidate, c_before, active, take)):
            ours[...] = other
        apply_back(self._of_gates, of_gates[..., : 3 * units, :], gates[..., : 3 * units, :])
        apply_back(self._activation, of_gates[..., 3 * units :, :], candidate)
        of_c = give.copy()
        apply_back(self._activation, of_c, active)
        return [of_gates, of_gates[..., 2 * units : 3 * units, :], of_c, keep]

    def backward(self, given: Given) -> Back:
        dh, units = given.dh, given.dh.shape[1]
        of_gates, of_give, of_c, keep = given.factors
        dc = dh * of_c
        if given.ahead is not None:
            dc += given.ahead
        _multiply(of_gates, dc, given.by_gates)
        np.multiply(of_give, dh, out=given.by_gates[:, 2 * units : 3 * units])
        dc *= keep
        return Back(None, dc)


class GRUCell(_Gated):
    """`keras.layers.GRUCell` (Cho et al. 2014) with `reset_after`.

    The last two blocks of W are the candidate's: what x gives, and what h gives, which is reset
    before it is added to the former.
    """

    of_kernel = (0, 1, 2, None)
    of_recurrent = (0, 1, None, 2)

    def forward(self, matrices: Sequence[Array], step: Step) -> None:
        units = step.after.shape[1]
        apply(self._of_gates, step.gates[:, : 2 * units])
        update, reset, candidate, by_h = _blocks(step.gates, units)
        candidate += reset * by_h
        apply(self._activation, candidate)
        _mix(update, candidate, step)

    def factors(self, steps: Step) -> list[Array]:
        units = steps.after.shape[-2]
        update, reset, _, by_h = _blocks(steps.gates, units)
        factors = np.empty_like(steps.gates)
        of_update, of_reset, of_candidate, of_product = _blocks(factors, units)
        self._unmix(steps, of_update, of_candidate)
        np.multiply(of_candidate, reset, out=of_product)
        np.multiply(of_candidate, by_h, out=of_reset)
        apply_back(self._of_gates, of_reset, reset)
        return [factors, update]

    def backward(self, given: Given) -> Back:
        dh, (factors, update) = given.dh, given.factors
        _multiply(factors, dh, given.by_gates)
        dh *= update
        return Back(dh)


class ResetFirstCell(_Gated):
    """`keras.layers.GRUCell` without `reset_after`: the candidate is computed from a reset h.

    It keeps the reset h, and multiplies it with the candidate's block of the recurrent kernel.
    """

    of_kernel = (0, 1, 2)
    of_recurrent = (0, 1, None)
    keeps = 1

    def matrices(self, values: Bound) -> list[Array]:
        of_candidate = self._of_candidate(values.value(self._recurrent), self.units(values))
        return [*super().matrices(values), np.ascontiguousarray(of_candidate)]

    def write(self, values: Bound, gradients: Sequence[Array]) -> None:
        super().write(values, gradients)
        gradient = values.gradient(self._recurrent)
        self._of_candidate(gradient, self.units(values))[...] = gradients[1]

    @staticmethod
    def _of_candidate(recurrent: Array, units: int) -> Array:
        return recurrent[:, :, 2 * units :].swapaxes(1, 2)

    def forward(self, matrices: Sequence[Array], step: Step) -> None:
        units = step.after.shape[1]
        apply(self._of_gates, step.gates[:, : 2 * units])
        update, reset, candidate = _blocks(step.gates, units)
        (remembered,) = step.kept
        np.multiply(reset, step.before, out=remembered)
        candidate += np.matmul(matrices[1], remembered)
        apply(self._activation, candidate)
        _mix(update, candidate, step)

    def factors(self, steps: Step) -> list[Array]:
        units = steps.after.shape[-2]
        update, reset, _ = _blocks(steps.gates, units)
        factors = np.empty_like(steps.gates)
        of_update, of_reset, of_candidate = _blocks(factors, units)
        self._unmix(steps, of_update, of_candidate)
        of_reset[...] = steps.before
        apply_back(self._of_gates, of_reset, reset)
        return [factors, of_reset, update, reset, steps.kept[0]]

    def backward(self, given: Given) -> Back:
        dh, (factors, of_reset, update, reset, remembered) = given.dh, given.factors
        _multiply(factors, dh, given.by_gates)
        _, by_reset, by_candidate = _blocks(given.by_gates, dh.shape[1])
        if self.trained:
            given.totals[1][...] += np.matmul(by_candidate, remembered.swapaxes(1, 2))
        by_remembered = np.matmul(given.matrices[1].swapaxes(1, 2), by_candidate)
        np.multiply(by_remembered, of_reset, out=by_reset)
        dh *= update
        by_remembered *= reset
        dh += by_remembered
        return Back(dh)


def cell_of(cell: Any, find: Callable[[Any], Place]) -> Cell:
    """What is written out for a cell of Keras's."""
    kind = type(cell).__name__
    if kind == "GRUCell":
        return (GRUCell if cell.reset_after else ResetFirstCell)(cell, find)
    return {"LSTMCell": LSTMCell, "SimpleRNNCell": SimpleCell}[kind](cell, find)


def _blocks(of: Array, units: int) -> list[Array]:
    """The parts of an array of all gates."""
    return [of[..., begin : begin + units, :] for begin in range(0, of.shape[-2], units)]


def _multiply(factors: Array, gradient: Array, out: Array) -> None:
    """Multiply the factors of all gates with a gradient of one's shape."""
    members, units, batch = gradient.shape
    shape = members, -1, units, batch
    np.multiply(factors.reshape(shape), gradient[:, None], out=out.reshape(shape))


def _mix(update: Array, candidate: Array, step: Step) -> None:
    """h = u h_before + (1 - u) candidate."""
    mixed = step.before - candidate
    mixed *= update
    np.add(mixed, candidate, out=step.after)
