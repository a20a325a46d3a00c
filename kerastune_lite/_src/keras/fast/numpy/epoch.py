"""One epoch of training, or one measurement, of members side by side."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.losses import Loss
from kerastune_lite._src.keras.fast.numpy.masks import Masks
from kerastune_lite._src.keras.fast.numpy.measuring import Measure
from kerastune_lite._src.keras.fast.numpy.network import Network, Number, Pass
from kerastune_lite._src.keras.fast.numpy.optimizers import Rule, Update
from kerastune_lite._src.keras.fast.numpy.schedules import Schedule
from kerastune_lite._src.keras.fast.numpy.values import ArrayValues, Bound
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray

_PIECE = 1 << 22
"""Numbers that are gathered from the data, or drawn for masks, at once."""
_MEASURED = 1024
"""Samples that are measured at once: hidden layers may hold many more numbers than the data."""


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
        learning_rate: the schedule of its learning rate; None: a variable.
    """

    network: Network
    loss: Loss
    factor: float
    outputs: int
    rule: Rule
    numbers: Mapping[str, Number]
    options: Mapping[str, Any]
    learning_rate: LearningRate | None = None


@dataclasses.dataclass(frozen=True)
class LearningRate:
    """A schedule of the learning rate.

    Attributes:
        schedule: computes it.
        numbers: its scalars.
        options: its attributes that are no scalars.
    """

    schedule: Schedule
    numbers: Mapping[str, Number]
    options: Mapping[str, Any]

    def of(self, scalars: Array) -> Callable[[Array], Array]:
        """The learning rates of members, by their steps."""
        values = {name: number.of(scalars) for name, number in self.numbers.items()}
        return lambda steps: self.schedule.rate(values, self.options, steps)


@dataclasses.dataclass(frozen=True)
class Stretch:
    """What some members go through side by side.

    Attributes:
        members: which.
        begin, end: from and to which place in their orders.
    """

    members: slice
    begin: int
    end: int


def stretches(counts: Sequence[int], size: int) -> Iterator[Stretch]:
    """An epoch of members with so many samples each, in batches of `size`.

    Full batches that several have left are theirs together; what is left of those that have the
    fewest, a smaller batch, is done before the others go on.

    Args:
        counts: in ascending order.
    """
    first = begin = 0
    for count, equal in itertools.groupby(counts):
        last = first + len(list(equal))
        if last == len(counts):
            yield Stretch(slice(first, last), begin, count)
            return
        full = count - count % size
        if full > begin:
            yield Stretch(slice(first, len(counts)), begin, full)
            begin = full
        if count > full:
            yield Stretch(slice(first, last), full, count)
        first = last


def runs(counts: Sequence[int]) -> Iterator[Stretch]:
    """All samples of members, of those together that have as many as their neighbours."""
    first = 0
    for count, equal in itertools.groupby(counts):
        last = first + len(list(equal))
        yield Stretch(slice(first, last), 0, count)
        first = last


