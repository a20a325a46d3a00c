"""Masks of sequences: which steps recurrent layers skip."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.numpy.nodes import Masks, Node, Steps, Written
from kerastune_lite._src.keras.fast.numpy.values import Bound

Array = np.ndarray


class Differs(Node):
    """The mask of a sequence: whether each of its steps is something else than padding.

    What it does with `steps` is not told: of sequences that are mostly padding, a comparison that
    takes some steps only might see nothing else.

    Args:
        padding: what padding consists of.
        features: whether steps are vectors, of which one number must differ.
    """

    def __init__(self, padding: float, features: bool) -> None:
        self._padding, self._features = padding, features

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self._features)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        differs = xs[0] != xs[0].dtype.type(self._padding)
        return differs.any(-1) if self._features else differs, None

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        return ()


class Masking(Node):
    """`keras.layers.Masking`: padding becomes zero.

    Args:
        padding: what it consists of.
    """

    steps = Steps.KEPT

    def __init__(self, padding: float) -> None:
        self._padding = padding

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        mask = (x != x.dtype.type(self._padding)).any(-1, keepdims=True)
        return np.where(mask, x, 0), mask

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        dy *= kept
        return (dy,)


LAYERS: Mapping[str, Written] = {
    "Masking": Written(
        lambda layer: isinstance(layer.mask_value, numbers.Real),
        lambda layer, parts: Masking(float(layer.mask_value)),
        masks=Masks.MADE,
        mask=lambda layer: Differs(float(layer.mask_value), True),
    ),
}
"""The kinds of layers that are written out here."""
