"""Rules that end a search before its budget is spent, for `Tuner(stopping=...)`."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.algorithms.stopping.expected_improvement import (
        NotWorthwhile,
        RegretBelowNoise,
    )
    from kerastune_lite._src.algorithms.stopping.no_improvement import NoImprovement
    from kerastune_lite._src.algorithms.stopping.rule import StoppingRule

__all__ = ["NoImprovement", "NotWorthwhile", "RegretBelowNoise", "StoppingRule"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "NoImprovement": "_src.algorithms.stopping.no_improvement",
        "NotWorthwhile": "_src.algorithms.stopping.expected_improvement",
        "RegretBelowNoise": "_src.algorithms.stopping.expected_improvement",
        "StoppingRule": "_src.algorithms.stopping.rule",
    },
)
