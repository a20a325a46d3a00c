"""Which points of a space were tried: a tree of the questions that `build(hp)` asks.

`build(hp)` asks for one hyperparameter after the other, and what it asks next depends only on the
answers so far. So the trials are paths in a tree: a node is a question (a name), an edge an answer
(a value), a leaf a model. Duplicates are found even with conditional parameters and plain Python
`if`s: a proposal that agrees with a finished trial on everything that the trial asked for is the
same model, whatever else it contains.

A failed trial may not have asked for everything. It represents exactly the proposed point, which is
tried again once more parameters are known.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from kerastune_lite._src.space.domains import Domain, Value
from kerastune_lite._src.space.parameters import Space

Key = tuple[bool, Value]

_SAMPLES = 64
"""The number of draws for an untried answer before all answers are listed."""

_GRID, _MEMBERS = 0, 1
_NEVER = 0


def _key(value: Value) -> Key:
    return isinstance(value, bool), value


class _Node:
    __slots__ = ("complete", "count", "ends", "failures", "questions")

    def __init__(self) -> None:
        self.count = 0
        self.ends = 0
        self.failures = 0
        # name -> key of the value -> (value, node)
        self.questions: dict[str, Answers] = {}
        # The version of the space in which everything below was tried: on the grid, of all members.
        self.complete = [_NEVER, _NEVER]

    def by_evidence(self) -> list[tuple[str, Answers]]:
        """The questions of this node, the most frequent first.

        There is only one, unless the values of a proposed point are in another order than
        `build(hp)` asks for them.
        """
        if len(self.questions) <= 1:
            return list(self.questions.items())
        counts = {
            name: sum(node.count for _, node in answers.values())
            for name, answers in self.questions.items()
        }
        ranking = sorted(self.questions, key=lambda name: (-counts[name], name))
        return [(name, self.questions[name]) for name in ranking]


Answers = dict[Key, tuple[Value, _Node]]


def _given(answers: Answers) -> tuple[Value, ...]:
    """The answers so far, in an order that does not depend on the order of the points."""
    return tuple(sorted((value for value, _ in answers.values()), key=repr))


def _asks_for_more(prefix: Mapping[str, Value], space: Space) -> bool:
    """Whether the space has active parameters that these answers do not contain."""
    whole = space.walk(lambda parameter: prefix.get(parameter.name, parameter.default))
    return any(name not in prefix for name in whole)


@functools.lru_cache(maxsize=4096)
def _grid(domain: Domain) -> tuple[Value, ...]:
    return tuple(domain.grid())


@functools.lru_cache(maxsize=4096)
def _members(domain: Domain) -> tuple[Value, ...] | None:
    members = domain.members()
    return None if members is None else tuple(members)


class Visited:
    """The set of points that were tried or are being tried."""

    def __init__(self) -> None:
        self._root = _Node()
        self._space: Space | None = None
        self._version = _NEVER
        self._removals = 0

    def add(self, values: Mapping[str, Value], failed: bool = False) -> None:
        """Add a point, its values in the order in which `build(hp)` asks for them.

        Args:
            failed: whether the trial failed, and might have asked for more.
        """
        self._root.count += 1
        node = self._root
        for name, value in values.items():
            answers = node.questions.setdefault(name, {})
            _, node = answers.setdefault(_key(value), (value, _Node()))
            node.count += 1
        if failed:
            node.failures += 1
        else:
            node.ends += 1

    def remove(self, values: Mapping[str, Value]) -> None:
        """Remove a point that was added with exactly these values, in this order, not failed.

        Raises:
            KeyError: there is no such point.
        """
        path = self._path(values)
        if not path or not path[-1].ends:
            raise KeyError(f"Only a point that was added can be removed. Received: {dict(values)}.")
        self._removals += 1
        path[-1].ends -= 1
        for node in path:
            node.count -= 1
            node.complete = [_NEVER, _NEVER]
        for parent, child, (name, value) in zip(path, path[1:], values.items(), strict=False):
            if child.count == 0:
                del parent.questions[name][_key(value)]
                if not parent.questions[name]:
                    del parent.questions[name]
                return

    def _path(self, values: Mapping[str, Value]) -> list[_Node]:
        """The nodes from the root to the end of a point; none if it is not in the tree."""
        path = [self._root]
        for name, value in values.items():
            answer = path[-1].questions.get(name, {}).get(_key(value))
            if answer is None:
                return []
            path.append(answer[1])
        return path

    def __contains__(self, values: Mapping[str, Value]) -> bool:
        """Whether some point agrees with `values` on everything that the point contains."""
        return self._matches(self._root, values, 0)

    def _matches(self, node: _Node, values: Mapping[str, Value], depth: int) -> bool:
        if node.ends or (node.failures and depth == len(values)):
            return True
        for name, answers in node.questions.items():
            if name in values:
                found = answers.get(_key(values[name]))
                if found is not None and self._matches(found[1], values, depth + 1):
                    return True
        return False

    def _known(self, space: Space) -> None:
        """Reset which nodes are complete if the space has changed."""
        if space != self._space:
            self._space = space
            self._version += 1

    def untried(self, space: Space) -> Iterator[dict[str, Value]]:
        """The first answers of each untried grid point, in a stable order.

        The caller adds the answers that follow.
        """
        self._known(space)
        yield from self._untried(self._root, {}, space)

    def _untried(
        self, node: _Node, prefix: dict[str, Value], space: Space
    ) -> Iterator[dict[str, Value]]:
        if node.ends or node.complete[_GRID] == self._version:
            return
        if not node.questions:
            if not node.failures or _asks_for_more(prefix, space):
                yield prefix
            return
        version, removals = self._version, self._removals
        for name, answers in node.by_evidence():
            complete = True
            for value in self._answers(_grid, name, prefix, space, answers) or ():
                child = answers.get(_key(value))
                if child is not None and (
                    child[1].ends or child[1].complete[_GRID] == self._version
                ):
                    continue
                below = {**prefix, name: value}
                if child is None:
                    # It may have been tried with another order of questions.
                    if below not in self:
                        complete = False
                        yield below
                    continue
                for point in self._untried(child[1], below, space):
                    complete = False
                    yield point
            if complete:
                # Each point has one of these answers, so the other questions add nothing. The
                # caller may have removed points since the loop began.
                if removals == self._removals:
                    node.complete[_GRID] = version
                return

    def sample_untried(self, space: Space, rng: np.random.Generator) -> dict[str, Value] | None:
        """The first answers of a random untried point; None if every point was tried."""
        self._known(space)
        return self._sample(self._root, {}, space, rng)

    def _sample(
        self, node: _Node, prefix: dict[str, Value], space: Space, rng: np.random.Generator
    ) -> dict[str, Value] | None:
        if node.ends or node.complete[_MEMBERS] == self._version:
            return None
        if not node.questions:
            return prefix if not node.failures or _asks_for_more(prefix, space) else None
        chosen: dict[str, Value] | None = None
        for name, answers in node.by_evidence():
            point = self._sample_answer(name, answers, prefix, space, rng)
            if point is None:
                node.complete[_MEMBERS] = self._version
                return None
            chosen = chosen or point
        return chosen

    def _sample_answer(
        self,
        name: str,
        answers: Answers,
        prefix: dict[str, Value],
        space: Space,
        rng: np.random.Generator,
    ) -> dict[str, Value] | None:
        parameter = space.active(name, prefix)
        if parameter is not None:
            cardinality = parameter.domain.cardinality
            draws = _SAMPLES if cardinality is None or len(answers) < cardinality else 0
            for _ in range(draws):
                below = {**prefix, name: parameter.domain.sample(rng)}
                if _key(below[name]) not in answers and below not in self:
                    return below
        remaining = self._answers(_members, name, prefix, space, answers)
        if remaining is None:
            # A continuous domain with a tiny range, in which all draws were tried.
            remaining = _given(answers)
        for index in rng.permutation(len(remaining)):
            below = {**prefix, name: remaining[index]}
            child = answers.get(_key(remaining[index]))
            if child is None:
                if below not in self:
                    return below
                continue
            point = self._sample(child[1], below, space, rng)
            if point is not None:
                return point
        return None

    @staticmethod
    def _answers(
        listing: Callable[[Domain], tuple[Value, ...] | None],
        name: str,
        prefix: Mapping[str, Value],
        space: Space,
        answers: Answers,
    ) -> tuple[Value, ...] | None:
        """The possible answers; for a parameter that is not tuned, the answers so far."""
        parameter = space.active(name, prefix)
        if parameter is None:
            return _given(answers)
        return listing(parameter.domain)
