"""Values as JSON text in the database's columns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_DUMP = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_DUMP_ALL = json.JSONEncoder(ensure_ascii=False).encode

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|Infinity|NaN')


def dumped(value: Any) -> str:
    """JSON that other tools can read: NaN and infinities, which JSON lacks, become strings."""
    try:
        return _DUMP(value)
    except ValueError:
        return _DUMP(finite(value, str))


def finite(value: Any, replace: Callable[[float], str | None]) -> Any:
    """`value` with NaN and infinities, at any depth, replaced."""
    if isinstance(value, Mapping):
        return {name: finite(each, replace) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each, replace) for each in value]
    return replace(value) if isinstance(value, float) and not math.isfinite(value) else value


def values_dumped(value: Any) -> str:
    """JSON of hyperparameters that reads back unchanged: infinity is a number beyond floats."""
    try:
        return _DUMP(value)
    except ValueError:
        spelled = {"Infinity": "1e999", "NaN": '"nan"'}
        return _STRING_OR_CONSTANT.sub(
            lambda found: spelled.get(found[0], found[0]), _DUMP_ALL(value)
        )


def numbers_of(text: str) -> Mapping[str, float]:
    """Metrics as `dumped` wrote them."""
    metrics = json.loads(text)
    for name, value in metrics.items():
        if isinstance(value, str):
            metrics[name] = float(value)
    return metrics
