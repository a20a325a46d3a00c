"""The samples on which `model.fit` validates, once more."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.data_checks import brings_batches
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class NotThere(Exception):
    """These samples cannot be had; the message is a sentence that says why."""


def validation_samples(given: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight), the rows that `fit` validates on, in their order.

    Args:
        given: the arguments of `fit` by name, as they are in force.

    Returns:
        If `x` comes in batches, these bring the others, which are None.

    Raises:
        NotThere: there are none, or they cannot be read again.
    """
    validation, share = given.get("validation_data"), given.get("validation_split") or 0.0
    if validation is None and not share:
        raise NotThere("The search received neither `validation_data` nor `validation_split`.")
    steps = given.get("validation_steps")
    if validation is None:
        arrays = tuple(given.get(name) for name in ("x", "y", "sample_weight"))
        x, y, weight = internals.split_validation(arrays, share)[1]
    elif brings_batches(validation):
        x, y, weight = validation, None, None
    else:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(validation)
    if isinstance(x, types.GeneratorType):
        raise NotThere("They come from a generator, which can be read only once.")
    if steps is None:
        return x, y, weight
    if not hasattr(x, "take") or not brings_batches(x):
        raise NotThere(f"With validation_steps={steps} they are a part of these data.")
    return x.take(steps), None, None
