"""What recurrent layers keep of their steps, and the products of all gates at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kerastune_lite._src.keras.fast.numpy.cells import Step

Array = np.ndarray


class Tape(NamedTuple):
    """What the gradient needs of all steps of a batch.

    Each step is a block of its own in memory, which is sooner read than parts of a larger one.

    Attributes:
        matrices: of the cells, `(M, rows, columns)` each.
        states: (h, x, 1) before each step, `(slots, M, width, batch)`.
        gates: of each step, `(slots, M, rows, batch)`.
        kept: by the cells, `(slots, M, units, batch)` each; what a step keeps is in the slot after
            it, where its h is, too.
        outputs: of each direction, `(D, G, batch, [steps,] units)`.
        masks: what the states are multiplied with before W is, `(M, blocks or 1, width, batch)`;
            None: nothing is dropped.
        skipped: whether a step is, of each sample, in the order in which they are read,
            `(steps, M, 1, batch)`; None: none is.
    """

    matrices: list[Array]
    states: Array
    gates: Array
    kept: list[Array]
    outputs: Array
    masks: Array | None
    skipped: Array | None

    def product(self, now: int, out: Array) -> None:
        """W s."""
        if self.masks is None:
            np.matmul(self.matrices[0], self.states[now], out=out)
        else:
            parts = self.parts(self.matrices[0])
            np.matmul(parts, self.states[now, :, None] * self.masks, out=self.parts(out))

    def by_matrix(self, by_gates: Array, steps: slice) -> Array:
        """The gradient by W of some steps, from those by W s, `(steps, M, rows, batch)`."""
        states = self.states[steps]
        if self.masks is None:
            return np.matmul(_joined(by_gates), _joined(states).swapaxes(-1, -2))
        masked = _joined(states[:, :, None] * self.masks)
        total = np.matmul(_joined(self.parts(by_gates)), masked.swapaxes(-1, -2))
        return total.reshape(self.matrices[0].shape)

    def by_state(self, by_gates: Array, columns: slice) -> Array:
        """The gradient by some of the numbers of s, of one step or of several."""
        if self.masks is None:
            return np.matmul(self.matrices[0][:, :, columns].swapaxes(1, 2), by_gates)
        parts = self.parts(self.matrices[0])[..., columns].swapaxes(2, 3)
        by_masked = np.matmul(parts, self.parts(by_gates))
        by_masked *= self.masks[:, :, columns]
        total: Array = by_masked.sum(-3)
        return total

    def parts(self, of: Array) -> Array:
        """The rows of W, or what is made of them, by the masks that they see."""
        assert self.masks is not None
        return of.reshape(*of.shape[:-2], self.masks.shape[1], -1, of.shape[-1])

    def each(self) -> list[Step]:
        """Of each slot, the step that begins there and ends in the next, which may be the first."""
        h = list(self.states[:, :, : self.outputs.shape[-1]])
        kept = list(zip(*self.kept)) if self.kept else [()] * len(h)
        pairs = zip(self.gates, h, h[1:] + h[:1], kept, kept[1:] + kept[:1])
        return [Step(*arrays) for arrays in pairs]

    def several(self, steps: range) -> Step:
        """Some steps that follow one another, with an axis for them in front."""
        h = self.states[:, :, : self.outputs.shape[-1]]
        now, then = slice(steps.start, steps.stop), slice(steps.start + 1, steps.stop + 1)
        kept = [array[now] for array in self.kept], [array[then] for array in self.kept]
        return Step(self.gates[now], h[now], h[then], *kept)


def _joined(of: Array) -> Array:
    """Several steps, `(steps, ..., rows, batch)`, as one of a larger batch."""
    together = np.moveaxis(of, 0, -2)
    return together.reshape(*together.shape[:-2], -1)
