"""A hypermodel whose input is images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerastune_lite._src.keras.hypermodel import HyperModel
from kerastune_lite._src.keras.loading import load_keras

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402


class ImageHyperModel(HyperModel):
    """What the hypermodels of images have in common. Abstract.

    Args:
        input_shape: of one image, without the batch: (height, width, channels).
        input_tensor: a Keras tensor of shape (batch, height, width, channels) instead; it takes
            precedence.
        **kwargs: `name` and `tunable`, as of `HyperModel`.

    Raises:
        ValueError: both are missing, or one is not as described.
    """

    def __init__(
        self, input_shape: Sequence[int | None] | None, input_tensor: Any, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        if input_tensor is None and input_shape is None:
            raise ValueError(
                f"{kind} needs `input_shape` or `input_tensor`. Received neither. Pass the shape "
                "of one image: input_shape=(32, 32, 3)."
            )
        if input_tensor is not None and not keras.utils.is_keras_tensor(input_tensor):
            raise ValueError(
                "`input_tensor` must be a Keras tensor, such as keras.Input((32, 32, 3)). "
                f"Received: {input_tensor!r} of type {type(input_tensor).__name__}."
            )
        shape = input_shape if input_tensor is None else input_tensor.shape[1:]
        if not isinstance(shape, Sequence) or len(shape) != 3:
            raise ValueError(
                f"{kind} takes images of the shape (height, width, channels). Received: "
                f"{shape!r}. Images without an axis of channels have one channel: (28, 28, 1)."
            )
        self.input_shape = input_shape
        self.input_tensor = input_tensor

    def _inputs(self) -> tuple[Any, Any]:
        """The inputs of a model, and the images as a tensor."""
        if self.input_tensor is not None:
            return keras.utils.get_source_inputs(self.input_tensor), self.input_tensor
        inputs = keras.Input(self.input_shape)
        return inputs, inputs

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        if self.input_tensor is not None:
            # A Keras tensor alone would lose the layers that it comes from.
            state["input_tensor"] = keras.Model(*self._inputs())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.input_tensor is not None:
            self.input_tensor = state["input_tensor"].output
