"""A model's layers as nodes, the variables that they compute with, and the losses of weights."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.numpy.layers import Dense
from kerastune_lite._src.keras.fast.numpy.nodes import (
    Activated,
    Masks,
    Node,
    NotInArrays,
    Parts,
    Steps,
)
from kerastune_lite._src.keras.fast.numpy.normalization import BatchNormalization
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place
from kerastune_lite._src.keras.fast.numpy.written import WRITTEN
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.supported import MODELS
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Number:
    """A scalar of a structure.

    Attributes:
        column: where it is among the scalars that differ; None where it is `constant`.
    """

    column: int | None
    constant: float = 0.0

    @property
    def is_zero(self) -> bool:
        """In all models of the structure."""
        return self.column is None and self.constant == 0

    def of(self, scalars: Array) -> Any:
        """Its values, `(G, 1)`, or the one value of all, in double precision.

        Args:
            scalars: `(G, k)`.
        """
        return self.constant if self.column is None else scalars[:, self.column, None]


class Numbers:
    """Finds the scalars of a model."""

    def __init__(self, structure: Structure) -> None:
        self._columns = {
            (id(place.owner), place.attribute): i for i, place in enumerate(structure.places)
        }

    def of(self, owner: Any, attribute: str) -> Number:
        """The number that an attribute is; 0 where there is none."""
        column = self._columns.get((id(owner), attribute))
        return Number(column, float(getattr(owner, attribute, None) or 0.0))


@dataclasses.dataclass(frozen=True)
class _Masked:
    """What a layer drops out.

    Attributes:
        seed: where the state of its seeds is.
        rate: how much.
        draw, draws: of how many masks that the layer draws for a batch it is which.
        always: whether it draws while it is measured, too, and does not use it.
    """

    seed: Place
    rate: Number
    draw: int
    draws: int
    always: bool


@dataclasses.dataclass(frozen=True)
class Penalty:
    """What a weight adds to the loss by its size: l1 * sum(|w|) + l2 * sum(w^2)."""

    weight: Place
    l1: Number
    l2: Number


class Pass(NamedTuple):
    """What a forward pass came to.

    Attributes:
        outputs: of the model, `(G, b, outputs)` each.
        given: what losses are computed from: the outputs, or what the last activation was given.
        kept: of each node, what its gradient needs.
    """

    outputs: Sequence[Array]
    given: Sequence[Array]
    kept: Sequence[Any]


OF_MASKS = frozenset(("Any", "NotEqual"))
"""Operations of Keras's that make masks; nodes of their own are written for these."""
_NOWHERE = -(1 << 31)
"""The place of a tensor that is not computed."""
_OF_WHOLE = frozenset(("Embedding", "Flatten", "Reshape"))
"""Layers that take whole numbers; all but the first one hand them on."""


class Token:
    """Stands for a tensor while the layers of a model are gone through.

    Args:
        place: of the node that makes it; -1 is the first input, -2 the second one.
        mask: of the node that makes its mask; None: it has none.
        whole: whether it consists of whole numbers.
    """

    def __init__(self, place: int, mask: int | None = None, whole: bool = False) -> None:
        self.place = place
        self.mask = mask
        self.whole = whole


