"""KerasTuner's function of that name."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.core.objective import Direction
from kerastune_lite._src.keras.metric_directions import direction_of
from kerastune_lite._src.util.public import public


@public("kerastune_lite.engine.metrics_tracking")
def infer_metric_direction(metric: Any) -> Direction | None:
    """Whether a metric is to be minimised or maximised; None if Keras does not say.

    Args:
        metric: its name in Keras's logs; or a metric or loss of Keras, as an object or a class.

    Example:
        >>> from kerastune_lite.engine.metrics_tracking import infer_metric_direction
        >>> infer_metric_direction("val_accuracy")
        'max'
    """
    if isinstance(metric, str):
        return direction_of(metric, None)
    return direction_of(str(getattr(metric, "name", getattr(metric, "__name__", metric))), None)
