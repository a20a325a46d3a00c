"""The steps of a stack, written out for whole models, and the states of their members.

The weights of a member are rows of few matrices, so that an optimizer updates many weights of all
members in one go; see `layers` for what the layers do. Nothing here goes through
`vectorized_map`, so the sizes of the weights may be left open: one trace for all stacks of a
structure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite.training.paths import internals
from kerastune_lite.training.paths.scalars import read_at_run_time
from kerastune_lite.training.paths.slots import Slot, plain_copy
from kerastune_lite.training.paths.structure import Structure
from kerastune_lite.training.paths.traced_model import State
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.stacks.checks import NotWritten, check_written
from kerastune_lite.training.stacks.layers import LARGE_KERNEL, Step

keras = load_keras()

_LARGE = 4096
"""Weights of this many elements are not put into one tensor with others: to copy them back and
forth takes longer than to update them apart."""


class Written:
    """A model's steps on stacked tensors.

    The values of a stack are three lists: the weights, `(G, size)` each, where small ones are
    joined to one; the model's other variables, `(G, ...)` each; the optimizer's variables, `(G, 1)`
    each or as the weights.

    Args:
        model: built, with its metrics.
        structure: its structure.
        data: nested tensors; their types and shapes, but for the number of samples.

    Raises:
        NotWritten: the model holds something that is not written out here.
    """

    def __init__(self, model: Any, structure: Structure, data: Any) -> None:
        self._model = model
        check_written(model, structure, data)
        self._trainable = list(model.trainable_variables)
        self._others = list(model.non_trainable_variables)
        self.metrics = list(model.metrics_variables)
        self._open = structure.sized
        shapes = [tuple(v.shape) for v in self._trainable]
        sizes = [int(np.prod(shape)) for shape in shapes]
        self._large = max(sizes) >= LARGE_KERNEL
        if self._open:
            small = [i for i, shape in enumerate(shapes) if len(shape) < 2]
        else:
            small = [i for i, size in enumerate(sizes) if size < _LARGE]
        self._groups = [[i] for i in range(len(sizes)) if i not in small]
        if small:
            self._groups.append(small)
        self._dims = self.dims(shapes)
        self._joined = [
            keras.Variable(np.zeros((1, sum(sizes[i] for i in group)), keras.config.floatx()))
            for group in self._groups
        ]
        self._optimizer, slots = plain_copy(model.optimizer, self._joined)
        _, self.slots = plain_copy(model.optimizer, self._trainable)
        self._columns = _columns(slots, self.slots, self._groups)
        self._places = [
            (self._optimizer if place.owner is model.optimizer else place.owner, place.attribute)
            for place in structure.places
        ]
        of_optimizer = [owner is self._optimizer for owner, _ in self._places]
        self._optimizer_places = [i for i, of in enumerate(of_optimizer) if of]
        self._penalized = [
            i for i, v in enumerate(self._trainable) if getattr(v, "regularizer", None) is not None
        ]

    # -------------------------------------------------------------- the values of a stack

    def specs(self) -> list[list[Any]]:
        """Of the values."""
        import tensorflow as tf

        def row(variable: Any) -> Any:
            size = (None if self._open else variable.shape[-1]) if len(variable.shape) else 1
            return tf.TensorSpec((None, size), variable.dtype)

        def other(variable: Any) -> Any:
            # Statistics have the sizes of weights; the states of seed generators are integers.
            is_open = self._open and "int" not in variable.dtype
            shape = [None] * len(variable.shape) if is_open else variable.shape
            return tf.TensorSpec((None, *shape), variable.dtype)

        groups = (self._joined, self._others, self._optimizer.variables)
        return [list(map(of, group)) for of, group in zip((row, other, row), groups)]

    def dims(self, shapes: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """What the steps have to know of the weights' shapes: how they lie in the values."""
        rows = [[-1, *shape] for shape in shapes]
        sizes = [[int(np.prod(shapes[i])) for i in group] for group in self._groups]
        return [np.array(numbers, np.int32) for numbers in (*rows, *sizes)]

    def packed(self, states: Sequence[State]) -> list[list[Any]]:
        """The values of these members, one after the other."""
        weights = [
            np.stack([_row([state.trainable[i] for i in group]) for state in states])
            for group in self._groups
        ]
        others = [np.stack(list(column)) for column in zip(*(state.others for state in states))]
        own = []
        for column in self._columns:
            own.append(np.stack([_row([s.optimizer[i] for i in column]) for s in states]))
        return [weights, [np.asarray(other) for other in others], own]

    def unpacked(
        self, values: Any, member: int, shapes: Sequence[tuple[int, ...]], whole: bool
    ) -> State:
        """One member's state.

        Args:
            values: of the stack, as arrays.
            shapes: of the weights.
            whole: or of the optimizer only what it has before it is built.
        """
        trainable: list[Any] = [None] * len(shapes)
        for group, joined in zip(self._groups, values[0]):
            for i, part in zip(group, _parts(group, joined[member], shapes)):
                trainable[i] = part
        own: list[Any] = [None] * len(self.slots)
        for column, joined in zip(self._columns, values[2]):
            first = self.slots[column[0]]
            if first.like is None:
                own[column[0]] = joined[member, 0]
            elif whole:
                group = [like for i in column if (like := self.slots[i].like) is not None]
                for i, part in zip(column, _parts(group, joined[member], shapes)):
                    own[i] = part
        begins = sum(slot.own is not None for slot in self.slots)
        others = [other[member] for other in values[1]]
        return State(trainable, others, own if whole else own[:begins])

    def with_own(self, values: Any, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The values with others for what an optimizer has before it is built.

        Args:
            rows: of each member: iterations, learning rate.
        """
        own = list(values[2])
        for i, column in enumerate(zip(*rows)):
            own[i] = np.asarray(column)[:, None]
        return [values[0], values[1], own]

    # -------------------------------------------------------------- the steps

    def train_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any, dims: list[Any]
    ) -> tuple[list[list[Any]], list[Any]]:
        """What `Model.train_step` does to a batch, for each member.

        Args:
            values: of the stack.
            metrics: the metrics' variables, `(G, ...)` each.
            batch: nested tensors, `(G, batch, ...)` each.
            scalars: `(G, k)`.
            dims: see there.
        """
        import tensorflow as tf

        weights = values[0]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            step = self._step(weights, values[1], metrics, batch, scalars, dims, training=True)
            losses, seeds = step.losses()
        gradients = tape.gradient(losses, weights, output_gradients=seeds)
        step.measure()
        updated, own = self._updated(weights, gradients, values[2], scalars)
        return [updated, step.others(), own], step.metrics()

    def test_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any, dims: list[Any]
    ) -> list[Any]:
        """What `Model.test_step` does to a batch, for each member; the metrics."""
        step = self._step(values[0], values[1], metrics, batch, scalars, dims, training=False)
        step.losses()
        step.measure()
        return step.metrics()

    def _step(
        self,
        weights: list[Any],
        others: list[Any],
        metrics: list[Any],
        batch: Any,
        scalars: Any,
        dims: list[Any],
        training: bool,
    ) -> Step:
        import tensorflow as tf

        # Where sizes are not open, they are better known than read.
        dims = dims if self._open else self._dims
        shapes = {id(v): shape for v, shape in zip(self._trainable, dims)}
        known: dict[int, Any] = {}
        for places, joined, sizes in zip(self._groups, weights, dims[len(self._trainable) :]):
            parts = [joined]
            if len(places) > 1:
                parts = tf.split(joined, sizes, axis=1, num=len(places))
            known.update((id(self._trainable[i]), part) for i, part in zip(places, parts))
        for group, given in ((self._others, others), (self.metrics, metrics)):
            known.update((id(v), value) for v, value in zip(group, given))
        numbers = {
            (id(owner), attribute): scalars[:, i]
            for i, (owner, attribute) in enumerate(self._places)
        }
        penalized = [self._trainable[i] for i in self._penalized]
        step = Step(self._model, known, numbers, batch, training)
        step.shapes, step.large = shapes, self._large
        step.penalized, step.kept, step.measured = penalized, self._others, self.metrics
        return step

    def _updated(
        self, weights: list[Any], gradients: list[Any], own: list[Any], scalars: Any
    ) -> tuple[list[Any], list[Any]]:
        variables = list(self._optimizer.variables)
        places = [self._places[i] for i in self._optimizer_places]
        numbers = [scalars[:, i, None] for i in self._optimizer_places]
        with (
            _rows([*self._joined, *variables], self._open),
            read_at_run_time(places, numbers),
            keras.StatelessScope([*zip(self._joined, weights), *zip(variables, own)]) as scope,
        ):
            self._optimizer.apply_gradients(list(zip(gradients, self._joined)))
        updated = [scope.get_current_value(v) for v in self._joined]
        return updated, [scope.get_current_value(v) for v in variables]


def _columns(
    joined: Sequence[Slot], apart: Sequence[Slot], groups: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Which of an optimizer's variables make up each one of its copy for joined weights.

    Args:
        joined, apart: the slots of the copy and of the optimizer.
        groups: which weights are joined to one.

    Raises:
        NotWritten: they do not correspond.
    """
    alone = [i for i, slot in enumerate(apart) if slot.like is None]
    of_weight: dict[int | None, list[int]] = {}
    for i, slot in enumerate(apart):
        of_weight.setdefault(slot.like, []).append(i)
    columns = []
    for slot in joined:
        if slot.like is None:
            columns.append([alone.pop(0)])
        else:
            columns.append([of_weight[i].pop(0) for i in groups[slot.like]])
    if alone or sum(map(len, columns)) != len(apart):
        raise NotWritten("an optimizer with variables of a special kind")
    return columns


@contextlib.contextmanager
def _rows(variables: Sequence[Any], is_open: bool) -> Iterator[None]:
    """Within it, Keras takes these variables for matrices with a row for each member."""
    sizes = [
        (None if is_open else variable.shape[-1]) if len(variable.shape) else 1
        for variable in variables
    ]
    with internals.other_shapes(variables, [(None, size) for size in sizes]):
        yield


def _parts(
    group: Sequence[int], row: np.ndarray, shapes: Sequence[tuple[int, ...]]
) -> Iterator[np.ndarray]:
    """What these weights have in a row."""
    begin = 0
    for i in group:
        end = begin + int(np.prod(shapes[i]))
        yield row[begin:end].reshape(shapes[i])
        begin = end


def _row(values: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(value).reshape(-1) for value in values])