class Network:
    """The layers of a model in the order in which they are computed.

    Args:
        model: built; it has passed `checks`.
        structure: its structure.
        fused: the outputs whose loss begins with what the last activation is given.
        used: the outputs that have a loss.

    Raises:
        NotInArrays: a layer is used twice, an operation is no layer, another layer uses an output
            that the loss looks behind, gradients end before all weights have theirs, or a mask
            reaches a layer that is not written out for it.
    """

    def __init__(
        self, model: Any, structure: Structure, fused: Collection[int], used: Collection[int]
    ) -> None:
        self._places = {
            id(variable): Place(trained, i)
            for trained, group in (
                (True, model.trainable_variables),
                (False, model.non_trainable_variables),
            )
            for i, variable in enumerate(group)
        }
        self._numbers = Numbers(structure)
        self.nodes: list[Node] = []
        self.inputs: list[list[int]] = []
        """Of each node: places among the inputs of the network (from -1 down) and of nodes."""
        self.masked: list[_Masked] = []
        self._seen: set[int] = set()
        tokens = [Token(-1 - i, whole="int" in str(x.dtype)) for i, x in enumerate(model.inputs)]
        last = self._added(model, tokens if len(tokens) > 1 else tokens[0])
        if any(token.mask is not None for token in keras.tree.flatten(last)):
            raise NotInArrays("a mask of the outputs")
        self.outputs = [token.place for token in keras.tree.flatten(last)]
        """The nodes that make them."""
        self.fused = frozenset(fused)
        """The outputs whose losses look behind the activation."""
        for output in self.fused:
            self._fuse(self.outputs[output])
        self._needs = self._needed()
        if any(needed and not node.smooth for needed, node in zip(self._needs, self.nodes)):
            raise NotInArrays("weights whose gradients end at another layer")
        self.idle = self._without_gradient({self.outputs[output] for output in used})
        """The trained nodes whose weights have no gradients: no loss depends on them."""
        self.wide = any(node.wide for node in self.nodes)
        """Whether it computes with many more numbers than it is given."""
        self.penalties = [
            Penalty(
                self._places[id(v)],
                self._numbers.of(v.regularizer, "l1"),
                self._numbers.of(v.regularizer, "l2"),
            )
            for v in model.trainable_variables
            if v.regularizer is not None
        ]

    @property
    def facts(self) -> set[str]:
        """What must have been seen to work; a network is right if all that it is made of is.

        A layer's code sees nothing of the others but the arrays that it is handed. So of a chain it
        is which layer follows which, with what comes after a layer that may hand on the array of
        the one before (reshaped, say), and where it begins and ends. How many layers there are adds
        nothing: a node holds nothing of a training. A graph with branches has to be seen as it is.
        """
        kinds = [node.kind for node in self.nodes]
        penalties = sorted({(p.l1.is_zero, p.l2.is_zero) for p in self.penalties})
        last = [len(self.nodes) - 1]
        if any(inputs != [i - 1] for i, inputs in enumerate(self.inputs)) or self.outputs != last:
            return {repr((*zip(kinds, self.inputs), self.outputs, self.idle, penalties))}
        chain = [("begin",), *kinds, ("end",)]
        pairs: list[Any] = [*itertools.pairwise(chain)]
        pairs += [
            (before, kind, after)
            for before, kind, after, node in zip(chain, kinds, chain[2:], self.nodes)
            if not isinstance(node, (Dense, BatchNormalization))
        ]
        return {repr((each, penalties)) for each in pairs}

    def _added(self, model: Any, x: Any) -> Any:
        """What becomes of tokens that go through a model."""
        if type(model).__name__ == "Sequential":
            for layer in model.layers:
                x = self._through(layer, x)
            return x
        return internals.run_through_graph(
            model, x, lambda layer: lambda x, *_, **__: self._through(layer, x)
        )

    def _through(self, layer: Any, x: Any) -> Any:
        kind = type(layer).__name__
        if kind in MODELS:
            if isinstance(x, dict):
                raise NotInArrays("a model within that takes a dict")
            return self._added(layer, x)
        if kind == "InputLayer":
            return x
        if not isinstance(layer, keras.layers.Layer):
            if kind in OF_MASKS:
                return Token(_NOWHERE)
            # Of a model within, too; some have the names of layers.
            raise NotInArrays("operations that are no layers")
        # Layers that wrap another one, which may be used elsewhere, have its variables.
        own = {id(layer), *map(id, layer.variables)}
        if not self._seen.isdisjoint(own):
            raise NotInArrays("a layer that is used twice")
        self._seen |= own
        tokens = x if isinstance(x, (list, tuple)) else [x]
        whole = any(token.whole for token in tokens)
        if whole and kind not in _OF_WHOLE:
            raise NotInArrays(f"whole numbers in {kind} layers")
        inputs, written = [token.place for token in tokens], WRITTEN[kind]
        if _NOWHERE in inputs:
            raise NotInArrays("operations that are no layers")
        mask = self._mask_for(layer, tokens)
        if mask is not None and written.masks is Masks.READ:
            inputs.append(mask)
        parts = Parts(self._find, len(tokens), self._mask_of)
        place = self._noted(written.node(layer, parts), inputs)
        ended = self.nodes[place].steps is Steps.ENDED
        return Token(place, None if ended else mask, whole and kind != "Embedding")

    def _noted(self, node: Node, inputs: list[int]) -> int:
        """Note a node that is computed next; its place."""
        self.nodes.append(node)
        self.inputs.append(inputs)
        return len(self.nodes) - 1

    def _mask_for(self, layer: Any, tokens: Sequence[Token]) -> int | None:
        """The mask of a layer's input, or the one that it makes; None if there is none."""
        written = WRITTEN[type(layer).__name__]
        masks = {token.mask for token in tokens} - {None}
        if masks and written.masks in (Masks.REFUSED, Masks.MADE):
            raise NotInArrays(f"a mask for a {type(layer).__name__} layer")
        node = written.mask(layer)
        if node is not None:
            return self._noted(node, [token.place for token in tokens])
        return next(iter(masks), None)

    def _find(self, variable: Any) -> Place:
        return self._places[id(variable)]

    def _mask_of(
        self, layer: Any, rate: str = "rate", draw: int = 0, draws: int = 1, always: bool = False
    ) -> int:
        """Note a mask of a layer that drops out; which it is among them."""
        seed, number = self._find(layer.seed_generator.state), self._numbers.of(layer, rate)
        self.masked.append(_Masked(seed, number, draw, draws, always))
        return len(self.masked) - 1

    def _fuse(self, place: int) -> None:
        """Have the loss look behind the activation of a node."""
        last = self.nodes[place]
        assert isinstance(last, Activated)
        if self.outputs.count(place) > 1 or any(place in inputs for inputs in self.inputs):
            raise NotInArrays("an output with probabilities that is used again")
        last.fused = True

    def _needed(self) -> list[bool]:
        """Of each node: whether the gradients by its inputs are of use."""
        reached: list[bool] = []
        for node, inputs in zip(self.nodes, self.inputs):
            before = any(place >= 0 and reached[place] for place in inputs)
            reached.append(node.trained or before)
        return [any(place >= 0 and reached[place] for place in inputs) for inputs in self.inputs]

    def _without_gradient(self, lasts: set[int]) -> list[int]:
        reached = set(lasts)
        for place in range(len(self.nodes) - 1, -1, -1):
            if place in reached:
                reached.update(self.inputs[place])
        return [i for i, node in enumerate(self.nodes) if node.trained and i not in reached]

    def forward(self, values: Bound, xs: Sequence[Array]) -> Pass:
        """What the layers compute for a batch, `(G, b, ...)` of each input."""
        made: list[Array] = []
        kept: list[Any] = []
        for node, inputs in zip(self.nodes, self.inputs):
            y, needed = node.forward(values, [_at(place, xs, made) for place in inputs])
            made.append(y)
            kept.append(needed)
        outputs = [_at(place, xs, made) for place in self.outputs]
        given = [
            kept[place].before if output in self.fused else outputs[output]
            for output, place in enumerate(self.outputs)
        ]
        return Pass(outputs, given, kept)

    def backward(
        self, values: Bound, dys: Sequence[tuple[int, Array]], kept: Sequence[Any]
    ) -> None:
        """Write the gradients by all weights.

        Args:
            dys: outputs with the gradients by them, or by what the last activation was given;
                overwritten.
            kept: of the forward pass.
        """
        gradients: list[Any] = [None] * len(self.nodes)
        for output, dy in dys:
            _add(gradients, self.outputs[output], dy)
        for place in range(len(self.nodes) - 1, -1, -1):
            dy, gradients[place] = gradients[place], None
            if dy is None or not (self._needs[place] or self.nodes[place].trained):
                continue
            back = self.nodes[place].backward(values, dy, kept[place], self._needs[place])
            for source, dx in zip(self.inputs[place], back):
                _add(gradients, source, dx)

    def penalty(self, values: Bound, scalars: Array) -> Any:
        """What the weights add to the losses, `(G,)`."""
        total: Any = 0.0
        for each in self.penalties:
            weight = values.value(each.weight)
            flat = weight.reshape(weight.shape[0], -1)
            l1, l2 = each.l1.of(scalars), each.l2.of(scalars)
            if np.any(l1):
                total = total + np.abs(flat).sum(1) * _column(l1)
            if np.any(l2):
                total = total + np.square(flat).sum(1) * _column(l2)
        return total

    def add_gradients_of_penalties(self, values: Bound, scalars: Array) -> None:
        """Add the gradients of `penalty` to those that `backward` has written."""
        for each in self.penalties:
            weight, gradient = values.value(each.weight), values.gradient(each.weight)
            l1, l2 = each.l1.of(scalars), each.l2.of(scalars)
            if np.any(l1):
                gradient += np.sign(weight) * _spread(l1, weight)
            if np.any(l2):
                gradient += weight * _spread(2 * l2, weight)


def _at(place: int, xs: Sequence[Array], made: Sequence[Array]) -> Array:
    return xs[-1 - place] if place < 0 else made[place]


def _add(gradients: list[Any], place: int, dx: Array) -> None:
    if place >= 0:
        known = gradients[place]
        gradients[place] = dx if known is None else known + dx


def _column(number: Any) -> Any:
    return np.float32(number) if np.ndim(number) == 0 else number[:, 0].astype(np.float32)


def _spread(number: Any, like: Array) -> Any:
    """A number of each member, to be multiplied with an array."""
    if np.ndim(number) == 0:
        return np.float32(number)
    return number.astype(np.float32).reshape(-1, *([1] * (like.ndim - 1)))
