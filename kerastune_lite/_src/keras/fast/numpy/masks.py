"""The masks of Keras's dropout layers, drawn for many batches at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray

_BLOCK = 1 << 22
"""Numbers that are drawn at once."""

_FEW = 6
"""States from which to draw one by one takes no longer than to call a function for them."""

_MANY = 64
"""States from which a function draws in one go; from fewer it draws in a loop, which takes longer
than what it draws, but a function of its own for each number of states would have to be traced."""

_AUTO_SELECT = 3
"""`tf.random.Algorithm.AUTO_SELECT`, which Keras leaves it at."""


class Masks:
    """What dropout layers multiply their inputs with.

    Args:
        states: of each layer's seed generator, `(G, 2)`; they go on with each batch.
        rates: of each layer, of each member.
        draws: of each layer that shares its state with others: which of how many it is.
    """

    def __init__(
        self, states: Sequence[Array], rates: Sequence[Array], draws: Sequence[tuple[int, int]]
    ) -> None:
        # The first of those that share a state takes it on, for all of them.
        self._states = [
            state if draw == 0 else state + np.array([0, draw], state.dtype)
            for state, (draw, _) in zip(states, draws)
        ]
        self._strides = [of for _, of in draws]
        self._rates = rates
        self._blocks: list[Array | None] = [None] * len(states)
        self._used = [0] * len(states)
        self.ahead = 1
        """How many batches of the present one's size are to come, itself included."""

    def of(self, layer: int, shape: tuple[int, ...]) -> Array:
        """The mask of the next batch, `(G, batch, ...)`."""
        block = self._blocks[layer]
        if block is None or self._used[layer] == len(block) or block.shape[1:] != shape:
            block = self._blocks[layer] = self._drawn(layer, shape)
            self._used[layer] = 0
        mask = block[self._used[layer]]
        self._used[layer] += 1
        self._states[layer][:, 1] += self._strides[layer]
        return mask

    def _drawn(self, layer: int, shape: tuple[int, ...]) -> Array:
        batches = max(1, min(self.ahead, _BLOCK // int(np.prod(shape))))
        block = np.empty((batches, *shape), np.float32)
        states = np.repeat(self._states[layer][:, None], batches, 1)
        states[..., 1] += self._strides[layer] * np.arange(batches, dtype=states.dtype)
        # Of all members at once: to call TensorFlow takes longer than to draw.
        drawn = _uniform(states.reshape(-1, 2), shape[1:]).reshape(-1, batches, *shape[1:])
        for member, (uniform, rate) in enumerate(zip(drawn, self._rates[layer])):
            kept = uniform >= np.float32(rate)
            np.multiply(kept, np.float32(1 / (1 - rate)), out=block[:, member])
        return block


def _uniform(states: Array, shape: tuple[int, ...]) -> Array:
    """What Keras draws from each of these states, `(len(states), *shape)`, in [0, 1)."""
    # As Keras makes TensorFlow's seeds of its own.
    seeds = np.mod(states, np.iinfo(np.int32).max - 1).astype(np.int32)
    size = np.array(shape, np.int32)
    import tensorflow as tf

    # They are wanted here: not to be drawn on a GPU and fetched.
    with tf.device("CPU:0"):
        whole = len(seeds) // _MANY * _MANY
        parts = [
            _drawing_many()(seeds[begin : begin + _MANY], size).numpy()
            for begin in range(0, whole, _MANY)
        ]
        if len(seeds) - whole > _FEW:
            parts.append(_drawing()(seeds[whole:], size).numpy())
        elif len(seeds) > whole:
            parts.append(np.stack([_one(seed, size).numpy() for seed in seeds[whole:]]))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _one(seed: Any, shape: Any) -> Any:
    """What `tf.random.stateless_uniform` does, but for its multiplication by 1."""
    import tensorflow as tf

    at = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    return tf.raw_ops.StatelessRandomUniformV2(
        shape=shape, key=at.key, counter=at.counter, alg=_AUTO_SELECT, dtype=tf.float32
    )


@functools.lru_cache(maxsize=1)
def _drawing() -> Any:
    """The function that draws; traced once, for all shapes and numbers of states."""
    import tensorflow as tf

    def drawn(seeds: Any, shape: Any) -> Any:
        return tf.map_fn(
            lambda seed: _one(seed, shape),
            seeds,
            fn_output_signature=tf.TensorSpec(None, "float32"),
            parallel_iterations=8,
        )

    specs = tf.TensorSpec((None, 2), "int32"), tf.TensorSpec((None,), "int32")
    return tf.function(drawn, autograph=False).get_concrete_function(*specs)


@functools.lru_cache(maxsize=1)
def _drawing_many() -> Any:
    """The function that draws from `_MANY` states; traced once, for all shapes."""
    import tensorflow as tf

    def drawn(seeds: Any, shape: Any) -> Any:
        return tf.stack([_one(seed, shape) for seed in tf.unstack(seeds, _MANY)])

    specs = tf.TensorSpec((_MANY, 2), "int32"), tf.TensorSpec((None,), "int32")
    return tf.function(drawn, autograph=False).get_concrete_function(*specs)
