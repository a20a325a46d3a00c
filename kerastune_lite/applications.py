"""Hypermodels for images, as in `keras_tuner.applications`."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.keras.applications.augment import HyperImageAugment
    from kerastune_lite._src.keras.applications.efficientnet import HyperEfficientNet
    from kerastune_lite._src.keras.applications.resnet import HyperResNet
    from kerastune_lite._src.keras.applications.xception import HyperXception

__all__ = ["HyperEfficientNet", "HyperImageAugment", "HyperResNet", "HyperXception"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "HyperEfficientNet": "_src.keras.applications.efficientnet",
        "HyperImageAugment": "_src.keras.applications.augment",
        "HyperResNet": "_src.keras.applications.resnet",
        "HyperXception": "_src.keras.applications.xception",
    },
)
