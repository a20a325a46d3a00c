"""Rows of a table, looked up by whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from kerastune_lite._src.keras.fast.numpy.masking import Differs
from kerastune_lite._src.keras.fast.numpy.nodes import Masks, Node, Written, frozen_alike
from kerastune_lite._src.keras.fast.numpy.values import Bound, Place

Array = np.ndarray


class Embedding(Node):
    """`keras.layers.Embedding`: (G, batch, ...) to (G, batch, ..., length of a row)."""

    smooth = False

    def __init__(self, layer: Any, find: Callable[[Any], Place]) -> None:
        self._table = find(layer.embeddings)
        self.trained = self._table.trained
        self._apart = layer.embeddings.regularizer is None
        """Whether the optimizer is given the gradients of look-ups, and not their sums: TensorFlow
        adds them up at once where the table has gradients of another kind as well."""

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*super().kind, self.trained, self._apart)

    def forward(self, values: Bound, xs: Sequence[Array]) -> tuple[Array, Any]:
        (x,) = xs
        if x.dtype.name not in ("int32", "int64"):
            x = x.astype(np.int32)  # as Keras; a table may have more rows than a byte has values
        # What is out of range raises an error here, and with Keras.
        tables = values.value(self._table)
        return np.stack([np.take(table, rows, 0) for table, rows in zip(tables, x)]), x

    def backward(self, values: Bound, dy: Array, kept: Any, wanted: bool) -> Sequence[Array]:
        if self.trained:
            of_rows = values.gradient(self._table)
            _, count, length = of_rows.shape
            dy = dy.reshape(len(dy), -1, length)
            rows = np.where(kept < 0, kept + count, kept).reshape(dy.shape[:2])
            _add_up(rows, dy, of_rows)
            if self._apart:
                values.sums[self._table.index] = lambda function, out: _add_up(
                    rows, function(dy), out
                )
        return ()


def _add_up(rows: Array, dy: Array, out: Array) -> None:
    """Write the sum of what goes to each row of a table.

    Args:
        rows: `(G, n)`.
        dy: what goes there, `(G, n, length)`.
        out: `(G, count, length)`.
    """
    # A product with a matrix that has a one for each look-up: np.add.at takes 100 times as long.
    ones = np.ones(rows.shape[1], np.float32)
    begins = np.arange(rows.shape[1] + 1, dtype=np.int32)
    for member, given in enumerate(dy):
        at = rows[member].astype(np.int32, copy=False)
        shape = out.shape[1], rows.shape[1]
        out[member] = sparse.csc_array((ones, at, begins), shape=shape) @ given


LAYERS: Mapping[str, Written] = {
    "Embedding": Written(
        lambda layer: (
            not layer.lora_enabled
            and layer.quantization_mode is None
            and frozen_alike(layer, layer.embeddings)
        ),
        lambda layer, parts: Embedding(layer, parts.find),
        lambda layer: int(layer.trainable),
        masks=Masks.MADE,
        mask=lambda layer: Differs(0.0, False) if layer.mask_zero else None,
    ),
}
