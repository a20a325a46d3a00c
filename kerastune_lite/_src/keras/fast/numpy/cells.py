"""The cells of recurrent layers: what one step computes, and its gradients.

Arrays of a step are `(M, rows, batch)`: M layers side by side, and the samples last, so that each
gate is a block of its own in memory. What the gates are given is one product of all of them,

    W s,   s = (h, x, 1),   W = (recurrent kernel, kernel, bias) transposed

where h is what the step before put out, x are the inputs, and the 1 is for the bias. A cell says
which blocks of Keras's matrices they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kerastune_lite._src.keras.fast.numpy.activations import Activation, activation_of
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place

Array = np.ndarray


class Step(NamedTuple):
    """The arrays of one step, each a view.

    Attributes:
        gates: W s, `(M, blocks * units, batch)`, which becomes what the gates let through.
        before, after: h, `(M, units, batch)`.
        kept_before, kept: what the cell keeps of both steps besides, `(M, units, batch)` each.
    """

    gates: Array
    before: Array
    after: Array
    kept_before: Sequence[Array]
    kept: Sequence[Array]


class Given(NamedTuple):
    """What the gradients of a step are computed from, and where they go.

    Attributes:
        matrices: of the cells, `(M, rows, columns)` each.
        totals: the gradients by them, of which those by all but W are added up here.
        by_gates: where that by W s is written.
        dh: the gradient by `after`; may be overwritten.
        ahead: that by what the cell kept of this step, as the step after it handed it back; may be
            overwritten. None: there is no step after it.
        factors: of the step, as `Cell.factors` returned them.
    """

    matrices: Sequence[Array]
    totals: Sequence[Array]
    by_gates: Array
    dh: Array
    ahead: Any
    factors: Sequence[Array]


class Back(NamedTuple):
    """The gradients that a step hands back besides those by the gates.

    Attributes:
        before: by h before it, but for what goes through W; None: nothing.
        kept: by what the cell kept of the step before; None: nothing depends on it.
    """

    before: Array | None = None
    kept: Array | None = None


class Drop(NamedTuple):
    """A mask for what a cell is given, the same in all steps of a batch.

    Attributes:
        mask: which of the model's; `recurrent`: whether it is for h, not for x.
        gate: the block of Keras's matrices that sees what is left; None: all do.
    """

    mask: int
    recurrent: bool
    gate: int | None


def drops_of(cell: Any, masked: Callable[..., int]) -> list[Drop]:
    """The masks that a cell of Keras's draws for a batch, in their order.

    Args:
        masked: as `Parts.masked`.
    """
    count = getattr(cell, "dropout_mask_count", None)
    gates = [None] if count is None else range(count)
    kinds = [name for name in ("dropout", "recurrent_dropout") if getattr(cell, name) > 0]
    drawn = [(name, gate) for name in kinds for gate in gates]
    return [
        Drop(masked(cell, name, draw, len(drawn), True), name == "recurrent_dropout", gate)
        for draw, (name, gate) in enumerate(drawn)
    ]


class Cell(ABC):
    """A kind of recurrent layer; it says which blocks of Keras's matrices those of W are.

    Args:
        cell: Keras's, built.
        find: where a Keras variable is found.
    """

    of_kernel: Sequence[int | None]
    """Of each block of W: which block of Keras's kernel it is."""
    of_recurrent: Sequence[int | None]
    """The same for the recurrent kernel."""
    keeps: ClassVar[int] = 0
    """How many arrays it keeps of a step."""

    def __init__(self, cell: Any, find: Callable[[Any], Place]) -> None:
        self._activation = activation_of(cell.activation)
        self._kernel, self._recurrent = find(cell.kernel), find(cell.recurrent_kernel)
        self._bias = None if cell.bias is None else find(cell.bias)
        self.trained = self._kernel.trained

    @property
    def kind(self) -> tuple[Any, ...]:
        """What it computes: equal kinds, same code."""
        return (type(self).__name__, self._activation.name, self.has_bias, self.trained)

    @property
    def has_bias(self) -> bool:
        """Whether s ends with a 1."""
        return self._bias is not None

    def units(self, values: Bound) -> int:
        return int(values.value(self._recurrent).shape[1])

    def masks(self, drops: Sequence[Drop], values: Bound, shape: tuple[int, ...]) -> Array:
        """What s is multiplied with before the product, `(G, blocks or 1, width, batch)`.

        Args:
            shape: of the layer's input, `(G, batch, steps, features)`.
        """
        members, batch, _, features = shape
        units = self.units(values)
        blocks = 1 if all(drop.gate is None for drop in drops) else len(self.of_kernel)
        width = units + features + self.has_bias
        masks = np.ones((members, blocks, width, batch), np.float32)
        for drop in drops:
            size, begin = (units, 0) if drop.recurrent else (features, units)
            mask = values.mask(drop.mask, (members, batch, size)).swapaxes(1, 2)
            of = self.of_recurrent if drop.recurrent else self.of_kernel
            for place, gate in enumerate(of[:blocks]):
                if drop.gate is None or gate == drop.gate:
                    masks[:, place, begin : begin + size] = mask
        return masks

    # ------------------------------------------------------------------ matrices

    def matrices(self, values: Bound) -> list[Array]:
        """W, and other matrices that the cell multiplies with, `(G, rows, columns)` each."""
        kernel, units = values.value(self._kernel), self.units(values)
        width = units + kernel.shape[1] + self.has_bias
        matrix = np.zeros((len(kernel), len(self.of_kernel) * units, width), np.float32)
        for ours, its in self._pairs(matrix, values.value):
            ours += its
        return [matrix]

    def write(self, values: Bound, gradients: Sequence[Array]) -> None:
        """Write the gradients by the weights.

        Args:
            gradients: by `matrices`.
        """
        for ours, its in self._pairs(gradients[0], values.gradient):
            its[...] = ours

    def _pairs(self, matrix: Array, of: Callable[[Place], Array]) -> Iterator[tuple[Array, Array]]:
        """The parts of W and of Keras's matrices that belong together, `(G, units, columns)`."""
        recurrent, kernel = of(self._recurrent), of(self._kernel)
        units = recurrent.shape[1]
        places = [(recurrent, self.of_recurrent, 0), (kernel, self.of_kernel, units)]
        if self._bias is not None:
            bias = of(self._bias)
            last = matrix.shape[2] - 1
            places.append((bias[:, :1], self.of_kernel, last))
            if bias.shape[1] == 2:
                places.append((bias[:, 1:], self.of_recurrent, last))
        for variable, blocks, begin in places:
            columns = slice(begin, begin + variable.shape[1])
            for row, block in enumerate(blocks):
                if block is not None:
                    its = variable[:, :, block * units : (block + 1) * units]
                    yield matrix[:, row * units : (row + 1) * units, columns], its.swapaxes(1, 2)

    # ------------------------------------------------------------------ steps

    @abstractmethod
    def forward(self, matrices: Sequence[Array], step: Step) -> None:
        """Write `after`, and what is kept; not into what was before."""

    @abstractmethod
    def factors(self, steps: Step) -> list[Array]:
        """What gradients are multiplied with on their way back, of several steps at once.

        Args:
            steps: arrays with an axis for the steps in front.

        Returns:
            Arrays that have this axis, too.
        """

    @abstractmethod
    def backward(self, given: Given) -> Back:
        """The gradients of a step."""


class SimpleCell(Cell):
    """`keras.layers.SimpleRNNCell`."""

    of_kernel = of_recurrent = (0,)

    def forward(self, matrices: Sequence[Array], step: Step) -> None:
        apply(self._activation, step.gates)
        step.after[...] = step.gates

    def factors(self, steps: Step) -> list[Array]:
        slopes = np.ones_like(steps.gates)
        apply_back(self._activation, slopes, steps.gates)
        return [slopes]

    def backward(self, given: Given) -> Back:
        np.multiply(given.dh, given.factors[0], out=given.by_gates)
        return Back()


def apply(function: Activation, x: Array) -> None:
    """Replace x by what a function makes of it."""
    y = function.forward(x)
    if y is not x:
        x[...] = y


def apply_back(function: Activation, dy: Array, y: Array) -> None:
    """Replace the gradient by y by that by what the function was given."""
    dx = function.backward(dy, y, y)
    if dx is not dy:
        dy[...] = dx
