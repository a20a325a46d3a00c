"""Residual networks for images: ResNet, ResNet V2 and ResNeXt."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from kerastune_lite._src.keras.applications.image_classifier import (
    ImageClassifier,
    channels_axis,
    pooled,
)
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

GROUPS = 32
"""The cardinality of ResNeXt: its 3 x 3 convolutions see one of so many groups of channels."""


@public("kerastune_lite.applications")
class HyperResNet(ImageClassifier):
    """A residual network of 50 to 152 layers that classifies images.

    Hyperparameters: `version` ("v1": ResNet, "v2": ResNet V2, "next": ResNeXt with 32 groups of
    4 channels), `conv3_depth` and `conv4_depth` (the numbers of blocks in two of the four stages;
    the others have three), `pooling`, and with a top `optimizer` and `learning_rate`.

    He et al. (2015), Deep residual learning for image recognition, arXiv:1512.03385.
    He et al. (2016), Identity mappings in deep residual networks, arXiv:1603.05027.
    Xie et al. (2016), Aggregated residual transformations for deep neural networks,
    arXiv:1611.05431.

    Args:
        include_top: whether the model ends with the probabilities of the classes and is compiled.
            Without, it returns features of shape (batch, 2048).
        input_shape: of one image: (height, width, channels).
        input_tensor: a Keras tensor of images instead, of shape (batch, height, width, channels).
        classes: the number of classes. The labels are one-hot: (batch, classes).
        augmentation_model: changes the images first, in training: `HyperImageAugment` or another
            HyperModel, or a Keras model.
        **kwargs: `name` and `tunable`, as of `HyperModel`.

    Raises:
        ValueError: neither `input_shape` nor `input_tensor` is given, or no `classes` for the top;
            or an argument is of another kind.

    Example:
        >>> from kerastune_lite.applications import HyperResNet
        >>> hp = kt.HyperParameters(values={"version": "v1"})
        >>> model = HyperResNet(input_shape=(32, 32, 3), classes=10).build(hp)
        >>> model.name, model.output_shape
        ('ResNet', (None, 10))
        >>> list(hp.values)
        ['version', 'conv3_depth', 'conv4_depth', 'pooling', 'optimizer', 'learning_rate']
    """

    architecture = "ResNet"

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        version = VERSIONS[hp.Choice("version", list(VERSIONS), default="v2")]
        third = hp.Choice("conv3_depth", [4, 8], default=4)
        fourth = hp.Choice("conv4_depth", [6, 23, 36], default=6)
        depths = (3, third, fourth, 3)
        x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
        x = layers.Conv2D(64, 7, strides=2, use_bias=version.use_bias, name="conv1_conv")(x)
        if not version.preactivated:
            x = _rectified(_normalised(x, "conv1"), "conv1")
        x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        for stage, (depth, filters) in enumerate(zip(depths, version.filters), 2):
            # ResNet V2 halves the height and the width in the last block of a stage.
            halving, halved = (depth, stage < 5) if version.preactivated else (1, stage > 2)
            for block in range(1, depth + 1):
                stride = 2 if halved and block == halving else 1
                x = version.block(x, filters, stride, block == 1, f"conv{stage}_block{block}")
        if version.preactivated:
            x = _rectified(_normalised(x, "post"), "post")
        return pooled(x, hp.Choice("pooling", ["avg", "max"], default="avg"))

    def _optimizer(self, hp: HyperParameters) -> Any:
        name = hp.Choice("optimizer", ["adam", "rmsprop", "sgd"], default="adam")
        optimizer = keras.optimizers.get(name)
        optimizer.learning_rate = hp.Choice("learning_rate", [0.1, 0.01, 0.001], default=0.01)
        return optimizer


def _normalised(x: Any, name: str) -> Any:
    return layers.BatchNormalization(channels_axis(), epsilon=1.001e-5, name=f"{name}_bn")(x)


def _rectified(x: Any, name: str) -> Any:
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _block_v1(x: Any, filters: int, stride: int, first: bool, name: str) -> Any:
    """A block of ResNet: 1 x 1, 3 x 3, 1 x 1 convolutions beside a shortcut."""
    shortcut = x
    if first:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        shortcut = _normalised(shortcut, f"{name}_0")
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = _rectified(_normalised(x, f"{name}_1"), f"{name}_1")
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = _rectified(_normalised(x, f"{name}_2"), f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, _normalised(x, f"{name}_3")])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _block_v2(x: Any, filters: int, stride: int, first: bool, name: str) -> Any:
    """A block of ResNet V2: what is added is neither normalised nor rectified."""
    before = _rectified(_normalised(x, f"{name}_preact"), f"{name}_preact")
    if first:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = _rectified(_normalised(x, f"{name}_1"), f"{name}_1")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = _rectified(_normalised(x, f"{name}_2"), f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _block_next(x: Any, filters: int, stride: int, first: bool, name: str) -> Any:
    """A block of ResNeXt: the 3 x 3 convolution is one of groups."""
    shortcut = x
    if first:
        shortcut = layers.Conv2D(
            2 * filters, 1, strides=stride, use_bias=False, name=f"{name}_0_conv"
        )(x)
        shortcut = _normalised(shortcut, f"{name}_0")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(x)
    x = _rectified(_normalised(x, f"{name}_1"), f"{name}_1")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = _grouped(x, filters, stride, f"{name}_2_conv")
    x = _rectified(_normalised(x, f"{name}_2"), f"{name}_2")
    x = layers.Conv2D(2 * filters, 1, use_bias=False, name=f"{name}_3_conv")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, _normalised(x, f"{name}_3")])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _grouped(x: Any, filters: int, stride: int, name: str) -> Any:
    """A 3 x 3 convolution of `GROUPS` groups of channels, with `filters` filters.

    Keras's own, Conv2D(groups=...), takes over a hundred times as long on a CPU.
    """
    width = filters // GROUPS  # the channels of a group, before and after
    x = layers.DepthwiseConv2D(
        3, strides=stride, depth_multiplier=width, use_bias=False, name=name
    )(x)
    # One channel for each pair of a channel before and one after; those after are sums.
    if channels_axis() == 1:
        shape = x.shape[2:]
        x = layers.Reshape((GROUPS, width, width, *shape))(x)
        return layers.Reshape((filters, *shape))(keras.ops.sum(x, axis=2))
    shape = x.shape[1:3]
    x = layers.Reshape((*shape, GROUPS, width, width))(x)
    return layers.Reshape((*shape, filters))(keras.ops.sum(x, axis=4))


@dataclasses.dataclass(frozen=True)
class Version:
    """What the networks of one paper have in common.

    Attributes:
        block: makes a residual block from (x, filters, stride, whether it is the first of its
            stage, name).
        filters: those of the 3 x 3 convolutions, by stage.
        preactivated: whether blocks normalise and rectify what they are given.
        use_bias: of the first convolution.
    """

    block: Callable[[Any, int, int, bool, str], Any]
    filters: tuple[int, int, int, int]
    preactivated: bool = False
    use_bias: bool = True


VERSIONS = {
    "v1": Version(_block_v1, (64, 128, 256, 512)),
    "v2": Version(_block_v2, (64, 128, 256, 512), preactivated=True),
    "next": Version(_block_next, (128, 256, 512, 1024), use_bias=False),
}
