"""Models of the same structure and shapes, trained side by side.

Repeats of a trial, folds, and trials that differ only in scalars (learning rate, momentum, dropout
rates, L2 factors) do the same arithmetic on other numbers. For small networks most of a step's time
goes into starting its operations; a stack of models starts each of them once for all members. Each
member has its own samples, their order, callbacks and end, and gets the result that it would get
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat.thread_state import quick_start
from kerastune_lite._src.keras.fast.engines import assign_all
from kerastune_lite._src.keras.fast.loop import RESULTS, FirstEpochFailed, Loop, Want, loop
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.numpy.array_program import ArrayProgram
from kerastune_lite._src.keras.fast.numpy.comparison import state_in_arrays
from kerastune_lite._src.keras.fast.samples import Samples, Source, joined
from kerastune_lite._src.keras.fast.tf.traced_model import State


class Pool:
    """The data of all members as one.

    Args:
        samples: of each member.
        batch_size: of all.
    """

    def __init__(self, samples: Sequence[Samples], batch_size: int) -> None:
        arrays, begins = joined(samples)
        self.source = Source(arrays, batch_size)
        # They are the key, so that they have to be kept.
        self._begins = {id(each): (each, begin) for each, begin in zip(samples, begins)}

    def rows(self, samples: Samples, order: np.ndarray) -> np.ndarray:
        """Where those of a member lie.

        Args:
            order: places among the member's own samples, `(n,)`.
        """
        return order + np.int32(self._begins[id(samples)][1])


class Stack:
    """The state of the members that still train.

    Args:
        members: of equal keys; those with more samples come later.
        program: of that key.
    """

    def __init__(self, members: Sequence[Member], program: ArrayProgram) -> None:
        self._members = list(members)
        self._program = program
        for member in members:
            optimizer = member.model.optimizer
            if (member.whole or optimizer.use_ema) and not optimizer.built:
                optimizer.build(member.model.trainable_variables)
        self._first = [state_in_arrays(member.model, program.slots) for member in members]
        self._values = program.packed(self._first)
        self._scalars: np.ndarray | None = None
        self._begins = sum(slot.own is not None for slot in program.slots)
        self._own = [self._own_of(member) for member in members]
        self._taken = False
        feeding = members[0].feeding
        training = [member.feeding.training for member in members]
        self._training = Pool(training, feeding.batch_size)
        validation = [m.feeding.validation for m in members if m.feeding.validation is not None]
        self._validation = Pool(validation, feeding.validation_batch_size) if validation else None

    def __len__(self) -> int:
        return len(self._members)

    def train(self, epoch: int, stopped: Sequence[Member] = ()) -> list[tuple[dict[str, Any], int]]:
        """Train all for an epoch; the logs of each, and how many batches there were.

        Args:
            stopped: those that train for one batch only.
        """
        pool = self._training
        orders = [pool.rows(m.feeding.training, m.feeding.order(epoch)) for m in self._members]
        if self._scalars is None:
            # As late as `fit` reads them: callbacks may have changed them by now.
            scalars = np.array([m.structure.scalars for m in self._members], np.float64)
            self._scalars = scalars.reshape(len(self._members), -1)
        if self._taken:
            self._values = self._program.with_own(self._values, self._own)
            self._taken = False
        before = self._values
        source = pool.source
        self._values, logs, batches = self._program.epoch(before, source, self._scalars, orders)
        results = [(of_one, batches) for of_one in logs]
        for i in map(self._place, stopped):
            values, (of_one,), batches = self._program.epoch(
                before.picked([i]), source, self._scalars[i : i + 1], orders[i : i + 1], 1
            )
            self._values = self._values.with_member(i, values)
            results[i] = of_one, batches
        return results

    def measure(self) -> list[dict[str, Any]]:
        """The metrics of all on their validation data."""
        pool = self._validation
        if pool is None or self._scalars is None:
            return [{} for _ in self._members]
        samples = [m.feeding.validation for m in self._members if m.feeding.validation is not None]
        rows = [pool.rows(each, np.arange(each.count, dtype=np.int32)) for each in samples]
        return self._program.measure(self._values, pool.source, self._scalars, rows)

    def show(self, member: Member) -> None:
        """Put the state of a member into its model."""
        place = self._place(member)
        whole = bool(member.model.optimizer.built)
        state = self._program.unpacked(self._values, place, whole)
        _put(member.model, state)
        self._own[place] = [np.asarray(value) for value in state.optimizer[: self._begins]]

    def take(self, member: Member) -> None:
        """Take over what callbacks changed in a member's model: the learning rate."""
        place = self._place(member)
        own = self._own_of(member)
        if any(one != other for one, other in zip(own, self._own[place])):
            self._own[place] = own
            self._taken = True

    def leave(self, member: Member) -> None:
        """Go on without this member."""
        left = self._place(member)
        keep = [i for i in range(len(self._members)) if i != left]
        del self._members[left], self._own[left]
        if self._scalars is not None:
            self._scalars = self._scalars[keep]
        if keep:
            self._values = self._values.picked(keep)

    def restore(self, members: Sequence[Member]) -> None:
        """Bring the models back to where they were before the first epoch.

        Args:
            members: all that there were in the beginning.
        """
        for member, state in zip(members, self._first):
            _put(member.model, state)

    def _own_of(self, member: Member) -> list[Any]:
        """What an optimizer has before it is built: iterations, learning rate."""
        return [v.numpy() for v in list(member.model.optimizer.variables)[: self._begins]]

    def _place(self, member: Member) -> int:
        return next(i for i, each in enumerate(self._members) if each is member)