class Epoch:
    """Goes through samples.

    Args:
        plan: what to compute.
        values: changed in place by training.
        data: (x,), (x, y) or (x, y, sample_weight), arrays.
        scalars: `(G, k)`, those of the structure.
        orders: each member's samples in the order in which they are gone through, `(n,)`.

    Raises:
        ValueError: the targets do not suit the loss.
    """

    def __init__(
        self,
        plan: Plan,
        values: ArrayValues,
        data: Any,
        scalars: Array,
        orders: Sequence[Array],
    ) -> None:
        self._plan, self.values, self._scalars, self._orders = plan, values, scalars, orders
        self._counts = [len(order) for order in orders]
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        self._x, self._y = np.asarray(x), np.asarray(y)
        self._weight = None if weight is None else np.asarray(weight)
        self._targets = plan.loss.targets(self._y, plan.outputs)
        shape = (len(orders), max(self._counts), plan.outputs)
        self._outputs = np.empty(shape, np.float32)
        fused = plan.network.fused
        self._given = self._outputs if fused is None else np.empty(shape, np.float32)
        self._penalties = np.zeros(len(orders))

    def _part(self, members: slice) -> tuple[ArrayValues, Array]:
        """Values and scalars of some members; the values are changed in place."""
        if members == slice(0, len(self._orders)):
            return self.values, self._scalars
        return self.values.each(lambda array: array[members]), self._scalars[members]

    def _masks_of(self, values: ArrayValues, scalars: Array) -> Masks:
        masked = self._plan.network.masked
        members = len(values.weights)
        rates = [np.broadcast_to(each.rate.of(scalars), (members, 1))[:, 0] for each in masked]
        states = [values.others[each.seed.index] for each in masked]
        return Masks(states, rates, [(each.draw, each.draws) for each in masked])

    # ------------------------------------------------------------------ going through

    def train(self, batch_size: int, halt: bool) -> int:
        """Train on the samples; how many there were, of the member that has the most.

        Args:
            halt: whether a loss that is not finite ends it, of a member alone.
        """
        count = 0
        for stretch in stretches(self._counts, batch_size):
            count = self._train(stretch, batch_size, halt)
        return count

    def _train(self, stretch: Stretch, batch_size: int, halt: bool) -> int:
        """Train some members; up to which place in their orders."""
        plan, members = self._plan, stretch.members
        values, scalars = self._part(members)
        masks = self._masks_of(values, scalars)
        bound = Bound(values, masks)
        numbers = {name: number.of(scalars) for name, number in plan.numbers.items()}
        rate_at = None if plan.learning_rate is None else plan.learning_rate.of(scalars)
        update = Update(plan.rule, values, bound, numbers, plan.options, rate_at)
        for begin, end, x, y, weight in self._batches(stretch, batch_size, masks):
            here, size = (members, slice(begin, end)), end - begin
            forward = self._forward(bound, x, here)
            share: Any = np.float32(plan.factor / size)
            if weight is not None:
                share = share * weight[..., None]
            if plan.network.penalties:
                penalty = plan.network.penalty(bound, scalars)
                self._penalties[members] += penalty * size
            gradient = plan.loss.gradient(self._given[here], forward.outputs, y, share)
            plan.network.backward(bound, gradient, forward.kept)
            plan.network.add_gradients_of_penalties(bound, scalars)
            update()
            if halt and not self._is_finite(here, y, weight):
                return end
        return stretch.end

    def _is_finite(self, here: Any, y: Array, weight: Array | None) -> bool:
        losses = self._plan.loss.values(self._given[here], y)
        if weight is not None:
            losses = losses * weight
        return bool(np.all(np.isfinite(losses.sum(1) + self._penalties)))

    def measure(self) -> None:
        """Go through the samples without training."""
        network = self._plan.network
        for stretch in runs(self._counts):
            members, count = stretch.members, stretch.end
            values, scalars = self._part(members)
            bound = Bound(values, None)
            for begin, end, x, *_ in self._batches(stretch, count, None):
                self._forward(bound, x, (members, slice(begin, end)))
            self._penalties[members] += network.penalty(bound, scalars) * count

    def _forward(self, bound: Bound, x: Array, here: Any) -> Pass:
        network = self._plan.network
        forward = network.forward(bound, x)
        self._outputs[here] = forward.outputs
        if network.fused is not None:
            self._given[here] = forward.given
        return forward

    def _batches(
        self, stretch: Stretch, size: int, masks: Masks | None
    ) -> Iterator[tuple[int, int, Array, Array, Array | None]]:
        """From and to, inputs, targets and weights of each batch; those of several at once."""
        orders = self._orders[stretch.members]
        sample = max(1, len(orders) * self._x[:1].size)
        size = min(size, _MEASURED, max(1, _PIECE // sample)) if masks is None else size
        piece = size * max(1, _PIECE // (sample * size))
        for first in range(stretch.begin, stretch.end, piece):
            last = min(first + piece, stretch.end)
            rows = np.stack([order[first:last] for order in orders])
            x = np.take(self._x, rows, 0).astype(np.float32, copy=False)
            y = np.take(self._targets, rows, 0)
            weight = None if self._weight is None else np.take(self._weight, rows, 0)
            for begin in range(0, rows.shape[1], size):
                end = min(begin + size, rows.shape[1])
                if masks is not None:
                    masks.ahead = max(1, (stretch.end - first - begin) // size)
                here = slice(begin, end)
                of_batch = None if weight is None else weight[:, here]
                yield first + begin, first + end, x[:, here], y[:, here], of_batch

    # ------------------------------------------------------------------ the result

    def logs(self, measure: Measure, count: int | None = None) -> list[dict[str, Any]]:
        """Of each member, after so many samples at most."""
        found = []
        for member, order in enumerate(order[:count] for order in self._orders):
            samples = len(order)
            given = self._given[member : member + 1, :samples]
            losses = self._plan.loss.values(given, np.take(self._targets, order, 0)[None])[0]
            weight = None if self._weight is None else np.take(self._weight, order, 0)
            if weight is not None:
                losses = losses * weight
            total = losses.sum(dtype=np.float64) * self._plan.factor + self._penalties[member]
            y, outputs = np.take(self._y, order, 0), self._outputs[member, :samples]
            found.append(dict(measure(total, samples, y, outputs, weight)))
        return found
