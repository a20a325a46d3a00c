"""The state of a training, and how that of an optimizer begins without building it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals


@dataclasses.dataclass(frozen=True)
class State:
    """All that training changes in a model, in the order of its and its optimizer's variables.

    Attributes:
        trainable: the weights with gradients, tensors or arrays.
        others: statistics of BatchNormalization, states of seed generators.
        optimizer: iterations, learning rate, slots.
    """

    trainable: list[Any]
    others: list[Any]
    optimizer: list[Any]


@dataclasses.dataclass(frozen=True)
class Slot:
    """One of an optimizer's variables.

    Attributes:
        own: whether the optimizer has it before it is built (iterations, learning rate).
        like: which of the model's trainable variables it has the size of; None for its own size.
        begin: what it begins with: a number for all its elements, or an array.
    """

    own: bool
    like: int | None
    begin: Any


def plain_copy(optimizer: Any, variables: Sequence[Any]) -> tuple[Any, list[Slot]]:
    """A copy of `optimizer` that was built for `variables` by Keras's plain methods.

    Returns:
        The copy, and how each of its variables begins; those of its own come first.

    Raises:
        ValueError: a slot does not begin with one and the same number everywhere.
    """
    copy = type(optimizer).from_config(optimizer.get_config())
    before = list(copy.variables)
    references: dict[int, int] = {}
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
    if any(one is not other for one, other in zip(before, copy.variables)):
        raise ValueError("The optimizer's variables change places when it is built.")
    slots = []
    for place, variable in enumerate(copy.variables):
        like = references.get(id(variable))
        value = variable.numpy()
        if like is not None:
            if value.size and np.any(value != value.flat[0]):
                raise ValueError("A slot begins with different numbers.")
            value = value.flat[0] if value.size else value.dtype.type(0)
        slots.append(Slot(place < len(before), like, value))
    return copy, slots


class Variables:
    """The variables of a model and of its optimizer, as a training begins with them.

    `fit` asks for them once, in its first batch: what a callback freezes later is trained on.
    """

    def __init__(self, model: Any) -> None:
        self.trainable = list(model.trainable_variables)
        self.others = list(model.non_trainable_variables)
        self.optimizer = model.optimizer

    def state(self, slots: Sequence[Slot]) -> State:
        """The state that they are in, whether or not the optimizer is built.

        Args:
            slots: of the optimizer.
        """
        trainable = [_value(v) for v in self.trainable]
        optimizer = [_value(v) for v in self.optimizer.variables]
        for slot in slots[len(optimizer) :]:
            like = None if slot.like is None else tuple(trainable[slot.like].shape)
            optimizer.append(slot.begin if like is None else np.full(like, slot.begin))
        return State(trainable, [_value(v) for v in self.others], optimizer)

    def put(self, state: State) -> None:
        """Bring them into a state; the optimizer's as far as both know of them."""
        import tensorflow as tf

        # Before it is built, an optimizer has the first of its variables.
        optimizer = zip(self.optimizer.variables, state.optimizer)
        others = zip(self.others, state.others)
        for variable, value in (*zip(self.trainable, state.trainable), *others, *optimizer):
            # Keras's own assign takes as long, for all of them, as a small network's epoch.
            tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)


def _value(variable: Any) -> Any:
    import tensorflow as tf

    # As above: a third of the time of Keras's `numpy`.
    value = variable.value
    return tf.raw_ops.ReadVariableOp(resource=value.handle, dtype=value.dtype)