def train_together(
    members: Sequence[Member], program: ArrayProgram
) -> Iterator[tuple[Member, Any]]:
    """Train all members to their ends.

    Args:
        members: of equal keys.
        program: of that key.

    Yields:
        Each member when it has come to its end, with its History, or with the exception that one of
        its callbacks raised: that ends the training of this member alone.

    Raises:
        FirstEpochFailed: the program cannot do it, and no callback has seen a result; the models
            are as they were.
    """
    if len({member.key for member in members}) > 1:
        raise ValueError(
            "Models train side by side if the keys of their trainings are equal. Received: "
            f"{len({member.key for member in members})} different keys."
        )
    # As the programs want them.
    ascending = sorted(members, key=lambda member: member.feeding.training.count)
    with quick_start():
        yield from _Run(ascending, program).results()


class _Run:
    """Drives the loops of the members in lock-step."""

    def __init__(self, members: Sequence[Member], program: ArrayProgram) -> None:
        self._all = list(members)
        try:
            self._stack = Stack(members, program)
        except Exception as error:
            raise FirstEpochFailed(type(error).__name__) from error
        self._ended: list[tuple[Member, Any]] = []
        self._loops: list[tuple[Member, Loop]] = [
            (m, loop(m.model, m.call, m.callbacks, m.feeding.validation is not None))
            for m in members
        ]
        self._shown = False

    def results(self) -> Iterator[tuple[Member, Any]]:
        """Of each member, as it ends."""
        replies: list[Any] = [None] * len(self._loops)
        while self._loops:
            wants = self._ask(replies)
            yield from self._ended
            self._ended = []
            if wants:
                replies = self._answer(wants)

    def _ask(self, replies: list[Any]) -> list[tuple[Want, int]]:
        """Let each loop go on to where it wants something that all want together."""
        wants, going = [], []
        for (member, running), reply in zip(self._loops, replies):
            try:
                want, epoch = self._next_wish(member, running, reply)
            except StopIteration as end:
                self._end(member, end.value)
            except Exception as error:
                # A callback of this member's; those of the others have nothing to do with it.
                self._end(member, error)
            else:
                wants.append((want, epoch))
                going.append((member, running))
        self._loops = going
        return wants

    def _next_wish(self, member: Member, running: Loop, reply: Any) -> tuple[Want, int]:
        while True:
            want, epoch = running.send(reply)
            if want in (Want.TRAIN, Want.TRAIN_ONE, Want.MEASURE):
                return want, epoch
            if want is Want.TAKE:
                self._stack.take(member)
            elif want is not Want.TELL_RESULT:
                self._stack.show(member)
            self._shown = self._shown or want in RESULTS
            reply = None

    def _end(self, member: Member, result: Any) -> None:
        self._ended.append((member, result))
        self._stack.leave(member)

    def _answer(self, wants: list[tuple[Want, int]]) -> list[Any]:
        want, epoch = wants[0]
        try:
            if any(other != epoch for _, other in wants):
                raise ValueError("The members are not at the same epoch.")
            if want is Want.MEASURE:
                return self._stack.measure()
            stopped = [m for (m, _), (w, _) in zip(self._loops, wants) if w is Want.TRAIN_ONE]
            return self._stack.train(epoch, stopped)
        except Exception as error:
            if self._shown or len(self._loops) < len(self._all):
                raise
            self._stack.restore(self._all)
            raise FirstEpochFailed(type(error).__name__) from error


def _put(model: Any, state: State) -> None:
    """Bring a model into a state; its optimizer as far as the state goes."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    values = [*state.trainable, *state.others, *state.optimizer]
    assign_all([*variables, *model.optimizer.variables], values)
