"""Which trainings can go side by side, with which program, how many, and whether it pays."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.engines import Feeding
from kerastune_lite._src.keras.fast.fit_call import FitCall
from kerastune_lite._src.keras.fast.loop import Callbacks
from kerastune_lite._src.keras.fast.numpy.array_program import ArrayProgram
from kerastune_lite._src.keras.fast.numpy.layers import NotInArrays
from kerastune_lite._src.keras.fast.numpy.trusted_programs import program_in_arrays
from kerastune_lite._src.keras.fast.samples import Samples
from kerastune_lite._src.keras.fast.structure import (
    NotShared,
    Structure,
    check_optimizer,
    structure_of,
)
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

TALLEST = 32
"""Members of a stack; more of them gain nothing."""

MEMORY = 2**29
"""Bytes that the states and batches of a stack may take, or a sixteenth of the machine's memory."""

_ARITHMETIC = 1 << 21
"""Weights times samples of a batch, from where on the arithmetic of one member takes much longer
than starting its operations (32,000 weights, batches of 64)."""
_STEPS = 1 << 17
"""Steps of members, all told, that a search has under way at most because of stacks: about a
quarter of a minute."""


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
    """

    model: Any
    call: FitCall
    callbacks: Callbacks
    feeding: Feeding
    structure: Structure
    open_structure: Structure
    whole: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """Members of equal keys may train side by side; each may have samples of its own."""
        call, feeding, validation = self.call, self.feeding, self.feeding.validation
        freq = call.validation_freq
        return (
            self.structure.key,
            feeding.batch_size,
            None if validation is None else feeding.validation_batch_size,
            call.initial_epoch,
            call.epochs,
            freq if isinstance(freq, int) else tuple(sorted(freq)),
            feeding.training.types,
            None if validation is None else validation.types,
        )

    @property
    def samples(self) -> tuple[Samples, ...]:
        """To train on, and to validate on."""
        feeding = self.feeding
        return (feeding.training, *([] if feeding.validation is None else [feeding.validation]))


def member_of(
    model: Any,
    call: FitCall,
    callbacks: Callbacks,
    feeding: Feeding,
    whole: bool = False,
) -> Member:
    """A training as a member of a stack; the model has passed the checks of the dispatcher.

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
    if call.verbose not in (0, "auto"):
        raise NotStacked("what is printed of each epoch")
    return Member(model, call, callbacks, feeding, structure, open_structure, whole)


def worth_stacking(members: Sequence[Member]) -> bool:
    """Whether members of one key are trained sooner side by side than one after the other."""
    return len(members) > 1 and _saves(members[0])


def check_saves(member: Member) -> None:
    """Refuse what would take as long side by side as one after the other.

    Raises:
        NotStacked: a step of a stack of its kind takes no less time than those of its members.
    """
    try:
        program_of(member)
    except NotInArrays as reason:
        raise NotStacked(str(reason)) from None


def program_of(member: Member) -> ArrayProgram:
    """The program that trains members of this one's kind side by side in NumPy.

    Raises:
        NotInArrays: there is none, or TensorFlow is faster.
    """
    weights = sum(int(np.prod(v.shape)) for v in member.model.trainable_variables)
    if weights * member.feeding.batch_size > _ARITHMETIC:
        raise NotInArrays("a network whose arithmetic takes longer than its operations' starts")
    return program_in_arrays(member.model, member.open_structure, member.feeding)


def _saves(member: Member) -> bool:
    try:
        check_saves(member)
    except NotStacked:
        return False
    return True


def _steps(member: Member) -> int:
    return (member.call.epochs - member.call.initial_epoch) * member.feeding.steps


def together(member: Member) -> int:
    """How many trainings of its kind a search should have under way at once."""
    if not _saves(member):
        return 1
    return max(1, min(max_stack(member), _STEPS // max(1, _steps(member))))


def stack_of(members: Sequence[Member], height: Callable[[Member], int]) -> list[list[Member]]:
    """The members in groups that can train side by side, in the order in which they come.

    Args:
        height: how many may be in a group of this one's kind.
    """
    groups: dict[Any, list[list[Member]]] = {}
    order: list[list[Member]] = []
    for member in members:
        of_kind = groups.setdefault(member.key, [])
        if not of_kind or len(of_kind[-1]) >= height(member) or not _has_room(of_kind[-1], member):
            of_kind.append([])
            order.append(of_kind[-1])
        of_kind[-1].append(member)
    return order


def _has_room(group: Sequence[Member], member: Member) -> bool:
    """Whether the data of all of them may lie in memory once more, side by side."""
    samples = {id(each): each for one in (*group, member) for each in one.samples}
    if len(samples) == len(member.samples):
        return True  # All are trained on the same, which is taken as it is.
    return sum(each.size for each in samples.values()) <= _memory()


def max_stack(member: Member) -> int:
    """How many members fit into the memory that a stack may take; at least 1."""
    model = member.model
    weights = sum(int(np.prod(v.shape)) for v in model.variables)
    # The weights with two slots each and a gradient, before and after a step.
    state = 8 * weights
    outputs = 0
    for layer in internals.nested_layers(model):
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
