"""Keras's schedules of the learning rate, for members that may be at different steps.

Formulas and order of operations follow `keras.optimizers.schedules`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray

Values = Mapping[str, Any]
"""By name: `(G, 1)`, or the one value of all, in double precision."""

_ONE, _HALF = np.float32(1), np.float32(0.5)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How a learning rate follows from the step.

    Attributes:
        rate: computes it of (values, options, steps), `(G, 1)` in single precision.
        numbers: the attributes that it reads as numbers.
        options: the attributes that are the same for all members.
    """

    rate: Callable[[Values, Mapping[str, Any], Array], Array]
    numbers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def _single(value: Any) -> Any:
    return np.float32(value) if np.ndim(value) == 0 else value.astype(np.float32)


def _cosine(values: Values, options: Mapping[str, Any], step: Array) -> Array:
    begin, steps = _single(values["initial_learning_rate"]), _single(values["decay_steps"])
    if options["warmup_target"] is None:
        return _decayed(values, np.minimum(step, steps), steps, begin)
    rising, top = _single(values["warmup_steps"]), _single(values["warmup_target"])
    step = np.minimum(step, steps + rising)
    warm = (top - begin) * (step / rising) + begin
    return np.where(step < rising, warm, _decayed(values, step - rising, steps, top))


def _decayed(values: Values, step: Array, steps: Any, begin: Any) -> Array:
    cosine = _HALF * (_ONE + np.cos(np.float32(math.pi) * (step / steps)))
    return begin * (_single(1 - values["alpha"]) * cosine + _single(values["alpha"]))


def _passed(values: Values, options: Mapping[str, Any], step: Array) -> Array:
    """How often the rate has decayed."""
    passed = step / _single(values["decay_steps"])
    return np.floor(passed) if options["staircase"] else passed


def _exponential(values: Values, options: Mapping[str, Any], step: Array) -> Array:
    power = np.power(_single(values["decay_rate"]), _passed(values, options, step))
    return _single(values["initial_learning_rate"]) * power


def _inverse_time(values: Values, options: Mapping[str, Any], step: Array) -> Array:
    divisor = _ONE + _single(values["decay_rate"]) * _passed(values, options, step)
    return _single(values["initial_learning_rate"]) / divisor


def _polynomial(values: Values, options: Mapping[str, Any], step: Array) -> Array:
    begin, end = _single(values["initial_learning_rate"]), _single(values["end_learning_rate"])
    steps = _single(values["decay_steps"])
    if options["cycle"]:
        steps = steps * np.where(step == 0, _ONE, np.ceil(step / steps))
    else:
        step = np.minimum(step, steps)
    return (begin - end) * np.power(_ONE - step / steps, _single(values["power"])) + end


def _piecewise(values: Values, options: Mapping[str, Any], step: Array) -> Array:
    # A boundary is the last step of the value before it.
    place = np.searchsorted(np.asarray(options["boundaries"]), step, side="left")
    return np.asarray(options["values"], np.float32)[place]


_DECAYS = ("initial_learning_rate", "decay_steps", "decay_rate")

SCHEDULES: Mapping[str, Schedule] = {
    "CosineDecay": Schedule(
        _cosine,
        ("initial_learning_rate", "decay_steps", "alpha", "warmup_steps", "warmup_target"),
        ("warmup_target",),
    ),
    "ExponentialDecay": Schedule(_exponential, _DECAYS, ("staircase",)),
    "InverseTimeDecay": Schedule(_inverse_time, _DECAYS, ("staircase",)),
    "PiecewiseConstantDecay": Schedule(_piecewise, options=("boundaries", "values")),
    "PolynomialDecay": Schedule(
        _polynomial,
        ("initial_learning_rate", "decay_steps", "end_learning_rate", "power"),
        ("cycle",),
    ),
}
"""By the name of the class in `keras.optimizers.schedules`."""
