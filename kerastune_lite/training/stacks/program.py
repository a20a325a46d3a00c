"""Epochs of many models side by side, as TensorFlow functions of the state of all of them.

The members of a stack have the same structure and the same shapes. Each tensor of their states has
an axis more, in front, one place for each member; its size is not known to the functions, so a
stack of any height is trained with one trace, and a member may leave at any time. The shapes of
the members themselves are always known: `vectorized_map` on shapes that are not gives gradients
that are wrong, without an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from kerastune_lite.training.paths import internals
from kerastune_lite.training.paths.program import Pace
from kerastune_lite.training.paths.scalars import read_at_run_time
from kerastune_lite.training.paths.slots import Slot, plain_copy
from kerastune_lite.training.paths.structure import Structure
from kerastune_lite.training.paths.traced_model import State, TracedModel
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.stacks.checks import NotWritten
from kerastune_lite.training.stacks.written import Written

keras = load_keras()


class Steps(Protocol):
    """How the steps of a stack are computed; see `Written` for what the methods do."""

    metrics: list[Any]
    slots: list[Slot]

    def specs(self) -> list[list[Any]]: ...

    def packed(self, states: Sequence[State]) -> list[list[Any]]: ...

    def dims(self, shapes: Sequence[Sequence[int]]) -> list[np.ndarray]: ...

    def unpacked(
        self, values: Any, member: int, shapes: Sequence[tuple[int, ...]], whole: bool
    ) -> State: ...

    def with_own(self, values: Any, rows: Sequence[Sequence[Any]]) -> list[list[Any]]: ...

    def train_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any, dims: list[Any]
    ) -> tuple[list[list[Any]], list[Any]]: ...

    def test_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any, dims: list[Any]
    ) -> list[Any]: ...


class Mapped:
    """Keras's own step of one model, made into that of many by `vectorized_map`.

    The values of a stack are the lists of `State`, with an axis more in front.

    Args:
        model: built, with its metrics.
        structure: its structure.
    """

    def __init__(self, model: Any, structure: Structure) -> None:
        internals.allow_argmax()
        optimizer, self.slots = plain_copy(model.optimizer, model.trainable_variables)
        places = [
            (optimizer if place.owner is model.optimizer else place.owner, place.attribute)
            for place in structure.places
        ]
        self._traced = TracedModel(model, optimizer, self.slots, places)
        self.metrics = self._traced.metrics
        self._variables = [
            self._traced.trainable,
            self._traced.others,
            self._traced.optimizer_variables,
        ]

    def specs(self) -> list[list[Any]]:
        return [[_stacked_spec(v) for v in group] for group in self._variables]

    def packed(self, states: Sequence[State]) -> list[list[Any]]:
        groups = [[s.trainable, s.others, s.optimizer] for s in states]
        return [
            [np.stack([np.asarray(value) for value in column]) for column in zip(*group)]
            for group in zip(*groups)
        ]

    def dims(self, shapes: Sequence[Sequence[int]]) -> list[np.ndarray]:
        return []

    def unpacked(
        self, values: Any, member: int, shapes: Sequence[tuple[int, ...]], whole: bool
    ) -> State:
        own = [v for v, slot in zip(values[2], self.slots) if whole or slot.own is not None]
        return State(*([value[member] for value in group] for group in (*values[:2], own)))

    def with_own(self, values: Any, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        own = list(values[2])
        for i, column in enumerate(zip(*rows)):
            own[i] = np.asarray(column)
        return [values[0], values[1], own]

    def train_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any, dims: list[Any]
    ) -> tuple[list[list[Any]], list[Any]]:
        import tensorflow as tf

        def step(given: Any) -> Any:
            values, metrics, batch, scalars = given
            with read_at_run_time(self._traced.places, scalars):
                state, metrics = self._traced.train_step(State(*values), metrics, batch)
            return [state.trainable, state.others, state.optimizer], metrics

        new, measured = tf.vectorized_map(step, (values, metrics, batch, scalars))
        known = [
            [tf.ensure_shape(value, (None, *v.shape)) for value, v in zip(group, variables)]
            for group, variables in zip(new, self._variables)
        ]
        return known, self._known(measured)

    def test_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any, dims: list[Any]
    ) -> list[Any]:
        import tensorflow as tf

        def step(given: Any) -> Any:
            values, metrics, batch, scalars = given
            with read_at_run_time(self._traced.places, scalars):
                _, metrics = self._traced.test_step(State(*values), metrics, batch)
            return metrics

        return self._known(tf.vectorized_map(step, (values, metrics, batch, scalars)))

    def _known(self, metrics: list[Any]) -> list[Any]:
        import tensorflow as tf

        return [tf.ensure_shape(value, (None, *v.shape)) for value, v in zip(metrics, self.metrics)]


class StackedProgram:
    """The functions of a stack: an epoch of training, and a measurement.

    Args:
        model: any of its models, built with its metrics and optimizer. It is left as it was.
        structure: its structure; with open sizes only if its steps are written out.
        training: nested tensors, to be trained on; only types and shapes matter.
        validation: likewise, or None.
        written: whether to use what is written out in `written`, where it can be.

    Raises:
        NotWritten: sizes are open that cannot be.
    """

    def __init__(
        self,
        model: Any,
        structure: Structure,
        training: Any,
        validation: Any = None,
        written: bool = True,
    ) -> None:
        self.reason: str | None = None
        """Why its steps are not written out; None where they are."""
        self._names: list[str] = []
        self._pace = Pace()
        steps = self._steps_of(model, structure, training, written)
        self.slots = steps.slots
        self.dims, self.packed, self.unpacked = steps.dims, steps.packed, steps.unpacked
        self.with_own = steps.with_own
        dims = steps.dims([tuple(v.shape) for v in model.trainable_variables])
        self._dims_spec = [_spec(each) for each in dims]
        results = _Results(model)
        self._fresh = [np.asarray(value) for value in results.fresh()]
        with internals.plain_optimizers():
            self._train = self._traced_training(steps, results, training)
            self._test = None
            if validation is not None:
                self._test = self._traced_measurement(steps, results, validation)

    def _steps_of(self, model: Any, structure: Structure, data: Any, written: bool) -> Any:
        try:
            if not written:
                raise NotWritten("it was asked for")
            return Written(model, structure, data)
        except NotWritten as reason:
            if structure.sized:
                raise
            self.reason = str(reason)
            return Mapped(model, structure)

    def epoch(
        self,
        values: Any,
        data: Any,
        batch_size: int,
        scalars: Any,
        orders: Any,
        dims: Any,
        most: int | None = None,
    ) -> tuple[Any, dict[str, np.ndarray], int]:
        """Train all members for an epoch.

        Args:
            values: as `packed` makes them.
            data: nested tensors, the same for all.
            batch_size: of all.
            scalars: doubles, `(G, k)`.
            orders: `(G, n)`, the rows of the data in each member's order of training.
            dims: of the weights' shapes.
            most: train no more batches than these.

        Returns:
            The new values, the logs, `(G,)` or more each, and how many batches there were.
        """
        members, count = orders.shape
        batches = most or -(-count // batch_size)
        metrics = [np.repeat(value[None], members, 0) for value in self._fresh]
        logs: list[Any] = []
        for begin, end in self._pace.pieces(batches):
            values, metrics, logs = self._train(
                values, metrics, data, batch_size, scalars, orders, dims, begin, end
            )
        return values, self._named(logs), batches

    def measure(
        self, values: Any, data: Any, batch_size: int, scalars: Any, rows: Any, dims: Any
    ) -> dict[str, np.ndarray]:
        """The logs of all members on validation data, `(G,)` or more each.

        Args:
            rows: `(G, m)`, the rows of the data that each is measured on.
        """
        if self._test is None:
            return {}
        members = rows.shape[0]
        metrics = [np.repeat(value[None], members, 0) for value in self._fresh]
        return self._named(self._test(values, metrics, data, batch_size, scalars, rows, dims))

    def _named(self, logs: list[Any]) -> dict[str, np.ndarray]:
        return dict(zip(self._names, (np.asarray(value) for value in logs)))

    def _traced_training(self, steps: Steps, results: _Results, data: Any) -> Any:
        import tensorflow as tf

        def epoch(
            values: Any,
            metrics: Any,
            data: Any,
            size: Any,
            scalars: Any,
            orders: Any,
            dims: Any,
            begin: Any,
            end: Any,
        ) -> Any:
            def body(step: Any, values: Any, metrics: Any) -> Any:
                batch = _gathered(data, orders[:, step * size : (step + 1) * size])
                values, metrics = steps.train_step(values, metrics, batch, scalars, dims)
                return step + 1, values, metrics

            _, values, metrics = tf.while_loop(
                lambda step, values, metrics: step < end, body, (begin, values, metrics)
            )
            return values, metrics, self._results(results, metrics)

        number = tf.TensorSpec((), "int32")
        return _traced(
            epoch,
            steps.specs(),
            [_stacked_spec(v) for v in steps.metrics],
            _data_spec(data),
            number,
            tf.TensorSpec((None, None), "float64"),
            tf.TensorSpec((None, None), "int32"),
            self._dims_spec,
            number,
            number,
        )

    def _traced_measurement(self, steps: Steps, results: _Results, data: Any) -> Any:
        import tensorflow as tf

        def measure(
            values: Any,
            metrics: Any,
            data: Any,
            size: Any,
            scalars: Any,
            rows: Any,
            dims: Any,
        ) -> Any:
            batches = (tf.shape(rows)[1] + size - 1) // size

            def body(step: Any, metrics: Any) -> Any:
                batch = _gathered(data, rows[:, step * size : (step + 1) * size])
                return step + 1, steps.test_step(values, metrics, batch, scalars, dims)

            begin = (tf.constant(0), metrics)
            _, metrics = tf.while_loop(lambda step, metrics: step < batches, body, begin)
            return self._results(results, metrics)

        return _traced(
            measure,
            steps.specs(),
            [_stacked_spec(v) for v in steps.metrics],
            _data_spec(data),
            tf.TensorSpec((), "int32"),
            tf.TensorSpec((None, None), "float64"),
            tf.TensorSpec((None, None), "int32"),
            self._dims_spec,
        )

    def _results(self, results: _Results, metrics: list[Any]) -> list[Any]:
        logs = results.of(metrics)
        self._names = list(logs)
        return list(logs.values())


class _Results:
    """What the metrics' variables amount to."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._variables = list(model.metrics_variables)

    def fresh(self) -> list[Any]:
        """The metrics' variables as an epoch begins."""
        zeros = [np.zeros(v.shape, v.dtype) for v in self._variables]
        with keras.StatelessScope(list(zip(self._variables, zeros))) as scope:
            self._model.reset_metrics()
        return [keras.ops.convert_to_tensor(scope.get_current_value(v)) for v in self._variables]

    def of(self, metrics: list[Any]) -> dict[str, Any]:
        """The logs of all members."""
        import tensorflow as tf

        names: list[str] = []

        def one(values: list[Any]) -> list[Any]:
            with keras.StatelessScope(list(zip(self._variables, values))):
                logs = self._model.get_metrics_result()
            names[:] = list(logs)
            return list(logs.values())

        return dict(zip(names, tf.vectorized_map(one, metrics)))


def _traced(function: Any, *specs: Any) -> Any:
    import tensorflow as tf

    return tf.function(function, autograph=False).get_concrete_function(*specs)


def _spec(array: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.TensorSpec(array.shape, array.dtype)


def _stacked_spec(variable: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, *variable.shape), variable.dtype)


def _data_spec(data: Any) -> Any:
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda leaf: tf.TensorSpec((None, *leaf.shape[1:]), leaf.dtype), data
    )


def _gathered(data: Any, rows: Any) -> Any:
    import tensorflow as tf

    return keras.tree.map_structure(lambda leaf: tf.gather(leaf, rows), data)
