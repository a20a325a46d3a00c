"""Ready-made hypermodels, and those for images of `keras_tuner.applications`."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.keras.applications.augment import HyperImageAugment
    from kerastune_lite._src.keras.applications.cnn import HyperCNN
    from kerastune_lite._src.keras.applications.efficientnet import HyperEfficientNet
    from kerastune_lite._src.keras.applications.mlp import HyperMLP
    from kerastune_lite._src.keras.applications.resnet import HyperResNet
    from kerastune_lite._src.keras.applications.rnn import HyperRNN
    from kerastune_lite._src.keras.applications.targets import Target
    from kerastune_lite._src.keras.applications.text import HyperText
    from kerastune_lite._src.keras.applications.xception import HyperXception

__all__ = [
    "HyperCNN",
    "HyperEfficientNet",
    "HyperImageAugment",
    "HyperMLP",
    "HyperRNN",
    "HyperResNet",
    "HyperText",
    "HyperXception",
    "Target",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "HyperCNN": "_src.keras.applications.cnn",
        "HyperEfficientNet": "_src.keras.applications.efficientnet",
        "HyperImageAugment": "_src.keras.applications.augment",
        "HyperMLP": "_src.keras.applications.mlp",
        "HyperRNN": "_src.keras.applications.rnn",
        "HyperResNet": "_src.keras.applications.resnet",
        "HyperText": "_src.keras.applications.text",
        "HyperXception": "_src.keras.applications.xception",
        "Target": "_src.keras.applications.targets",
    },
)
