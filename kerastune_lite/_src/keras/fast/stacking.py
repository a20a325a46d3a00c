"""Which trainings go side by side, how many of them, and whether it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.member import Member, NotStacked
from kerastune_lite._src.keras.fast.numpy.arithmetic import arithmetic, turns
from kerastune_lite._src.keras.fast.numpy.array_program import ArrayProgram
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.numpy.trusted_programs import program_in_arrays
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.search.execution.machine import total_memory

keras = load_keras()

TALLEST = 32
"""Members of a stack; more of them gain nothing."""

MEMORY = 2**29
"""Bytes that the states and batches of a stack may take, or a sixteenth of the machine's memory."""

_ARITHMETIC = 1 << 21
"""Products of a batch with weights, from where on the arithmetic of one member takes much longer
than starting its operations (32,000 weights, batches of 64)."""
_STEPS = 1 << 17
"""Steps of members, all told, that a search has under way at most because of stacks: about a
quarter of a minute."""
_TURNS = 8
"""Steps of a recurrent layer that take as long as a step of another network."""


def stacked_program(member: Member) -> ArrayProgram:
    """The program that trains members of this one's kind side by side.

    Raises:
        NotStacked: there is none, or it takes as long as training one after the other.
    """
    if arithmetic(member.graph, member.batch_size) > _ARITHMETIC:
        raise NotStacked("a network whose arithmetic takes longer than its operations' starts")
    try:
        return program_in_arrays(member)
    except NotInArrays as reason:
        raise NotStacked(str(reason)) from None


def worth_stacking(members: Sequence[Member]) -> bool:
    """Whether members of one key are trained sooner side by side than one after the other."""
    return len(members) > 1 and _saves(members[0])


def together(member: Member) -> int:
    """How many trainings of its kind a search should have under way at once."""
    if not _saves(member):
        return 1
    steps = (member.call.epochs - member.call.initial_epoch) * member.steps
    steps *= 1 + turns(member.graph) // _TURNS
    return max(1, min(max_stack(member), _STEPS // max(1, steps)))


def _saves(member: Member) -> bool:
    try:
        stacked_program(member)
    except NotStacked:
        return False
    return True


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
    samples = {each for one in (*group, member) for each in one.samples}
    if len(samples) == len(member.samples):
        return True  # All are trained on the same, which is taken as it is.
    return sum(each.size for each in samples) <= _memory()


def max_stack(member: Member) -> int:
    """How many members fit into the memory that a stack may take; at least 1."""
    model = member.graph
    weights = sum(int(np.prod(v.shape)) for v in model.variables)
    # The weights with two slots each and a gradient, before and after a step.
    state = 8 * weights
    outputs = 0
    for layer in internals.nested_layers(model):
        for tensor in keras.tree.flatten(getattr(layer, "output", None)):
            if tensor is not None:
                outputs += int(np.prod([size or 1 for size in tensor.shape[1:]]))
    # What a layer puts out, before and after its activation, and the gradients of both.
    batch = 4 * outputs * max(member.batch_size, member.validation_batch_size or 1)
    return max(1, min(TALLEST, _memory() // (4 * (state + batch))))


def _memory() -> int:
    return min(MEMORY, total_memory() // 16)
