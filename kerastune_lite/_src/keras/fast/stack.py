"""The state of trainings that go on side by side; a single one is a stack of one.

Repeats of a trial, folds, and trials that differ only in scalars (learning rate, momentum, dropout
rates, L2 factors) do the same arithmetic on other numbers. For small networks most of a step's time
goes into starting its operations; a stack of models starts each of them once for all members. Each
member has its own samples, their order, callbacks and end, and gets the result that it would get
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.program import Logs, Program
from kerastune_lite._src.keras.fast.samples import Pool
from kerastune_lite._src.keras.fast.state import Variables


class Stack:
    """What becomes of the members that still train.

    Args:
        members: of equal keys. One that looks closely at its model, or halts where a loss is not
            finite, is alone.
        program: of that key.
    """

    def __init__(self, members: Sequence[Member], program: Program[Any]) -> None:
        self._members = list(members)
        self._program = program
        for member in members:
            optimizer = member.model.optimizer
            if program.in_model or optimizer.built:
                continue
            if member.whole or member.callbacks.look_closely or optimizer.use_ema:
                optimizer.build(member.model.trainable_variables)
        self._variables = {member: Variables(member.model) for member in members}
        self._first = {m: each.state(program.slots) for m, each in self._variables.items()}
        self._values = program.packed(list(self._first.values()))
        self._built_late: set[Member] = set()
        """Those whose optimizer's state is wanted now and then, but not at the end."""
        self._packed = list(members)
        """The members that the values are of, in their order: some may have left since."""
        self._own = {member: self._own_of(member) for member in members}
        self._scalars: dict[Member, list[float]] = {}
        self._training = self._training_pool()
        self._validation = self._validation_pool()
        self._seen: set[str] = set()
        """Which of "training" and "validation" has been gone through."""

    def train(self, epoch: int, stopped: Sequence[Member] = ()) -> dict[Member, tuple[Logs, int]]:
        """Train all for an epoch; the logs of each, and how many batches there were at most.

        Args:
            stopped: those that train for one batch only.
        """
        if self._renewed("training"):
            self._training = self._training_pool()
        orders = {m: self._order(m, epoch, m in stopped) for m in self._members}
        # As programs want them.
        self._members.sort(key=lambda member: len(orders[member]))
        members = self._gathered()
        if not members:
            return {}
        if not self._scalars and not self._program.in_model:
            # As late as `fit` reads them: callbacks may have changed them by now.
            self._check_trainable()
            self._scalars = {member: member.structure.scalars for member in members}
        halt = any(member.callbacks.halt_on_nan for member in members)
        in_order = [orders[member] for member in members]
        self._values, logs, batches = self._program.epoch(
            self._values, self._training, self._scalars_of(members), in_order, halt
        )
        return {member: (of_one, batches) for member, of_one in zip(members, logs)}

    def _order(self, member: Member, epoch: int, stopped: bool) -> np.ndarray:
        order = member.order(epoch)
        first = order[: member.batch_size] if stopped else order
        return self._training.rows(member.training, first)

    def measure(self) -> dict[Member, Logs]:
        """The metrics of all on their validation data."""
        if self._renewed("validation"):
            self._validation = self._validation_pool()
        members, pool = self._gathered(), self._validation
        if not members or pool is None:
            return {member: {} for member in members}
        samples = [member.validation for member in members if member.validation is not None]
        rows = [pool.rows(each, np.arange(each.count, dtype=np.int32)) for each in samples]
        scalars = self._scalars_of(members)
        self._values, logs = self._program.measure(self._values, pool, scalars, rows)
        return dict(zip(members, logs))

    def _renewed(self, what: str) -> bool:
        """Read data again that may differ from epoch to epoch; whether there is any.

        For the first epoch they were read when the training was prepared.
        """
        if what not in self._seen:
            self._seen.add(what)
            return False
        # A list, so that all of them read.
        return any([member.renew(what) for member in self._members])

    def _training_pool(self) -> Pool:
        return Pool([member.training for member in self._members], self._members[0].batch_size)

    def _validation_pool(self) -> Pool | None:
        samples = [m.validation for m in self._members if m.validation is not None]
        size = self._members[0].validation_batch_size
        return Pool(samples, size) if size is not None else None

    def show(self, member: Member) -> None:
        """Put the state of a member into its model."""
        self._show(member, bool(member.model.optimizer.built) and member not in self._built_late)

    def show_all(self, member: Member) -> None:
        """The same with all of the optimizer's state, for this time."""
        optimizer = member.model.optimizer
        if not optimizer.built:
            optimizer.build(self._variables[member].trainable)
            self._built_late.add(member)
        self._show(member, True)

    def _show(self, member: Member, whole: bool) -> None:
        if self._program.in_model:
            return
        state = self._program.unpacked(self._values, self._packed.index(member), whole)
        self._variables[member].put(state)
        own = state.optimizer[: len(self._own[member])]
        self._own[member] = [np.asarray(value) for value in own]

    def take(self, member: Member) -> None:
        """Take over what callbacks changed in a member's model: as a rule the learning rate."""
        if self._program.in_model:
            return
        if member.callbacks.look_closely:
            state = self._variables[member].state(self._program.slots)
            self._values = self._program.packed([state])
            return
        own = self._own_of(member)
        if any(one != other for one, other in zip(own, self._own[member])):
            self._own[member] = own
            place = self._packed.index(member)
            self._values = self._program.with_own(self._values, place, own)

    def leave(self, member: Member) -> None:
        """Go on without this member."""
        self._members.remove(member)

    def restore(self) -> None:
        """Bring all models back to where they were before the first epoch."""
        for member, state in self._first.items():
            self._variables[member].put(state)

    def _check_trainable(self) -> None:
        """Refuse to train layers that callbacks have frozen, or not to train those set free."""
        for member in self._members:
            if member.callbacks.look_closely:
                now = member.model.trainable_variables
                before = self._variables[member].trainable
                if len(now) != len(before) or any(a is not b for a, b in zip(now, before)):
                    raise RuntimeError("A callback has frozen layers, or set them free.")
                member.check_graph()

    def _gathered(self) -> list[Member]:
        """The members that are left; the values are theirs, in this order, from now on."""
        if self._members and self._members != self._packed:
            places = [self._packed.index(member) for member in self._members]
            self._values = self._program.picked(self._values, places)
            self._packed = list(self._members)
        return list(self._members)

    def _scalars_of(self, members: Sequence[Member]) -> np.ndarray:
        scalars = [self._scalars.get(member, []) for member in members]
        return np.array(scalars, np.float64).reshape(len(members), -1)

    def _own_of(self, member: Member) -> list[np.ndarray]:
        """What an optimizer has before it is built: iterations, learning rate."""
        begins = sum(slot.own for slot in self._program.slots)
        return [v.numpy() for v in list(member.model.optimizer.variables)[:begins]]
