"""Values as text in the database's columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_DUMP = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def dumped(value: Any) -> str:
    """JSON that other tools can read: NaN and infinities, which JSON lacks, become strings."""
    try:
        return _DUMP(value)
    except ValueError:
        return _DUMP({name: _spelled(entry) for name, entry in value.items()})


def _spelled(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def numbers_of(text: str) -> Mapping[str, float]:
    """Metrics as `dumped` wrote them."""
    metrics = json.loads(text)
    for name, value in metrics.items():
        if isinstance(value, str):
            metrics[name] = float(value)
    return metrics
