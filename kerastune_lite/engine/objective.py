"""Objectives."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.core.objective import Objective

__all__ = [
    "Objective",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Objective": "_src.core.objective",
    },
)
