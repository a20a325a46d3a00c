"""How an optimizer's variables begin, without building the optimizer of every trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals


@dataclasses.dataclass(frozen=True)
class Slot:
    """One of an optimizer's variables.

    Attributes:
        own: its place among the variables that the optimizer has before it is built (iterations,
            learning rate); None for those that building adds.
        like: which of the model's trainable variables it has the size of; None for its own size.
        begin: what it begins with: a number for all its elements, or an array.
    """

    own: int | None
    like: int | None
    begin: Any


def plain_copy(optimizer: Any, variables: Sequence[Any]) -> tuple[Any, list[Slot]]:
    """A copy of `optimizer` that was built for `variables` by Keras's plain methods.

    Returns:
        The copy, and how each of its variables begins.

    Raises:
        ValueError: a slot does not begin with one and the same number everywhere.
    """
    copy = type(optimizer).from_config(optimizer.get_config())
    before = list(copy.variables)
    references: dict[int, int] = {}
    add = copy.add_variable_from_reference
    with internals.plain_optimizers():
        add = copy.add_variable_from_reference

        def noted(reference_variable: Any, *args: Any, **kwargs: Any) -> Any:
            slot = add(reference_variable, *args, **kwargs)
            references[id(slot)] = next(
                i for i, variable in enumerate(variables) if variable is reference_variable
            )
            return slot

        object.__setattr__(copy, "add_variable_from_reference", noted)
        try:
            copy.build(list(variables))
        finally:
            object.__delattr__(copy, "add_variable_from_reference")
    slots = []
    for place, variable in enumerate(copy.variables):
        own = next((i for i, earlier in enumerate(before) if earlier is variable), None)
        if own is not None and own != place:
            raise ValueError("The optimizer's variables change places when it is built.")
        like = references.get(id(variable))
        value = variable.numpy()
        if like is not None:
            if value.size and np.any(value != value.flat[0]):
                raise ValueError("A slot begins with different numbers.")
            value = value.flat[0] if value.size else value.dtype.type(0)
        slots.append(Slot(own, like, value))
    return copy, slots


def first_arrays(slots: Sequence[Slot], optimizer: Any, trainable: Sequence[Any]) -> list[Any]:
    """The values of all variables of an optimizer, whether or not it is built.

    Args:
        slots: of its structure.
        optimizer: a trial's own.
        trainable: the model's trainable variables or their values.
    """
    if optimizer.built:
        return [v.numpy() for v in optimizer.variables]
    own = list(optimizer.variables)
    values = []
    for slot in slots:
        if slot.own is not None:
            values.append(own[slot.own].numpy())
        elif slot.like is not None:
            values.append(np.full(tuple(trainable[slot.like].shape), slot.begin))
        else:
            values.append(slot.begin)
    return values


def first_values(slots: Sequence[Slot], optimizer: Any, trainable: Sequence[Any]) -> list[Any]:
    """The same as tensors."""
    import tensorflow as tf

    return [tf.convert_to_tensor(value) for value in first_arrays(slots, optimizer, trainable)]
