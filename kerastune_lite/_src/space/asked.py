"""What a function asks an `hp` for, so that its result can be used again.

A function that is told the same asks for the same. If a later `hp` gives the same answers to the
same questions, one after the other, the function would return what it has returned before.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

Question = Callable[[Any], Any]
"""Asks an `hp` for something; it may declare a hyperparameter."""


class Steps(Protocol):
    """Remembers the results of steps."""

    def result(self, name: str, function: Callable[..., Any], dependencies: tuple[Any, ...]) -> Any:
        """What the function returns for these dependencies."""


class Answers:
    """The part of `hp` that records what is asked, and uses results again."""

    steps: Steps | None = None
    """During a search: remembers the results of `cached`."""

    _recorder: list[tuple[Question, Hashable]] | None = None

    def cached(self, name: str, function: Callable[..., Any], *dependencies: Any) -> Any:
        """The result of `function(*dependencies)`, which a search computes once.

        For steps of `make_data(hp)` or `build(hp)` that only some hyperparameters change. Outside
        of a search the function is simply called. Arrays that it returns cannot be written to.

        Args:
            name: of the step.
            function: returns an array, or tuples, lists or dicts of arrays and values.
            dependencies: all that differs between trials: values, arrays, and tuples, lists or
                dicts of these.

        Raises:
            TypeError: it cannot be seen whether a dependency is the same as before.

        Example:
            >>> import numpy as np
            >>> series = np.arange(100.0)
            >>> hp.cached("differences", lambda order: np.diff(series, order), 2).shape
            (98,)
        """
        if self.steps is None:
            return function(*dependencies)
        return self.steps.result(name, function, dependencies)

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[tuple[Question, Hashable]]]:
        """A list of what is asked in this context, with the answers."""
        before, self._recorder = self._recorder, []
        try:
            yield self._recorder
        finally:
            self._recorder = before

    def _answer(self, question: Question) -> Any:
        """The answer to a question, recorded if that is wanted."""
        recorder = self._recorder
        if recorder is None:
            return question(self)
        try:
            told = question(self)
        except (KeyError, ValueError) as error:
            recorder.append((question, _raised(error)))
            raise
        recorder.append((question, key_of(told)))
        return told

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "steps": None, "_recorder": None}  # These belong to this process.


@dataclasses.dataclass
class _Node(Generic[T]):
    """What is known after the same questions had the same answers.

    Attributes:
        question: the next one; None: there is none, or it is not known.
        answers: what is known after each answer to it.
        kept: what is kept for a function that asked for nothing more.
    """

    question: Question | None = None
    answers: dict[Hashable, _Node[T]] = dataclasses.field(default_factory=dict)
    kept: T | None = None


class Asked(Generic[T]):
    """Keeps something for each series of answers that a function received."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def find(self, hp: Answers) -> T | None:
        """What is kept for the answers of `hp`; None if the function was never told them.

        If something is found, `hp` knows what it would know if the function had been called.
        """
        node: _Node[T] | None = self._root
        while node is not None and node.question is not None:
            node = node.answers.get(_answered(node.question, hp))
        return None if node is None else node.kept

    def keep(self, questions: Sequence[tuple[Question, Hashable]], what: T) -> None:
        """Keep something for these questions and answers."""
        node = self._root
        for question, told in questions:
            node.question = node.question or question
            node = node.answers.setdefault(told, _Node())
        node.kept = what


def _answered(question: Question, hp: Answers) -> Hashable:
    try:
        return key_of(question(hp))
    except (KeyError, ValueError) as error:
        return _raised(error)


def _raised(error: Exception) -> Hashable:
    return type(error), str(error)


def key_of(value: Any) -> Hashable:
    """A value, or values by name, as part of a key: 1, 1.0 and True are different."""
    if isinstance(value, dict):
        return tuple((name, key_of(each)) for name, each in value.items())
    return type(value), value
