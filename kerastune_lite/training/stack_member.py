"""Which trainings can go side by side, with which program, how many, and whether it pays."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastune_lite.training import internals
from kerastune_lite.training.engines import Feeding
from kerastune_lite.training.fit_call import FitCall
from kerastune_lite.training.loop import Callbacks
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.stack_checks import not_written
from kerastune_lite.training.stack_layers import LARGE_KERNEL
from kerastune_lite.training.stack_program import StackedProgram
from kerastune_lite.training.structure import NotShared, Structure, structure_of
from kerastune_lite.training.structure import _check_optimizer as check_optimizer

keras = load_keras()

TALLEST = 32
"""Members of a stack; more of them gain nothing."""

MEMORY = 2**29
"""Bytes that the states and batches of a stack may take, or a sixteenth of the machine's memory."""

_ARITHMETIC = 1 << 23
"""Weights times samples of a batch, from where on the arithmetic of one member keeps two cores
busy (128,000 weights, batches of 64)."""
_SAVED = 1.2e-4
"""Seconds that a step of a member takes less than alone; measured for networks of 1,000 to 30,000
weights on two cores (0.12 to 0.14 ms)."""
_TRACE = 0.3
"""Seconds that it takes to trace a program."""


class NotStacked(Exception):
    """This training is one for itself; the message says why, to follow upon a colon."""


@dataclasses.dataclass(frozen=True)
class Member:
    """A training that may be part of a stack.

    Attributes:
        model: built and compiled.
        call: the arguments of `fit`.
        callbacks: of this training.
        feeding: its data.
        structure: the model's, with literal sizes.
        open_structure: the same with open ones, where they can be.
        whole: whether the state of the optimizer is wanted afterwards, too.
        rows, validation_rows: which samples of the data are this member's own, where the members
            are trained on parts of it (folds); else all are.
    """

    model: Any
    call: FitCall
    callbacks: Callbacks
    feeding: Feeding
    structure: Structure
    open_structure: Structure
    whole: bool = False
    rows: np.ndarray | None = None
    validation_rows: np.ndarray | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Members of equal keys may train side by side."""
        call, feeding, validation = self.call, self.feeding, self.feeding.validation
        freq = call.validation_freq
        return (
            self.structure.key,
            feeding.batch_size,
            None if validation is None else feeding.validation_batch_size,
            call.initial_epoch,
            call.epochs,
            freq if isinstance(freq, int) else tuple(sorted(freq)),
            # They are remembered, so the same data are the same object.
            id(feeding.training),
            id(validation),
            None if self.rows is None else len(self.rows),
            None if self.validation_rows is None else len(self.validation_rows),
        )


def member_of(
    model: Any,
    call: FitCall,
    callbacks: Callbacks,
    feeding: Feeding,
    whole: bool = False,
    rows: np.ndarray | None = None,
    validation_rows: np.ndarray | None = None,
) -> Member:
    """A training as a member of a stack; the model has passed the checks of the door.

    Raises:
        NotStacked: it has to be trained alone.
    """
    if not model.built:
        raise NotStacked("the model is not built before fit()")
    try:
        check_optimizer(model.optimizer)
        structure, open_structure = structure_of(model, sized=False), structure_of(model)
    except NotShared as reason:
        raise NotStacked(str(reason)) from None
    if not structure.stackable:
        raise NotStacked("recurrent layers")
    if callbacks.look_closely:
        raise NotStacked("a callback that may look at all of the model")
    if callbacks.halt_on_nan:
        raise NotStacked("TerminateOnNaN")
    if rows is not None and len(rows) != feeding.training.count:
        # Its Feeding shuffles what it knows of.
        raise NotStacked("`rows` of another number than the samples to be shuffled")
    return Member(
        model, call, callbacks, feeding, structure, open_structure, whole, rows, validation_rows
    )


def program_key(member: Member) -> tuple[Any, ...]:
    """Members of equal keys can be trained by one program, if not side by side."""
    feeding, validation = member.feeding, member.feeding.validation
    _build(member)
    shapes = [v.shape for v in member.model.trainable_variables]
    return (
        _structure(member).key,
        max((int(np.prod(shape)) for shape in shapes), default=0) >= LARGE_KERNEL,
        feeding.training.types,
        None if validation is None else validation.types,
    )


def _structure(member: Member) -> Structure:
    """What its program is traced for: open sizes, if its steps are written out."""
    tensors = member.feeding.training.tensors
    written = not_written(member.model, member.open_structure, tensors) is None
    return member.open_structure if written else member.structure


def program_of(member: Member) -> StackedProgram:
    """A program for all members of this one's program key."""
    validation = member.feeding.validation
    _build(member)
    return StackedProgram(
        member.model,
        _structure(member),
        member.feeding.training.tensors,
        None if validation is None else validation.tensors,
    )


def _build(member: Member) -> None:
    row = keras.tree.map_structure(lambda leaf: leaf[:1], member.feeding.training.tensors)
    internals.build_all(member.model, keras.utils.unpack_x_y_sample_weight(row))


def worth_stacking(members: Sequence[Member], program: StackedProgram | None) -> bool:
    """Whether members of one key are trained sooner side by side than one after the other.

    Args:
        program: for them; None if it has yet to be traced, which has to pay, too.
    """
    import tensorflow as tf

    if len(members) < 2:
        return False
    if tf.config.list_physical_devices("GPU"):
        return True
    first = members[0]
    weights = sum(int(np.prod(v.shape)) for v in first.model.trainable_variables)
    if weights * first.feeding.batch_size > _ARITHMETIC:
        return False
    if program is not None:
        return program.reason is None
    epochs = first.call.epochs - first.call.initial_epoch
    if _SAVED * len(members) * epochs * first.feeding.steps < _TRACE:
        return False
    _build(first)
    return not_written(first.model, first.structure, first.feeding.training.tensors) is None


def stack_of(members: Sequence[Member], height: Callable[[Member], int]) -> list[list[Member]]:
    """The members in groups that can train side by side, in the order in which they come.

    Args:
        height: how many may be in a group of this one's kind.
    """
    groups: dict[Any, list[list[Member]]] = {}
    order: list[list[Member]] = []
    for member in members:
        of_kind = groups.setdefault(member.key, [])
        if not of_kind or len(of_kind[-1]) >= height(member):
            of_kind.append([])
            order.append(of_kind[-1])
        of_kind[-1].append(member)
    return order


def max_stack(member: Member) -> int:
    """How many members fit into the memory that a stack may take; at least 1."""
    model = member.model
    weights = sum(int(np.prod(v.shape)) for v in model.variables)
    # The weights with two slots each and a gradient, before and after a step.
    state = 8 * weights
    outputs = 0
    for layer in internals._nested_layers(model):
        for tensor in keras.tree.flatten(getattr(layer, "output", None)):
            if tensor is not None:
                outputs += int(np.prod([size or 1 for size in tensor.shape[1:]]))
    # What a layer puts out, before and after its activation, and the gradients of both.
    batch = (
        4
        * outputs
        * max(
            member.feeding.batch_size,
            getattr(member.feeding, "validation_batch_size", 1),
        )
    )
    return max(1, min(TALLEST, _memory() // (4 * (state + batch))))


def _memory() -> int:
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        return MEMORY
    return min(MEMORY, memory // 16)
