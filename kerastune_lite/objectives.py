"""Objectives besides the name of a metric: `Sum` adds several up, as KerasTuner does."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.core.objective import Objective, Sum

__all__ = ["Objective", "Sum"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {"Objective": "_src.core.objective", "Sum": "_src.core.objective"},
)
