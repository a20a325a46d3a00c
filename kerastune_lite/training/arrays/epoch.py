"""One epoch of training, or one measurement, of members side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerastune_lite.training.arrays.losses import Loss
from kerastune_lite.training.arrays.masks import Masks
from kerastune_lite.training.arrays.measuring import Measure
from kerastune_lite.training.arrays.network import Bound, Network, Number
from kerastune_lite.training.arrays.optimizers import Rule, Update
from kerastune_lite.training.arrays.values import ArrayValues
from kerastune_lite.training.quiet import load_keras

keras = load_keras()

Array = np.ndarray

_PIECE = 1 << 22
"""Numbers that are gathered from the data, or drawn for masks, at once."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a structure computes.

    Attributes:
        network: its layers.
        loss: its loss.
        factor: by which that is multiplied.
        outputs: how many there are.
        rule: of its optimizer.
        numbers: the optimizer's scalars.
        options: its attributes that are no scalars.
    """

    network: Network
    loss: Loss
    factor: float
    outputs: int
    rule: Rule
    numbers: Mapping[str, Number]
    options: Mapping[str, Any]


class Epoch:
    """Goes through samples.

    Args:
        plan: what to compute.
        values: changed in place by training.
        data: (x,), (x, y) or (x, y, sample_weight), arrays.
        scalars: `(G, k)`, those of the structure.
        orders: `(G, n)`, each member's samples in the order in which they are gone through.
        training: or measuring.

    Raises:
        ValueError: the targets do not suit the loss.
    """

    def __init__(
        self,
        plan: Plan,
        values: ArrayValues,
        data: Any,
        scalars: Array,
        orders: Array,
        training: bool,
    ) -> None:
        self._plan, self.values, self._scalars, self._orders = plan, values, scalars, orders
        self._masks = self._masks_of(values) if training else None
        self._bound = Bound(values.weights, values.others, values.shapes, self._masks)
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        self._x, self._y = np.asarray(x), np.asarray(y)
        self._weight = None if weight is None else np.asarray(weight)
        self._targets = plan.loss.targets(self._y, plan.outputs)
        shape = (*orders.shape, plan.outputs)
        self._outputs = np.empty(shape, np.float32)
        fused = plan.network.fused
        self._given = self._outputs if fused is None else np.empty(shape, np.float32)
        self._penalties = np.zeros(len(orders))

    def _masks_of(self, values: ArrayValues) -> Masks:
        masked = self._plan.network.masked
        members = len(values.weights)
        rates = [
            np.broadcast_to(each.rate.of(self._scalars), (members, 1))[:, 0] for each in masked
        ]
        return Masks([values.others[each.seed.index] for each in masked], rates)

    # ------------------------------------------------------------------ going through

    def train(self, batch_size: int, halt: bool) -> int:
        """Train on the samples; how many there were.

        Args:
            halt: whether a loss that is not finite ends it.
        """
        plan, bound, scalars = self._plan, self._bound, self._scalars
        change = Change(plan, self.values, bound.gradients, scalars)
        for begin, end, x, y, weight in self._batches(batch_size):
            here, size = slice(begin, end), end - begin
            outputs = self._forward(x, here)
            share: Any = np.float32(plan.factor / size)
            if weight is not None:
                share = share * weight[..., None]
            if plan.network.penalties:
                penalty = plan.network.penalty(bound, scalars)
                self._penalties += penalty * size
            slope = plan.loss.gradient(self._given[:, here], outputs, y, share)
            plan.network.backward(bound, slope)
            plan.network.add_slopes_of_penalties(bound, scalars)
            change()
            if halt and not self._is_finite(here, y, weight):
                return end
        return self._orders.shape[1]

    def _is_finite(self, here: slice, y: Array, weight: Array | None) -> bool:
        losses = self._plan.loss.values(self._given[:, here], y)
        if weight is not None:
            losses = losses * weight
        return bool(np.all(np.isfinite(losses.sum(1) + self._penalties)))

    def measure(self) -> None:
        """Go through the samples without training."""
        count = self._orders.shape[1]
        for begin, end, x, *_ in self._batches(count):
            self._forward(x, slice(begin, end))
        self._penalties += self._plan.network.penalty(self._bound, self._scalars) * count

    def _forward(self, x: Array, here: slice) -> Array:
        network = self._plan.network
        outputs = network.forward(self._bound, x)
        self._outputs[:, here] = outputs
        if network.fused is not None:
            self._given[:, here] = network.fused.kept
        return outputs

    def _batches(self, size: int) -> Iterator[tuple[int, int, Array, Array, Array | None]]:
        """From and to, inputs, targets and weights of each batch; those of several at once."""
        members, count = self._orders.shape
        sample = max(1, members * self._x[:1].size)
        size = min(size, max(1, _PIECE // sample)) if self._masks is None else size
        piece = size * max(1, _PIECE // (sample * size))
        for first in range(0, count, piece):
            rows = self._orders[:, first : first + piece]
            x = np.take(self._x, rows, 0).astype(np.float32, copy=False)
            y = np.take(self._targets, rows, 0)
            weight = None if self._weight is None else np.take(self._weight, rows, 0)
            for begin in range(0, rows.shape[1], size):
                end = min(begin + size, rows.shape[1])
                if self._masks is not None:
                    self._masks.ahead = max(1, (count - first - begin) // size)
                here = slice(begin, end)
                of_batch = None if weight is None else weight[:, here]
                yield first + begin, first + end, x[:, here], y[:, here], of_batch

    # ------------------------------------------------------------------ the result

    def logs(self, measure: Measure, count: int) -> list[dict[str, Any]]:
        """Of each member, after so many samples."""
        found = []
        for member, order in enumerate(self._orders[:, :count]):
            given = self._given[member : member + 1, :count]
            losses = self._plan.loss.values(given, np.take(self._targets, order, 0)[None])[0]
            weight = None if self._weight is None else np.take(self._weight, order, 0)
            if weight is not None:
                losses = losses * weight
            total = losses.sum(dtype=np.float64) * self._plan.factor + self._penalties[member]
            y, outputs = np.take(self._y, order, 0), self._outputs[member, :count]
            found.append(dict(measure(total, count, y, outputs, weight)))
        return found


class Change:
    """An update of all weights, as the optimizer of a structure makes it.

    Args:
        plan: of the structure.
        values: changed in place.
        gradients: `(G, size)`, read and overwritten by each call.
        scalars: `(G, k)`, those of the structure.
    """

    def __init__(self, plan: Plan, values: ArrayValues, gradients: Array, scalars: Array) -> None:
        self._plan = plan
        self._iterations, rate, *others = values.alone
        numbers = {name: number.of(scalars) for name, number in plan.numbers.items()}
        self._update = Update(
            values.weights,
            gradients,
            values.rows,
            rate.reshape(-1, 1),
            self._step(),
            numbers.__getitem__,
            [other.reshape(-1, 1) for other in others],
            np.empty_like(gradients),
        )
        self._clip, self._decay = numbers["clipvalue"], numbers["weight_decay"]

    def _step(self) -> Array:
        return (self._iterations + 1).astype(np.float32).reshape(-1, 1)

    def __call__(self) -> None:
        update = self._update
        if np.any(self._clip):
            clip = np.asarray(self._clip, np.float32)
            np.clip(update.gradients, -clip, clip, out=update.gradients)
        if np.any(self._decay):
            decayed = np.multiply(update.weights, np.float32(self._decay), out=update.spare)
            decayed *= update.rate
            update.weights -= decayed
        update.step = self._step()
        self._plan.rule.change(update, self._plan.options)
        self._iterations += 1
