"""One epoch of training, or one measurement, of members side by side."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerastune_lite._src.keras.fast.numpy.compiled import Evaluation
from kerastune_lite._src.keras.fast.numpy.losses import Loss
from kerastune_lite._src.keras.fast.numpy.masks import Masks
from kerastune_lite._src.keras.fast.numpy.matching import Source
from kerastune_lite._src.keras.fast.numpy.measuring import Entered
from kerastune_lite._src.keras.fast.numpy.network import Network, Number, Pass
from kerastune_lite._src.keras.fast.numpy.optimizers import Rule, Update
from kerastune_lite._src.keras.fast.numpy.schedules import Schedule
from kerastune_lite._src.keras.fast.numpy.values import ArrayValues, Bound
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray

_PIECE = 1 << 22
"""Numbers that are gathered from the data, or drawn for masks, at once."""
_FEW = 64
"""Samples that are measured at once where each takes much memory on its way."""
_MEASURED = 1024
"""Samples that are measured at once: hidden layers may hold many more numbers than the data."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a structure computes.

    Attributes:
        network: its layers.
        terms: its losses; their sum is the model's.
        widths: of each of its outputs; None where there are more axes.
        rule: of its optimizer.
        numbers: the optimizer's scalars.
        options: its attributes that are no scalars.
        learning_rate: the schedule of its learning rate; None: a variable.
    """

    network: Network
    terms: Sequence[Term]
    widths: Sequence[int | None]
    rule: Rule
    numbers: Mapping[str, Number]
    options: Mapping[str, Any]
    learning_rate: LearningRate | None = None


@dataclasses.dataclass(frozen=True)
class Term:
    """A loss of one output, and the number that it is multiplied by."""

    loss: Loss
    factor: float
    output: int


@dataclasses.dataclass(frozen=True)
class Reading:
    """How data of one nesting are read.

    Attributes:
        sources: where inputs come from.
        evaluation: which targets and weights go with which outputs.
    """

    sources: Sequence[Source]
    evaluation: Evaluation


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


class Batch(NamedTuple):
    """Samples of members, `(G, b, ...)` each.

    Attributes:
        begin, end: from and to which place in their orders.
        inputs: of the model.
        targets, weights: of each term; there may be no weights.
    """

    begin: int
    end: int
    inputs: Sequence[Array]
    targets: Sequence[Array]
    weights: Sequence[Array | None]


class Epoch:
    """Goes through samples.

    Args:
        plan: what to compute.
        reading: how the data are read.
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
        reading: Reading,
        values: ArrayValues,
        data: Any,
        scalars: Array,
        orders: Sequence[Array],
    ) -> None:
        self._plan, self.values, self._scalars, self._orders = plan, values, scalars, orders
        self._evaluation = reading.evaluation
        self._counts = [len(order) for order in orders]
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        xs = keras.tree.flatten(x)
        self._xs = [(source.of(xs), np.dtype(source.dtype)) for source in reading.sources]
        self._ys = [np.asarray(leaf) for leaf in keras.tree.flatten(y)]
        self._weights = [np.asarray(leaf) for leaf in keras.tree.flatten(weight)]
        if weight is None:
            self._weights = []
        matches = reading.evaluation.matches
        self._terms = list(zip(plan.terms, matches.losses))
        self._targets = [
            term.loss.targets(self._ys[match.target], self._width(term))
            for term, match in self._terms
        ]
        looked = matches.outputs
        self._outputs = self._room(looked)
        fused = self._room(looked & plan.network.fused)
        self._given = [one if other is None else other for one, other in zip(self._outputs, fused)]
        self._penalties = np.zeros(len(orders))

    def _width(self, term: Term) -> int:
        width = self._plan.widths[term.output]
        assert width is not None
        return width

    def _room(self, outputs: Collection[int]) -> list[Any]:
        """Arrays for these outputs of all samples, `(G, n, width)`; None for the others."""
        shape = len(self._orders), max(self._counts)
        return [
            np.empty((*shape, width), np.float32) if output in outputs else None
            for output, width in enumerate(self._plan.widths)
        ]

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
        plan, members, network = self._plan, stretch.members, self._plan.network
        values, scalars = self._part(members)
        masks = self._masks_of(values, scalars)
        bound = Bound(values, masks)
        numbers = {name: number.of(scalars) for name, number in plan.numbers.items()}
        rate_at = None if plan.learning_rate is None else plan.learning_rate.of(scalars)
        update = Update(plan.rule, values, bound, numbers, plan.options, rate_at)
        for batch in self._batches(stretch, batch_size, masks):
            here, size = (members, slice(batch.begin, batch.end)), batch.end - batch.begin
            forward = self._forward(bound, batch.inputs, here)
            if network.penalties:
                self._penalties[members] += network.penalty(bound, scalars) * size
            if network.idle:
                bound.gradients[...] = 0
            network.backward(bound, self._gradients(batch, forward, size), forward.kept)
            network.add_gradients_of_penalties(bound, scalars)
            update()
            if halt and not self._is_finite(here, batch):
                return batch.end
        return stretch.end

    def _gradients(self, batch: Batch, forward: Pass, size: int) -> list[tuple[int, Array]]:
        """By the outputs with a loss, or by what the last activation was given."""
        found = []
        for term, y, weight in zip(self._plan.terms, batch.targets, batch.weights):
            share: Any = np.float32(term.factor / size)
            if weight is not None:
                share = share * weight[..., None]
            given, outputs = forward.given[term.output], forward.outputs[term.output]
            found.append((term.output, term.loss.gradient(given, outputs, y, share)))
        return found

    def _is_finite(self, here: Any, batch: Batch) -> bool:
        total = self._penalties.copy()
        for term, y, weight in zip(self._plan.terms, batch.targets, batch.weights):
            losses = term.loss.values(self._given[term.output][here], y)
            total += (losses if weight is None else losses * weight).sum(1)
        return bool(np.all(np.isfinite(total)))

    def measure(self) -> None:
        """Go through the samples without training."""
        network = self._plan.network
        for stretch in runs(self._counts):
            members, count = stretch.members, stretch.end
            values, scalars = self._part(members)
            bound = Bound(values, None)
            size = min(count, _FEW) if network.wide else count
            for batch in self._batches(stretch, size, None):
                here = members, slice(batch.begin, batch.end)
                self._forward(bound, batch.inputs, here)
            self._penalties[members] += network.penalty(bound, scalars) * count

    def _forward(self, bound: Bound, xs: Sequence[Array], here: Any) -> Pass:
        forward = self._plan.network.forward(bound, xs)
        for place, (outputs, given) in enumerate(zip(self._outputs, self._given)):
            if outputs is not None:
                outputs[here] = forward.outputs[place]
            if given is not outputs:
                given[here] = forward.given[place]
        return forward

    def _batches(self, stretch: Stretch, size: int, masks: Masks | None) -> Iterator[Batch]:
        """The batches of a stretch; the samples of several are gathered at once."""
        orders = self._orders[stretch.members]
        sample = max(1, len(orders) * sum(x[:1].size for x, _ in self._xs))
        size = min(size, _MEASURED, max(1, _PIECE // sample)) if masks is None else size
        piece = size * max(1, _PIECE // (sample * size))
        for first in range(stretch.begin, stretch.end, piece):
            last = min(first + piece, stretch.end)
            rows = np.stack([order[first:last] for order in orders])
            xs = [np.take(x, rows, 0).astype(dtype, copy=False) for x, dtype in self._xs]
            ys = [np.take(targets, rows, 0) for targets in self._targets]
            weights = [np.take(weight, rows, 0) for weight in self._weights]
            for begin in range(0, rows.shape[1], size):
                end = min(begin + size, rows.shape[1])
                if masks is not None:
                    masks.ahead = max(1, (stretch.end - first - begin) // size)
                here = slice(begin, end)
                yield Batch(
                    first + begin,
                    first + end,
                    [x[:, here] for x in xs],
                    [y[:, here] for y in ys],
                    [
                        None if match.weight is None else weights[match.weight][:, here]
                        for _, match in self._terms
                    ],
                )

    # ------------------------------------------------------------------ the result

    def logs(self, batch_size: int, count: int | None = None) -> list[dict[str, Any]]:
        """Of each member, after so many samples at most."""
        return [
            self._logs_of(member, order[:count], batch_size)
            for member, order in enumerate(self._orders)
        ]

    def _logs_of(self, member: int, order: Array, batch_size: int) -> dict[str, Any]:
        def of_member(outputs: Any) -> Any:
            return None if outputs is None else outputs[member, : len(order)]

        given = list(map(of_member, self._given))
        weights = [np.take(weight, order, 0) for weight in self._weights]
        total, means = self._penalties[member], []
        for (term, match), targets in zip(self._terms, self._targets):
            y = np.take(targets, order, 0)
            losses = term.loss.values(given[term.output][None], y[None])[0]
            if match.weight is not None:
                losses = losses * weights[match.weight]
            total += losses.sum(dtype=np.float64) * term.factor
            means.append(_mean_over_batches(losses, batch_size))
        ys = [np.take(y, order, 0) for y in self._ys]
        entered = Entered(ys, list(map(of_member, self._outputs)), given, weights)
        several = means if len(means) > 1 else []
        return self._evaluation.measure([total / len(order), *several], entered)


def _mean_over_batches(losses: Array, size: int) -> float:
    """Smaller ones count as much as others: Keras does not know how large they are."""
    begins = np.arange(0, len(losses), size)
    sums = np.add.reduceat(losses.astype(np.float64), begins)
    return float((sums / np.minimum(size, len(losses) - begins)).mean())
