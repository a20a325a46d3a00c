"""KerasTuner's types of hyperparameters, for scripts that were written for it."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.compat_kerastuner.named_hyperparameters import (
        Boolean,
        Choice,
        Fixed,
        Float,
        HyperParameter,
        Int,
        deserialize,
        serialize,
    )
    from kerastune_lite._src.space.hyperparameters import HyperParameters

__all__ = [
    "Boolean",
    "Choice",
    "Fixed",
    "Float",
    "HyperParameter",
    "HyperParameters",
    "Int",
    "deserialize",
    "serialize",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Boolean": "_src.compat_kerastuner.named_hyperparameters",
        "Choice": "_src.compat_kerastuner.named_hyperparameters",
        "Fixed": "_src.compat_kerastuner.named_hyperparameters",
        "Float": "_src.compat_kerastuner.named_hyperparameters",
        "HyperParameter": "_src.compat_kerastuner.named_hyperparameters",
        "HyperParameters": "_src.space.hyperparameters",
        "Int": "_src.compat_kerastuner.named_hyperparameters",
        "deserialize": "_src.compat_kerastuner.named_hyperparameters",
        "serialize": "_src.compat_kerastuner.named_hyperparameters",
    },
)
