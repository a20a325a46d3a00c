"""Epochs as TensorFlow functions of a model's state, traced once per structure.

`fit` runs a Python loop over batches; for small models nearly all its time goes there. A program
runs the loop over an epoch's batches inside one TensorFlow function. The state of the training
(weights, optimizer, ...) goes in and comes out as tensors whose sizes the function does not know,
so it serves every model of its structure, and nothing of the model it was traced with stays in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.program import Logs, Program
from kerastune_lite._src.keras.fast.samples import Pool, Samples
from kerastune_lite._src.keras.fast.state import State
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.tf.graph_function import started_once
from kerastune_lite._src.keras.fast.tf.scalars import read_at_run_time
from kerastune_lite._src.keras.fast.tf.traced_model import TracedModel
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class TracedProgram(Program[State]):
    """The training of all models of a structure, one at a time.

    Args:
        model: any of them, built with its metrics and optimizer. It is left as it was.
        structure: its structure.
        training, validation: only types and shapes matter.
    """

    def __init__(
        self, model: Any, structure: Structure, training: Samples, validation: Samples | None
    ) -> None:
        traced, self.slots = TracedModel.with_plain_optimizer(model, structure.places)
        # Metrics keep their shapes: they depend on thresholds and classes, not on sizes.
        variables = [*traced.trainable, *traced.others, *traced.optimizer_variables]
        self._names: list[str] = []
        self._pace = Pace()
        with contextlib.ExitStack() as stack:
            stack.enter_context(internals.plain_optimizers())
            if structure.sized:
                stack.enter_context(internals.unknown_sizes(variables))
                stack.enter_context(internals.unknown_filters(model))
                stack.enter_context(internals.usual_operations())
            self._first_metrics = traced.fresh_metrics()
            self._train = started_once(self._traced_training(traced, training))
            if validation is not None:
                self._measure = started_once(self._traced_measurement(traced, validation))

    def packed(self, states: Sequence[State]) -> State:
        (state,) = states
        return state

    def unpacked(self, values: State, place: int, whole: bool) -> State:
        return values

    def with_own(self, values: State, place: int, own: Sequence[Any]) -> State:
        return dataclasses.replace(values, optimizer=[*own, *values.optimizer[len(own) :]])

    def epoch(
        self,
        values: State,
        pool: Pool,
        scalars: np.ndarray,
        orders: Sequence[np.ndarray],
        halt: bool = False,
    ) -> tuple[State, list[Logs], int]:
        ((numbers,), (order,)) = scalars, orders
        data, size = pool.samples.tensors, pool.batch_size
        state, metrics, logs, done = _listed(values), self._first_metrics, [], 0
        for begin, end in self._pace.pieces(-(-len(order) // size)):
            state, metrics, logs, done = self._train(
                state, metrics, data, size, numbers, order, halt, begin, end
            )
            if halt and int(done) < end:
                break
        return State(*state), [dict(zip(self._names, logs))], int(done)

    def measure(
        self, values: State, pool: Pool, scalars: np.ndarray, rows: Sequence[np.ndarray]
    ) -> tuple[State, list[Logs]]:
        (numbers,), samples = scalars, pool.samples
        others, logs = self._measure(
            _listed(values), samples.tensors, samples.count, pool.batch_size, numbers
        )
        return dataclasses.replace(values, others=others), [dict(zip(self._names, logs))]

    def _traced_training(self, traced: TracedModel, samples: Samples) -> Any:
        import tensorflow as tf

        loss_index = traced.loss_index()

        def epoch(
            state: Any,
            metrics: Any,
            data: Any,
            size: Any,
            scalars: Any,
            order: Any,
            halt: Any,
            begin: Any,
            end: Any,
        ) -> Any:
            with read_at_run_time(traced.places, scalars):

                def body(step: Any, state: Any, metrics: Any) -> Any:
                    rows = order[step * size : (step + 1) * size]
                    batch = keras.tree.map_structure(lambda leaf: tf.gather(leaf, rows), data)
                    new, metrics = traced.train_step(State(*state), metrics, batch)
                    return step + 1, _listed(new), metrics

                def continues(step: Any, state: Any, metrics: Any) -> Any:
                    stopped = halt & ~tf.math.is_finite(metrics[loss_index])
                    return (step < end) & ~stopped

                step, state, metrics = tf.while_loop(continues, body, (begin, state, metrics))
                logs = traced.results(metrics)
                self._names[:] = logs
                return state, metrics, list(logs.values()), step

        number = tf.TensorSpec((), "int32")
        return tf.function(epoch, autograph=False).get_concrete_function(
            traced.specs,
            [tf.TensorSpec(value.shape, value.dtype) for value in self._first_metrics],
            samples.specs,
            number,
            tf.TensorSpec((None,), "float64"),
            tf.TensorSpec((None,), "int32"),
            tf.TensorSpec((), "bool"),
            number,
            number,
        )

    def _traced_measurement(self, traced: TracedModel, samples: Samples) -> Any:
        import tensorflow as tf

        def measure(state: Any, data: Any, count: Any, size: Any, scalars: Any) -> Any:
            with read_at_run_time(traced.places, scalars):
                steps = (count + size - 1) // size
                trainable, others, optimizer = state

                def body(step: Any, others: Any, metrics: Any) -> Any:
                    batch = keras.tree.map_structure(
                        lambda leaf: leaf[step * size : (step + 1) * size], data
                    )
                    now = State(trainable, others, optimizer)
                    return step + 1, *traced.test_step(now, metrics, batch)

                begin = (tf.constant(0), others, traced.fresh_metrics())
                _, others, metrics = tf.while_loop(
                    lambda step, others, metrics: step < steps, body, begin
                )
                return others, list(traced.results(metrics).values())

        number, scalars = tf.TensorSpec((), "int32"), tf.TensorSpec((None,), "float64")
        return tf.function(measure, autograph=False).get_concrete_function(
            traced.specs, samples.specs, number, number, scalars
        )


class Pace:
    """Cuts an epoch into pieces of about half a second, so that Ctrl-C is heard in between."""

    _SECONDS = 0.5
    _AT_LEAST = 64
    """Batches; a piece costs a millisecond more than its arithmetic."""

    def __init__(self) -> None:
        self._batches = self._AT_LEAST

    def pieces(self, batches: int) -> Iterator[tuple[int, int]]:
        """The batches from (included) and to (excluded) of each piece."""
        begin = 0
        while begin < batches:
            end = min(begin + self._batches, batches)
            started = time.perf_counter()
            yield begin, end
            each = (time.perf_counter() - started) / (end - begin)
            self._batches = max(self._AT_LEAST, int(self._SECONDS / max(each, 1e-9)))
            begin = end


def _listed(state: State) -> list[list[Any]]:
    return [list(state.trainable), list(state.others), list(state.optimizer)]
