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

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.fast.slots import Slot, plain_copy
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.tf.scalars import read_at_run_time
from kerastune_lite._src.keras.fast.tf.traced_model import State, TracedModel
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


@dataclasses.dataclass(frozen=True)
class Feed:
    """What an epoch is computed from, besides the state.

    Attributes:
        data: a tuple (x,), (x, y) or (x, y, sample_weight) of nested tensors, `(n, ...)` each.
        count: n, the number of samples, as a tensor.
        batch_size: a tensor; the last batch may be smaller.
        scalars: the structure's, a tensor of doubles.
    """

    data: Any
    count: Any
    batch_size: Any
    scalars: Any

    @property
    def batches(self) -> int:
        """How many there are in an epoch."""
        return -(-int(self.count) // int(self.batch_size))


class Program:
    """The two functions of a structure: an epoch of training, and a measurement.

    Args:
        model: any model of the structure, built with its metrics and optimizer. It is left as it
            was.
        structure: its structure.
        data: as in `Feed`, to be trained on; only types and shapes matter.
    """

    def __init__(self, model: Any, structure: Structure, data: Any) -> None:
        self.sized = structure.sized
        self.slots: list[Slot] = []
        """How the optimizer's variables begin."""
        self.epoch = self._traced_training(model, structure, data)
        self._measure: Any = None

    def _traced_training(self, model: Any, structure: Structure, data: Any) -> Any:
        with self._tracing(model, structure) as traced:
            self.slots = traced.slots
            return TracedTraining(traced, data)

    def measurement(self, model: Any, structure: Structure, data: Any) -> TracedMeasurement:
        """The function that measures a model on validation data; traced when first wanted.

        Args:
            model: as for the constructor.
        """
        if self._measure is None:
            with self._tracing(model, structure) as traced:
                self._measure = TracedMeasurement(traced, data)
        measure: TracedMeasurement = self._measure
        return measure

    @contextlib.contextmanager
    def _tracing(self, model: Any, structure: Structure) -> Iterator[TracedModel]:
        optimizer, slots = plain_copy(model.optimizer, model.trainable_variables)
        places = [
            (optimizer if place.owner is model.optimizer else place.owner, place.attribute)
            for place in structure.places
        ]
        traced = TracedModel(model, optimizer, slots, places)
        # Metrics keep their shapes: they depend on thresholds and classes, not on sizes.
        variables = [*traced.trainable, *traced.others, *traced.optimizer_variables]
        with contextlib.ExitStack() as stack:
            stack.enter_context(internals.plain_optimizers())
            if structure.sized:
                stack.enter_context(internals.unknown_sizes(variables))
                stack.enter_context(internals.unknown_filters(model))
                stack.enter_context(internals.usual_operations())
            yield traced


class TracedTraining:
    """An epoch of training, as a TensorFlow function of some of its batches.

    Args:
        traced: what to trace.
        data: nested tensors; their types and shapes, but for the number of samples.
    """

    def __init__(self, traced: TracedModel, data: Any) -> None:
        self._names: list[str] = []
        self._first_metrics = traced.fresh_metrics()
        self._pace = Pace()
        self._function = _concrete(
            self._epoch_of(traced),
            _specs(traced),
            [_spec(value.shape, value.dtype) for value in self._first_metrics],
            _data_spec(data),
            *_loop_specs(),
            _spec((None,), "int32"),
            _spec((), "bool"),
            _spec((), "int32"),
            _spec((), "int32"),
        )

    def __call__(
        self, state: State, feed: Feed, order: Any, halt: bool, batches: int | None = None
    ) -> tuple[State, dict[str, Any], int]:
        """Train for an epoch.

        Args:
            order: `(n,)`, the samples in the order of training.
            halt: whether a loss that is not finite ends the epoch.
            batches: train no more than these; None: all.

        Returns:
            The new state, the epoch's logs, and how many batches there were.
        """
        values, metrics, logs, done = _listed(state), self._first_metrics, [], 0
        for begin, end in self._pace.pieces(batches or feed.batches):
            values, metrics, logs, done = self._function(
                values,
                metrics,
                feed.data,
                feed.count,
                feed.batch_size,
                feed.scalars,
                order,
                halt,
                begin,
                end,
            )
            if halt and int(done) < end:
                break
        return State(*values), dict(zip(self._names, logs)), int(done)

    def _epoch_of(self, traced: TracedModel) -> Any:
        import tensorflow as tf

        loss_index = traced.loss_index()

        def epoch(
            state: Any,
            metrics: Any,
            data: Any,
            count: Any,
            size: Any,
            scalars: Any,
            order: Any,
            halt: Any,
            begin: Any,
            end: Any,
        ) -> Any:
            with read_at_run_time(traced.places, scalars):

                def body(step: Any, state: Any, metrics: Any) -> Any:
                    batch = _gathered(data, order[step * size : (step + 1) * size])
                    new, metrics = traced.train_step(State(*state), metrics, batch)
                    return step + 1, _listed(new), metrics

                def continues(step: Any, state: Any, metrics: Any) -> Any:
                    stopped = halt & ~tf.math.is_finite(metrics[loss_index])
                    return (step < end) & ~stopped

                step, state, metrics = tf.while_loop(continues, body, (begin, state, metrics))
                logs = traced.results(metrics)
                self._names = list(logs)
                return state, metrics, list(logs.values()), step

        return epoch


class TracedMeasurement:
    """A measurement on validation data, as a TensorFlow function.

    Args:
        traced: what to trace.
        data: nested tensors; their types and shapes, but for the number of samples.
    """

    def __init__(self, traced: TracedModel, data: Any) -> None:
        self._names: list[str] = []
        self._function = _concrete(
            self._measure_of(traced), _specs(traced), _data_spec(data), *_loop_specs()
        )

    def __call__(self, state: State, feed: Feed) -> tuple[dict[str, Any], State]:
        """The logs of a measurement, and the state after it."""
        others, values = self._function(
            _listed(state), feed.data, feed.count, feed.batch_size, feed.scalars
        )
        return dict(zip(self._names, values)), dataclasses.replace(state, others=others)

    def _measure_of(self, traced: TracedModel) -> Any:
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
                logs = traced.results(metrics)
                self._names = list(logs)
                return others, list(logs.values())

        return measure


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


def _gathered(data: Any, rows: Any) -> Any:
    import tensorflow as tf

    return keras.tree.map_structure(lambda leaf: tf.gather(leaf, rows), data)


def _concrete(function: Any, *specs: Any) -> Any:
    """`function` traced for these specs; what it was traced with is let go of."""
    import tensorflow as tf

    # Meanwhile Grappler is switched off: it costs more than a small model's search runs.
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def _spec(shape: Sequence[int | None], dtype: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec(shape, dtype)


def _specs(traced: TracedModel) -> list[list[Any]]:
    variables = (traced.trainable, traced.others, traced.optimizer_variables)
    return [[_spec(tuple(v.shape), v.dtype) for v in group] for group in variables]


def _data_spec(data: Any) -> Any:
    return keras.tree.map_structure(lambda leaf: _spec((None, *leaf.shape[1:]), leaf.dtype), data)


def _loop_specs() -> list[Any]:
    return [_spec((), "int32"), _spec((), "int32"), _spec((None,), "float64")]
