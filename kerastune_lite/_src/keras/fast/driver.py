"""Goes through the epochs of trainings as `fit` does, side by side; a program computes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec

from kerastune_lite._src.keras.compat.internals import first_epoch
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.program import Logs, Program
from kerastune_lite._src.keras.fast.stack import Stack

_P = ParamSpec("_P")


class FirstEpochFailed(Exception):
    """Before any callback saw a result of it; the message is the name of what was raised."""


def train_together(
    members: Sequence[Member], program: Program[Any]
) -> Iterator[tuple[Member, Any]]:
    """Train all members to their ends.

    Args:
        members: of equal keys; or one.
        program: of that key.

    Yields:
        Each member when it has come to its end, with its History, or with the exception that one of
        its callbacks raised: that ends the training of this member alone.

    Raises:
        FirstEpochFailed: the program cannot do it, and no callback has seen a result; the models
            are as they were.
    """
    keys = {member.key for member in members} if len(members) > 1 else ()
    if len(keys) > 1:
        raise ValueError(
            "Models train side by side if the keys of their trainings are equal. Received: "
            f"{len(keys)} different keys."
        )
    yield from _Run(members, program).results()


class _Run:
    """Takes the members through their epochs in lock-step."""

    def __init__(self, members: Sequence[Member], program: Program[Any]) -> None:
        try:
            self._stack = Stack(members, program)
        except Exception as error:
            raise FirstEpochFailed(type(error).__name__) from error
        self._count = len(members)
        self._going = list(members)
        self._ended: list[tuple[Member, Any]] = []
        self._logs: dict[Member, Logs] = {}
        self._results_seen = False

    def results(self) -> Iterator[tuple[Member, Any]]:
        """Of each member, as it ends."""
        first, call = self._going[0], self._going[0].call
        self._each(self._begin)
        yield from self._left()
        for epoch in range(first_epoch(first.model, call.initial_epoch), call.epochs):
            self._each(self._begin_epoch, epoch)
            yield from self._left()
            with self._computing():
                # One that has stopped already is stopped by `fit` when it has trained a batch.
                stopped = [member for member in self._going if member.model.stop_training]
                trained = self._stack.train(epoch, stopped)
            self._each(self._end_batches, trained)
            if first.validation is not None and call.validates_after(epoch):
                self._each(self._begin_test)
                yield from self._left()
                with self._computing():
                    measured = self._stack.measure()
                self._each(self._end_test, measured)
            self._each(self._end_epoch, epoch)
            yield from self._left()
            if not self._going:
                return
        self._each(self._end)
        yield from self._left()

    def _left(self) -> Iterator[tuple[Member, Any]]:
        """Those that have come to their ends, with what came of them."""
        ended, self._ended = self._ended, []
        yield from ended

    def _each(
        self, part: Callable[Concatenate[Member, _P], None], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        """Let each member go through a part of its `fit`."""
        for member in list(self._going):
            try:
                part(member, *args, **kwargs)
            except FirstEpochFailed:
                raise
            except Exception as error:
                # A callback of this member's; those of the others have nothing to do with it.
                self._leave(member, error)

    def _leave(self, member: Member, result: Any) -> None:
        self._going.remove(member)
        self._ended.append((member, result))
        self._stack.leave(member)

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        """Within it, what is raised leaves the models as they were, or as far as they have come."""
        try:
            yield
        except BaseException as error:
            begun = self._results_seen or len(self._going) < self._count
            if begun or not isinstance(error, Exception):
                # So far the trainings have come, as far as anybody knows.
                for member in self._going:
                    self._stack.show(member)
                raise
            self._stack.restore()
            raise FirstEpochFailed(type(error).__name__) from error

    # ------------------------------------------------------------------ the parts of a fit

    def _begin(self, member: Member) -> None:
        member.model.stop_training = False
        member.callbacks.list.on_train_begin()

    def _begin_epoch(self, member: Member, epoch: int) -> None:
        member.callbacks.list.on_epoch_begin(epoch)
        if member.callbacks.look:
            # Whatever they may do: schedules of the learning rate are set here.
            self._take(member)

    def _end_batches(self, member: Member, trained: Mapping[Member, tuple[Logs, int]]) -> None:
        logs, batches = trained[member]
        member.callbacks.tell_of_nan(logs, batches)
        self._logs[member] = dict(logs)

    def _begin_test(self, member: Member) -> None:
        closely = member.callbacks.look_closely
        if closely:
            self._show(member)
        member.callbacks.list.on_test_begin()
        if closely:
            self._take(member)

    def _end_test(self, member: Member, measured: Mapping[Member, Logs]) -> None:
        logs = numbers(measured[member])
        member.callbacks.list.on_test_end(logs)
        if member.callbacks.look_closely:
            self._take(member)
        self._logs[member].update({f"val_{name}": value for name, value in logs.items()})

    def _end_epoch(self, member: Member, epoch: int) -> None:
        if member.callbacks.capture_after(epoch):
            with self._computing():
                self._stack.show_all(member)
        elif member.callbacks.look:
            self._show(member)
        self._results_seen = True
        member.callbacks.list.on_epoch_end(epoch, self._logs[member])
        if member.model.stop_training:
            self._end(member)

    def _end(self, member: Member) -> None:
        model, logs = member.model, self._logs.get(member)
        if logs is not None and not member.callbacks.look:
            self._show(member)
        if member.call.epochs > 0:
            model.optimizer.finalize_variable_values(model.trainable_weights)
        member.callbacks.list.on_train_end(logs)
        self._leave(member, model.history)

    def _show(self, member: Member) -> None:
        with self._computing():
            self._stack.show(member)

    def _take(self, member: Member) -> None:
        with self._computing():
            self._stack.take(member)


def numbers(logs: Mapping[str, Any]) -> Logs:
    """Logs as `evaluate` returns them: plain numbers, those of a metric side by side."""
    result: Logs = {}
    for name, value in sorted(logs.items()):
        if isinstance(value, Mapping):
            result.update(numbers(value))
            continue
        try:
            result[name] = float(value)
        except (TypeError, ValueError):  # one number per class
            result[name] = value
    return result
