"""A training that goes on with other hyperparameters: the state of a parent, made fit for a child.

The child inherits the variables of the model and of the optimizer, and the state of the callbacks.
Its own is what the user's code made of its hyperparameters: attributes of layers, of the optimizer
and of callbacks, and the learning rate, which is a variable of the optimizer.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.callback_state import pack, take, unpack
from kerastune_lite._src.keras.callbacks import EpochReporter, OneOfOurs
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

Beginning = Mapping[str, Any]
"""What a training began with, in the `extra` of its states: rates, and attributes of callbacks."""

_RATES = "learning_rates"
_MADE = "callbacks"

_RATE = "learning_rate"

_NO_BEST = {"best_epoch": None, "best_weights": None, "_best_loss": math.inf}
"""Of an EpochReporter."""


def rates_of(model: Any) -> dict[str, list[float]]:
    """The learning rates of a model that has not been trained; not those that follow a schedule."""
    return {
        name: [float(value) for value in values_of("", _rates(optimizer)).values()]
        for name, optimizer in optimizers_of(model).items()
    }


def beginning_of(rates: Rates, callbacks: Sequence[Any]) -> Beginning:
    """What a training begins with.

    Args:
        rates: see `rates_of`.
        callbacks: those whose state is stored, as they were made.
    """
    return {_RATES: rates, _MADE: [_attributes(each) for each in callbacks]}


def _attributes(callback: Any) -> dict[str, Any]:
    """What may be the state of a user's callback."""
    if isinstance(callback, OneOfOurs):
        return {}
    arrays: dict[str, np.ndarray] = {}
    kept, _ = take(callback, "made", arrays)
    return {name: unpack(packed, arrays) for name, packed in kept.items()}


def _rates(optimizer: Any) -> list[Any]:
    return [variable for variable in optimizer.variables if variable.name == _RATE]


def inherited(state: TrainingState, model: Any, own: Beginning) -> TrainingState:
    """The state of a parent, from which a child can be trained on as if it were its own.

    - A learning rate that differs from the parent's takes its place; if a callback has changed that
      one since, by the same ratio.
    - So does an attribute of a callback that was made with another value.
    - The result of the child is that of its own epochs.
    - If the optimizer has other variables than the parent's (SGD has none for a momentum of 0), it
      starts anew.

    Args:
        state: of the parent, with its beginning in `extra`.
        model: of the child; its variables are created, and set to those of the parent.
        own: the beginning of the child.

    Raises:
        ValueError: the child has another network, or another optimizer.
    """
    before = state.extra
    try:
        state = _aligned(state, model)
        arrays = dict(state.arrays)
        create_variables(state, model)
        for name, optimizer in optimizers_of(model).items():
            values = values_of(f"optimizers/{name}", optimizer.variables)
            if not _fits(values, arrays, f"optimizers/{name}/"):
                _start_anew(arrays, values, f"optimizers/{name}/")
                continue
            rates = (each.get(_RATES, {}).get(name, ()) for each in (before, own))
            _set_rates(arrays, name, optimizer, *rates)
        data = {**state.data, "callbacks": list(state.data["callbacks"])}
        _set_attributes(data["callbacks"], arrays, before.get(_MADE, ()), own[_MADE])
        _forget_results(data["callbacks"], arrays)
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


def _aligned(state: TrainingState, model: Any) -> TrainingState:
    """The state, with as many random generators as the model has.

    Layers that drop nothing have none: a dropout that becomes 0, or is no longer 0, changes only
    that. A new generator begins as the model made it.
    """
    own = list(values_of("model", model.variables).values())
    stored = [state.arrays[f"model/{i}"] for i in range(_count(state, "model/"))]
    weights = [each for each in stored if not _is_generator(each)]
    if len(stored) == len(own) or len(weights) != sum(not _is_generator(each) for each in own):
        return state
    rest = iter(weights)
    values = [each if _is_generator(each) else next(rest) for each in own]
    arrays = {name: each for name, each in state.arrays.items() if not name.startswith("model/")}
    arrays.update((f"model/{i}", each) for i, each in enumerate(values))
    # The places of the trained variables have changed: the optimizer trains those of the model.
    optimizers = [{**each, "trained": []} for each in state.data["optimizers"]]
    return dataclasses.replace(state, arrays=arrays, data={**state.data, "optimizers": optimizers})


def _count(state: TrainingState, prefix: str) -> int:
    return sum(name.startswith(prefix) for name in state.arrays)


def _is_generator(value: np.ndarray) -> bool:
    """Whether it is the state of a SeedGenerator of Keras; weights are no such numbers."""
    return np.issubdtype(value.dtype, np.integer) and value.shape == (2,)


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


def _set_attributes(
    states: list[Any],
    arrays: dict[str, np.ndarray],
    before: Sequence[Mapping[str, Any]],
    own: Sequence[Mapping[str, Any]],
) -> None:
    for place, (state, old, new) in enumerate(zip(states, before, own)):
        name = f"callbacks/{place}/own"
        kept = {
            attribute: pack(value, f"{name}/{attribute}", arrays)
            for attribute, value in new.items()
            if attribute in old and not _same(old[attribute], value)
        }
        states[place] = {**state, "kept": {**state["kept"], **kept}}


def _same(one: Any, other: Any) -> bool:
    """Whether two values of plain data are equal."""
    arrays: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = {}, {}
    packed = [pack(value, "", into) for value, into in zip((one, other), arrays)]
    return packed[0] == packed[1] and all(
        np.array_equal(array, arrays[1][name]) for name, array in arrays[0].items()
    )


def _forget_results(states: list[Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Have the reporter count the epochs of the parent on, without results for them."""
    for place, each in enumerate(states):
        if each["class"] == EpochReporter.__name__:
            seen = unpack(each["kept"]["history"], arrays)
            blank = {name: [math.nan] * len(values) for name, values in seen.items()}
            own = {"history": blank, **_NO_BEST}
            kept = {name: pack(value, name, {}) for name, value in own.items()}
            states[place] = {**each, "kept": {**each["kept"], **kept}}
