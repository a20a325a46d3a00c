"""The HyperModel."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.keras.hypermodel import HyperModel

__all__ = [
    "HyperModel",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "HyperModel": "_src.keras.hypermodel",
    },
)
