"""The directions of metrics."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.compat_kerastuner.metric_tracking import infer_metric_direction

__all__ = [
    "infer_metric_direction",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "infer_metric_direction": "_src.compat_kerastuner.metric_tracking",
    },
)
