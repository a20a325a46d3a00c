"""What you believe of where the best values are, for `hp.Float(..., prior=...)` and the others."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.space.prior import around, weights

__all__ = ["around", "weights"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "around": "_src.space.prior",
        "weights": "_src.space.prior",
    },
)
