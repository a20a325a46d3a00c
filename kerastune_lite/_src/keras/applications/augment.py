"""Random changes of images, whose strengths are searched."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, Union

from kerastune_lite._src.keras.applications.augmentation_layers import RandomTransform, transform
from kerastune_lite._src.keras.applications.image_hypermodel import ImageHyperModel
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402

Limits = Union[float, Sequence[float], None]
"""Of a factor: the largest, or a pair of the smallest and the largest; None or 0: not used."""


@public("kerastune_lite.applications")
class HyperImageAugment(ImageHyperModel):
    """A model that changes images at random in training, and passes them on otherwise.

    It has two modes. With `augment_layers` it is a simple RandAugment: that many layers, and in
    each layer every image is changed in one of the ways below, drawn with equal probability. With
    `augment_layers=0` every image is changed in all ways, one after another.

    Hyperparameters: `factor_rotate`, `factor_translate_x`, `factor_translate_y` and
    `factor_contrast`, how strong a change is at most, the smallest by default; and in the first
    mode `augment_layers`. With factor 0 that way leaves images as they are.

    Cubuk et al. (2019), RandAugment: practical automated data augmentation with a reduced search
    space, arXiv:1909.13719.

    Args:
        input_shape: of one image: (height, width, channels).
        input_tensor: a Keras tensor of images instead, of shape (batch, height, width, channels).
        rotate: the limits of the factor of rotations in both directions, in full turns: the
            largest, or a pair of the smallest and the largest, in [0, 1]. None or 0: no rotations.
        translate_x: likewise, of horizontal shifts, as a share of the width.
        translate_y: likewise, of vertical shifts, as a share of the height.
        contrast: likewise, of changes of contrast: with factor f it is multiplied by a number in
            [1 - f, 1 + f], and values are cut to [0, 255].
        augment_layers: the largest number of layers, from 1, or a pair of the smallest and the
            largest; 0 or None for the second mode.
        **kwargs: `name` and `tunable`, as of `HyperModel`.

    Raises:
        ValueError: neither `input_shape` nor `input_tensor` is given, or an argument is not as
            described.

    Example:
        >>> from kerastune_lite.applications import HyperImageAugment, HyperResNet
        >>> augment = HyperImageAugment((32, 32, 3), rotate=[0.1, 0.2], contrast=None)
        >>> augment.build(hp).name, hp.values["factor_rotate"]
        ('image_rand_augment', 0.1)
        >>> resnet = HyperResNet(
        ...     input_shape=(32, 32, 3), classes=10, augmentation_model=augment
        ... )
    """

    def __init__(
        self,
        input_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
        rotate: Limits = 0.5,
        translate_x: Limits = 0.4,
        translate_y: Limits = 0.4,
        contrast: Limits = 0.3,
        augment_layers: int | Sequence[int] | None = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_shape, input_tensor, **kwargs)
        given = {
            "rotate": rotate,
            "translate_x": translate_x,
            "translate_y": translate_y,
            "contrast": contrast,
        }
        limits = {kind: _factors(kind, each) for kind, each in given.items()}
        self.transforms = [(kind, each) for kind, each in limits.items() if each is not None]
        self.augment_layers = _counts(augment_layers)

    def build(self, hp: HyperParameters) -> Any:
        """A Keras model for the hyperparameters `hp`, not compiled."""
        inputs, x = self._inputs()
        if self.augment_layers is None:
            for kind, (least, most) in self.transforms:
                factor = hp.Float(f"factor_{kind}", least, most, step=0.05, default=least)
                if factor:
                    x = transform(kind, factor)(x)
            return keras.Model(inputs, x, name="image_augment")
        least, most = self.augment_layers if self.transforms else (0, 0)
        count = hp.Int("augment_layers", least, most, default=least) if most else 0
        for _ in range(count):
            factors = {
                kind: hp.Float(f"factor_{kind}", least, most, default=least)
                for kind, (least, most) in self.transforms
            }
            x = RandomTransform(factors)(x)
        return keras.Model(inputs, x, name="image_rand_augment")


def _factors(kind: str, given: Any) -> tuple[float, float] | None:
    """The smallest and the largest factor of one kind of change, or None for no such change."""
    if given is None or (isinstance(given, numbers.Real) and given == 0):
        return None
    limits = _pair(given, 0, numbers.Real)
    if limits is None or limits[1] > 1:
        raise ValueError(
            f"`{kind}` must be a number in [0, 1] or a pair of them, the smaller one first; None "
            f"for no such change. Received: {given!r}. Write {kind}=0.2 for factors in [0, 0.2], "
            f"or {kind}=(0.1, 0.2)."
        )
    return float(limits[0]), float(limits[1])


def _counts(given: Any) -> tuple[int, int] | None:
    """The smallest and the largest number of layers, or None for the mode without."""
    if given is None or (isinstance(given, numbers.Real) and given == 0):
        return None
    limits = _pair(given, 1, numbers.Integral)
    if limits is None:
        raise ValueError(
            "`augment_layers` must be a whole number or a pair of them, the smaller one first; 0 "
            f"to make each change once. Received: {given!r}. Write augment_layers=3 for 1 to 3 "
            "layers, or augment_layers=(2, 4)."
        )
    return int(limits[0]), int(limits[1])


def _pair(given: Any, least: Any, kind: type) -> tuple[Any, Any] | None:
    """(`least`, a number), or a pair of numbers from 0 that ascends; None for anything else."""
    pair = (least, given) if isinstance(given, kind) else given
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        return None
    if not all(isinstance(each, kind) and not isinstance(each, bool) for each in pair):
        return None
    return (pair[0], pair[1]) if 0 <= pair[0] <= pair[1] else None
