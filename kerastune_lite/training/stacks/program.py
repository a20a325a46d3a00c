"""Epochs of many models side by side, as TensorFlow functions of the state of all of them.

The members of a stack have the same structure and the same shapes. Each tensor of their states has
an axis more, in front, one place for each member; its size is not known to the functions, so a
stack of any height is trained with one trace, and a member may leave at any time. The shapes of
the members themselves are always known: `vectorized_map` on shapes that are not gives gradients
that are wrong, without an error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite.training.paths import internals
from kerastune_lite.training.paths.data import Source
from kerastune_lite.training.paths.program import Pace
from kerastune_lite.training.paths.scalars import read_at_run_time
from kerastune_lite.training.paths.slots import plain_copy
from kerastune_lite.training.paths.structure import Structure
from kerastune_lite.training.paths.traced_model import State, TracedModel
from kerastune_lite.training.quiet import load_keras

keras = load_keras()


@dataclasses.dataclass(frozen=True)
class StackedValues:
    """All that training changes in the members of a stack, as tensors `(G, ...)`.

    Attributes:
        groups: trainable variables, others, the optimizer's: the lists of `State`.
    """

    groups: list[list[Any]]

    def picked(self, members: Sequence[int]) -> StackedValues:
        """Those of some members."""
        import tensorflow as tf

        return StackedValues([[tf.gather(v, list(members)) for v in g] for g in self.groups])

    def with_member(self, place: int, by: StackedValues) -> StackedValues:
        """The values with those of one member replaced by those of another one, alone in `by`."""
        import tensorflow as tf

        def replaced(value: Any, new: Any) -> Any:
            return tf.concat([value[:place], new, value[place + 1 :]], 0)

        pairs = [zip(group, replacing) for group, replacing in zip(self.groups, by.groups)]
        return StackedValues([[replaced(*pair) for pair in group] for group in pairs])


class _Mapped:
    """Keras's own step of one model, made into that of many by `vectorized_map`.

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

    def train_step(
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any
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

    def test_step(self, values: Any, metrics: list[Any], batch: Any, scalars: Any) -> list[Any]:
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
        structure: its structure, with literal sizes.
        training: nested tensors, to be trained on; only types and shapes matter.
        validation: likewise, or None.
    """

    on_host = False

    def __init__(
        self, model: Any, structure: Structure, training: Any, validation: Any = None
    ) -> None:
        self._names: list[str] = []
        self._pace = Pace()
        steps = _Mapped(model, structure)
        self.slots = steps.slots
        results = _Results(model)
        self._fresh = [np.asarray(value) for value in results.fresh()]
        with internals.plain_optimizers():
            self._train = self._traced_training(steps, results, training)
            self._test = None
            if validation is not None:
                self._test = self._traced_measurement(steps, results, validation)

    # ------------------------------------------------------------------ states

    def packed(self, states: Sequence[State]) -> StackedValues:
        """The values of these members, one after the other."""
        import tensorflow as tf

        groups = zip(*([s.trainable, s.others, s.optimizer] for s in states))
        return StackedValues(
            [[tf.convert_to_tensor(np.stack(column)) for column in zip(*group)] for group in groups]
        )

    def unpacked(self, values: StackedValues, member: int, whole: bool) -> State:
        """One member's state.

        Args:
            whole: or of the optimizer only what it has before it is built.
        """
        trainable, others, optimizer = values.groups
        wanted = [v for v, slot in zip(optimizer, self.slots) if whole or slot.own is not None]
        return State(*([value[member] for value in g] for g in (trainable, others, wanted)))

    def with_own(self, values: StackedValues, rows: Sequence[Sequence[Any]]) -> StackedValues:
        """The values with others for what an optimizer has before it is built.

        Args:
            rows: of each member: iterations, learning rate.
        """
        import tensorflow as tf

        trainable, others, optimizer = values.groups
        own = [tf.convert_to_tensor(np.asarray(column)) for column in zip(*rows)]
        return StackedValues([trainable, others, [*own, *optimizer[len(own) :]]])

    # ------------------------------------------------------------------ epochs

    def epoch(
        self,
        values: StackedValues,
        source: Source,
        scalars: Any,
        orders: Sequence[np.ndarray],
        most: int | None = None,
    ) -> tuple[StackedValues, list[dict[str, Any]], int]:
        """Train all members for an epoch.

        Args:
            source: the data of all.
            scalars: doubles, `(G, k)`.
            orders: of each member, the rows of the data in its order of training, `(n,)`.
            most: train no more batches than these.

        Returns:
            The new values, the logs of each, and how many batches there were.
        """
        rows = np.stack(orders)
        members, count = rows.shape
        batches = most or -(-count // source.batch_size)
        metrics = [np.repeat(value[None], members, 0) for value in self._fresh]
        groups, logs = values.groups, []
        for begin, end in self._pace.pieces(batches):
            groups, metrics, logs = self._train(
                groups, metrics, source.data, source.batch_size, scalars, rows, begin, end
            )
        return StackedValues(groups), self._named(logs, members), batches

    def measure(
        self, values: StackedValues, source: Source, scalars: Any, rows: Sequence[np.ndarray]
    ) -> list[dict[str, Any]]:
        """The logs of each member on validation data.

        Args:
            rows: of each member, the rows of the data that it is measured on, `(m,)`.
        """
        members, every = len(rows), np.stack(rows)
        metrics = [np.repeat(value[None], members, 0) for value in self._fresh]
        logs = self._test(values.groups, metrics, source.data, source.batch_size, scalars, every)  # type: ignore[misc]
        return self._named(logs, members)

    def _named(self, logs: list[Any], members: int) -> list[dict[str, Any]]:
        import tensorflow as tf

        values = [np.asarray(value) for value in logs]
        # Keras makes floats of single numbers; of others callbacks see tensors, as in `fit`.
        return [
            {n: v[i] if v.ndim == 1 else tf.constant(v[i]) for n, v in zip(self._names, values)}
            for i in range(members)
        ]

    def _traced_training(self, steps: _Mapped, results: _Results, data: Any) -> Any:
        import tensorflow as tf

        def epoch(
            values: Any,
            metrics: Any,
            data: Any,
            size: Any,
            scalars: Any,
            orders: Any,
            begin: Any,
            end: Any,
        ) -> Any:
            def body(step: Any, values: Any, metrics: Any) -> Any:
                batch = _gathered(data, orders[:, step * size : (step + 1) * size])
                values, metrics = steps.train_step(values, metrics, batch, scalars)
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
            number,
            number,
        )

    def _traced_measurement(self, steps: _Mapped, results: _Results, data: Any) -> Any:
        import tensorflow as tf

        def measure(
            values: Any,
            metrics: Any,
            data: Any,
            size: Any,
            scalars: Any,
            rows: Any,
        ) -> Any:
            batches = (tf.shape(rows)[1] + size - 1) // size

            def body(step: Any, metrics: Any) -> Any:
                batch = _gathered(data, rows[:, step * size : (step + 1) * size])
                return step + 1, steps.test_step(values, metrics, batch, scalars)

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
