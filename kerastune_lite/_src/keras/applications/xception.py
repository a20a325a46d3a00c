"""Networks of separable convolutions for images, after Xception."""

from __future__ import annotations

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


@public("kerastune_lite.applications")
class HyperXception(ImageClassifier):
    """A network of residual blocks with separable convolutions that classifies images.

    Hyperparameters: `activation`, `conv2d_num_filters`, `kernel_size` and `initial_strides` of the
    first convolution, `sep_num_filters`, `num_residual_blocks` and `pooling`; with a top
    `num_dense_layers`, `dropout_rate`, `dense_use_bn` (only with relu: what selu returns is not
    normalised again) and `learning_rate`.

    Chollet (2016), Xception: deep learning with depthwise separable convolutions,
    arXiv:1610.02357.

    Args:
        include_top: whether the model ends with the probabilities of the classes and is compiled.
            Without, it returns features of shape (batch, n).
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
        >>> from kerastune_lite.applications import HyperXception
        >>> hp = kt.HyperParameters(values={"num_residual_blocks": 2, "activation": "selu"})
        >>> model = HyperXception(input_shape=(32, 32, 3), classes=10).build(hp)
        >>> model.name, model.output_shape
        ('Xception', (None, 10))
        >>> "dense_use_bn" in hp
        False
    """

    architecture = "Xception"

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        activation = hp.Choice("activation", ["relu", "selu"])
        filters = hp.Choice("conv2d_num_filters", [32, 64, 128], default=64)
        size = hp.Choice("kernel_size", [3, 5], default=3)
        strides = hp.Choice("initial_strides", [2])
        x = _convolved(x, layers.Conv2D, filters, size, activation, strides)
        filters = hp.Int("sep_num_filters", 128, 768, step=128, default=256)
        for _ in range(hp.Int("num_residual_blocks", 2, 8, default=4)):
            x = _block(x, filters, activation)
        x = _block(x, 2 * filters, activation, strides=2)
        return pooled(x, hp.Choice("pooling", ["avg", "flatten", "max"]))

    def _top(self, x: Any, hp: HyperParameters) -> Any:
        activation = hp.get("activation")
        count = hp.Int("num_dense_layers", 1, 3, default=1)
        rate = hp.Float("dropout_rate", 0.0, 0.6, step=0.1, default=0.5)
        normalised = activation == "relu" and hp.Choice("dense_use_bn", [True, False])
        for _ in range(count):
            initializer = _initializer(activation)
            x = layers.Dense(self.classes, activation, kernel_initializer=initializer)(x)
            if normalised:
                x = layers.BatchNormalization()(x)
            if rate:
                x = layers.Dropout(rate)(x)
        return super()._top(x, hp)

    def _optimizer(self, hp: HyperParameters) -> Any:
        return keras.optimizers.Adam(hp.Choice("learning_rate", [1e-3, 1e-4, 1e-5], default=1e-3))


def _initializer(activation: str) -> str:
    """Of kernels: with selu, outputs keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return "lecun_normal" if activation == "selu" else "glorot_uniform"


def _convolved(
    x: Any, layer: Any, filters: int, size: int, activation: str, strides: int = 1
) -> Any:
    """A convolution with its activation; with relu, normalised in between."""
    if activation == "selu":
        kernels = ("kernel",) if layer is layers.Conv2D else ("depthwise", "pointwise")
        initializers = {f"{each}_initializer": _initializer(activation) for each in kernels}
        return layer(filters, size, strides, "same", activation="selu", **initializers)(x)
    x = layer(filters, size, strides, "same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(channels_axis())(x))


def _block(x: Any, filters: int, activation: str, strides: int = 1) -> Any:
    """Two separable convolutions beside a shortcut; with `strides`, they are pooled."""
    shortcut = x
    if strides > 1 or x.shape[channels_axis()] != filters:
        shortcut = layers.Conv2D(filters, 1, strides, "same")(x)
    for _ in range(2):
        x = _convolved(x, layers.SeparableConv2D, filters, 3, activation)
    if strides > 1:
        x = layers.MaxPooling2D(3, strides, "same")(x)
    return layers.Add()([x, shortcut])
