"""A training that goes on with other hyperparameters: the state of a parent, made fit for a child.

The child inherits the variables of the model and of the optimizer, and the state of the callbacks.
Its own are what `build(hp)` made of its hyperparameters: they are attributes of layers and of the
optimizer, except for the learning rate, which is a variable of the optimizer.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.callback_state import pack, unpack
from kerastune_lite._src.keras.callbacks import EpochReporter
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.resuming import (
    TrainingState,
    create_variables,
    optimizers_of,
    restore_model,
    values_of,
)
from kerastune_lite._src.util.errors import StoreError

keras = load_keras()
logger = logging.getLogger(__name__)

Rates = Mapping[str, Sequence[float]]
"""The learning rates that a model was compiled with, by the attributes of its optimizers."""

RATES = "learning_rates"
"""Their key in the `extra` of a state."""

_RATE = "learning_rate"

_NO_BEST = {"best_epoch": None, "best_weights": None, "_best_loss": math.inf}
"""Of an EpochReporter."""


def rates_of(model: Any) -> dict[str, list[float]]:
    """The learning rates of a model that has not been trained; not those that follow a schedule."""
    return {
        name: [float(value) for value in values_of("", _rates(optimizer)).values()]
        for name, optimizer in optimizers_of(model).items()
    }


def _rates(optimizer: Any) -> list[Any]:
    return [variable for variable in optimizer.variables if variable.name == _RATE]


def inherited(state: TrainingState, model: Any, rates: Rates) -> TrainingState:
    """The state of a parent, from which a child can be trained on as if it were its own.

    - A learning rate that differs from the parent's takes its place; if a callback has changed that
      one since, by the same ratio.
    - The result of the child is that of its own epochs.
    - If the optimizer has other variables than the parent's (SGD has none for a momentum of 0), it
      starts anew.

    Args:
        state: of the parent, with its own rates in `extra`.
        model: of the child; its variables are created, and set to those of the parent.
        rates: of the child's model, as it was compiled.

    Raises:
        ValueError: the child has another network, or another optimizer.
    """
    arrays = dict(state.arrays)
    before = state.extra.get(RATES, {})
    try:
        create_variables(state, model)
        for name, optimizer in optimizers_of(model).items():
            own = values_of(f"optimizers/{name}", optimizer.variables)
            if not _fits(own, arrays, f"optimizers/{name}/"):
                _start_anew(arrays, own, f"optimizers/{name}/")
                continue
            _set_rates(arrays, name, optimizer, before.get(name, ()), rates.get(name, ()))
        data = _with_own_results(state.data, arrays)
        child = dataclasses.replace(state, arrays=arrays, data=data)
        restore_model(child, model)
    except StoreError as error:
        raise ValueError(
            "A child of PopulationBasedTraining continues the training of its parent, so it needs "
            f"the same network and the same class of optimizer. {error} A hyperparameter that "
            "changes them cannot change during a training: name those that can, "
            'PopulationBasedTraining(hyperparameters=["learning_rate", ...]).'
        ) from error
    return child


def _fits(own: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray], prefix: str) -> bool:
    """Whether the variables of an optimizer are those of a state."""
    stored = {name: value for name, value in arrays.items() if name.startswith(prefix)}
    return stored.keys() == own.keys() and all(
        (value.shape, value.dtype) == (own[name].shape, own[name].dtype)
        for name, value in stored.items()
    )


def _start_anew(arrays: dict[str, np.ndarray], own: Mapping[str, np.ndarray], prefix: str) -> None:
    logger.warning(
        "The optimizer has other variables than that of the parent, so it starts anew; the weights "
        "of the model are inherited."
    )
    for name in [name for name in arrays if name.startswith(prefix)]:
        del arrays[name]
    arrays.update(own)


def _set_rates(
    arrays: dict[str, np.ndarray],
    name: str,
    optimizer: Any,
    before: Sequence[float],
    rates: Sequence[float],
) -> None:
    places = [i for i, each in enumerate(optimizer.variables) if each.name == _RATE]
    for place, old, new in zip(places, before, rates):
        key = f"optimizers/{name}/{place}"
        if new == old:
            continue
        reached = float(arrays[key])
        value = new if reached == old or not old else reached * (new / old)
        arrays[key] = np.array(value, arrays[key].dtype)


def _with_own_results(data: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The data of a state whose reporter has not seen a result yet."""
    callbacks = list(data["callbacks"])
    for place, each in enumerate(callbacks):
        if each["class"] == EpochReporter.__name__:
            seen = unpack(each["kept"]["history"], arrays)
            # Its epochs are counted on, with no results for those of the parent.
            blank = {name: [math.nan] * len(values) for name, values in seen.items()}
            own = {"history": blank, **_NO_BEST}
            kept = {name: pack(value, name, {}) for name, value in own.items()}
            callbacks[place] = {**each, "kept": {**each["kept"], **kept}}
    return {**data, "callbacks": callbacks}
