"""What the nodes of a network have in common, whatever layer each was made from.

Arrays are `(G, batch, ...)`, one place in front for each member. A node of a network knows where
its weights lie, and nothing of the Keras layer that it was made from, so it serves all models of a
structure, whatever their sizes. It holds nothing of a training either: threads share programs, so
what a gradient needs of a forward pass is handed out, and handed in again.
"""

from __future__ import annotations

import dataclasses
import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerastune_lite._src.keras.fast.numpy.activations import Activation
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place

Array = np.ndarray


class NotInArrays(Exception):
    """This model is left to TensorFlow; the message says what is not written out in NumPy."""


class Steps(enum.Enum):
    """What a layer does with the steps of sequences.

    KEPT: what it computes for a step depends on this one, or those before (or after) it, however
    many there are.
    ENDED: so does its output, which has no steps.
    MIXED: nothing is known.
    """

    KEPT = "kept"
    ENDED = "ended"
    MIXED = "mixed"


class Node(ABC):
    """A layer of a network."""

    trained = False
    """Whether it has weights with gradients."""
    wide = False
    """Whether it computes with many more numbers than it is given."""
    smooth = True
    """Whether there are gradients by its inputs."""
    steps = Steps.MIXED
    """What becomes of the axis after the samples'."""

    @property
    def kind(self) -> tuple[Any, ...]:
        """What it computes: equal kinds, same code."""
        return (type(self).__name__,)

    @abstractmethod
    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        """The layer's output, and what the gradient needs of this batch."""

    @abstractmethod
    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        """The gradients by its inputs, arrays of its own; those by weights are written.

        Args:
            dy: may be overwritten.
            kept: what `forward` gave for the same batch.
            wanted: whether the gradients by inputs are.
        """


class Activations(NamedTuple):
    """What an `Activated` node computed for a batch.

    Attributes:
        inputs: of the layer, as its gradient needs them.
        before: what the activation function was given; None where nothing needs it.
        after: what it returned.
    """

    inputs: Any
    before: Any
    after: Array


class Activated(Node):
    """A node that ends with an activation function."""

    def __init__(self, function: Activation) -> None:
        self._activation = function
        self.fused = False
        """Whether the gradient that comes is already that by what the function was given."""

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._activation.name)

    def _activated(self, inputs: Any, x: Array) -> tuple[Array, Activations]:
        needed = self.fused or not self._activation.in_place
        y = self._activation.forward(x.copy() if self.fused else x)
        return y, Activations(inputs, x if needed else None, y)

    def _before(self, dy: Array, kept: Activations) -> Array:
        if self.fused:
            return dy
        return self._activation.backward(dy, kept.before, kept.after)


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a node may need of its model.

    Attributes:
        find: where a Keras variable is found.
        inputs: how many tensors the layer is called with.
        masked: of a layer that drops out: which of the model's masks is its own. Given more than
            the layer: by which attribute, the how-manieth of how many that it draws for a batch,
            and whether it draws them while it is measured, too.
    """

    find: Callable[[Any], Place]
    inputs: int
    masked: Callable[..., int]


class Masks(enum.Enum):
    """What a kind of layer does with the mask of a sequence.

    REFUSED: it is not written out.
    HANDED_ON: nothing; the layers after it see the mask.
    READ: it takes the mask as one more input, and hands it on where its output is a sequence.
    MADE: it makes one.
    """

    REFUSED = "refused"
    HANDED_ON = "handed on"
    READ = "read"
    MADE = "made"


def mean_of_rows(rows: Array) -> Array:
    """(..., n, columns) to (..., 1, columns)."""
    # A product takes a fifth to a tenth of the time of NumPy's mean over this axis.
    shares = np.full((1, rows.shape[-2]), 1 / rows.shape[-2], np.float32)
    return np.matmul(shares, rows)


def frozen_alike(layer: Any, *variables: Any) -> bool:
    """Whether its variables are trained if the layer is, and not if it is not; None is left out."""
    return all(each.trainable == layer.trainable for each in variables if each is not None)


class Written(NamedTuple):
    """A kind of layer that is written out.

    Attributes:
        suits: whether a layer of the kind, built, is configured as what is written out.
        node: makes its node.
        uses: how often a sample meets each of a layer's weights.
        masks: what becomes of masks.
        mask: makes the node that computes, of the layer's input, the mask that a layer makes; it
            makes none where this is None.
    """

    suits: Callable[[Any], bool]
    node: Callable[[Any, Parts], Node]
    uses: Callable[[Any], int] = lambda layer: 1
    masks: Masks = Masks.REFUSED
    mask: Callable[[Any], Node | None] = lambda layer: None
