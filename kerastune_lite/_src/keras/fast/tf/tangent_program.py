"""Training with derivatives: forward mode through all steps (Franceschi et al., 2017).

With the state of a training goes its derivative in a few directions in the space of the numbers
that it depends on (learning rate, momentum, dropout rates, ...). A step maps both: the state s to
f(s, n), and its derivative ds to (df/ds) ds + (df/dn) dn, of which neither matrix is ever formed.
Memory does not grow with the number of steps, and no step is left out of the derivative.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.differentiation import differentiable_operations
from kerastune_lite._src.keras.fast.samples import Samples
from kerastune_lite._src.keras.fast.state import State, Variables
from kerastune_lite._src.keras.fast.tf.graph_function import GraphFunction
from kerastune_lite._src.keras.fast.tf.numbers_of_training import TrainingNumbers
from kerastune_lite._src.keras.fast.tf.scalars import read_at_run_time
from kerastune_lite._src.keras.fast.tf.traced_model import TracedModel
from kerastune_lite._src.keras.fast.tf.traced_program import Pace
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

Tensors = list[Any]
_VALIDATION = "val_"


@dataclasses.dataclass(frozen=True)
class Derived:
    """A state and its derivatives.

    Attributes:
        tensors: all tensors of a state, flat.
        derivatives: of those that are real numbers, each with a first axis for the directions.
    """

    tensors: Tensors
    derivatives: Tensors


class TangentProgram:
    """The training of all models whose numbers have one key, with derivatives.

    Args:
        model: any of them, built. It is left as it was.
        numbers: its numbers.
        training, validation: only types and shapes matter.
        objective: its metrics are measured on the validation data.
        directions: how many derivatives are taken.
    """

    def __init__(
        self,
        model: Any,
        numbers: TrainingNumbers,
        training: Samples,
        validation: Samples,
        objective: Objective,
        directions: int,
    ) -> None:
        self._model, self.slots = TracedModel.with_plain_optimizer(model, numbers.places)
        self._objective, self._directions = objective, directions
        self._rate = _position(numbers.rate, list(model.optimizer.variables))
        self._pace = Pace()
        self.connected = False
        """Whether the objective has a derivative at all; an accuracy, which counts, has none."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(internals.plain_optimizers())
            stack.enter_context(differentiable_operations())
            if numbers.sized:
                traced = self._model
                variables = [*traced.trainable, *traced.others, *traced.optimizer_variables]
                stack.enter_context(internals.unknown_sizes(variables))
                stack.enter_context(internals.unknown_filters(model))
                stack.enter_context(internals.usual_operations())
            groups = self._model.specs
            flat = [spec for group in groups for spec in group]
            self._sizes = [len(group) for group in groups]
            self._real = [i for i, spec in enumerate(flat) if spec.dtype.is_floating]
            self._fresh = self._model.fresh_metrics()
            train = self._traced_training(training, flat)
            measure = self._traced_measurement(validation, flat)
        self._train, self._measure = GraphFunction(train), GraphFunction(measure)

    # ------------------------------------------------------------------ running it

    def begin(self, model: Any, derivatives: np.ndarray) -> Derived:
        """The state of an untrained model.

        Args:
            derivatives: of its numbers in each direction, `(directions, n)`.
        """
        state = Variables(model).state(self.slots)
        values = [*state.trainable, *state.others, *state.optimizer]
        arrays = [np.asarray(value) for value in values]
        zeros = [np.zeros((self._directions, *arrays[i].shape)) for i in self._real]
        if self._rate is not None:
            place = self._real.index(self._sizes[0] + self._sizes[1] + self._rate)
            zeros[place] = derivatives[:, 0]
        return Derived(arrays, zeros)

    def epoch(
        self,
        derived: Derived,
        samples: Samples,
        batch_size: int,
        order: np.ndarray,
        numbers: np.ndarray,
        derivatives: np.ndarray,
    ) -> Derived:
        """The state after an epoch.

        Args:
            order: of the samples, `(n,)`.
            numbers: of the model, `(n,)`.
            derivatives: of these in each direction, `(directions, n)`.
        """
        tensors, tangents = derived.tensors, derived.derivatives
        given = self._at_places(numbers, derivatives)
        for begin, end in self._pace.pieces(-(-len(order) // batch_size)):
            found = self._train(
                tensors, tangents, samples.on_host, batch_size, *given, order, begin, end
            )
            tensors, tangents = found[: sum(self._sizes)], found[sum(self._sizes) :]
        return Derived(tensors, tangents)

    def measure(
        self,
        derived: Derived,
        samples: Samples,
        batch_size: int,
        numbers: np.ndarray,
        derivatives: np.ndarray,
    ) -> tuple[float, np.ndarray]:
        """The loss of the objective, and its derivative in each direction, `(directions,)`."""
        loss, slopes = self._measure(
            derived.tensors,
            derived.derivatives,
            samples.on_host,
            samples.count,
            batch_size,
            *self._at_places(numbers, derivatives),
        )
        return float(loss), np.asarray(slopes, np.float64)

    def _at_places(self, numbers: np.ndarray, derivatives: np.ndarray) -> tuple[Any, Any]:
        """Without the learning rate, which is a part of the state."""
        first = 0 if self._rate is None else 1
        return numbers[first:], derivatives[:, first:]

    # ------------------------------------------------------------------ tracing it

    def _state(self, tensors: Sequence[Any]) -> State:
        one, two = self._sizes[0], self._sizes[0] + self._sizes[1]
        return State(list(tensors[:one]), list(tensors[one:two]), list(tensors[two:]))

    def _specs(self, flat: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
        """Of tensors, derivatives, numbers and their derivatives."""
        import tensorflow as tf

        count = self._directions
        places = len(self._model.places)
        return (
            list(flat),
            [tf.TensorSpec((count, *flat[i].shape), flat[i].dtype) for i in self._real],
            tf.TensorSpec((places,), "float64"),
            tf.TensorSpec((count, places), "float64"),
        )

    def _with_numbers(
        self, compute: Callable[[Tensors], Tensors], tensors: Tensors
    ) -> Callable[[Tensors], Tensors]:
        """A function of the real tensors and of the numbers, which come last.

        Args:
            compute: a function of all tensors.
        """

        def function(real: Tensors) -> Tensors:
            *real, numbers = real
            whole = list(tensors)
            for place, value in zip(self._real, real):
                whole[place] = value
            with read_at_run_time(self._model.places, numbers):
                return compute(whole)

        return function

    def _traced_training(self, samples: Samples, flat: Sequence[Any]) -> Any:
        import tensorflow as tf

        def epoch(
            tensors: Any,
            tangents: Any,
            data: Any,
            size: Any,
            numbers: Any,
            slopes: Any,
            order: Any,
            begin: Any,
            end: Any,
        ) -> Any:
            def body(step: Any, tensors: Any, tangents: Any) -> Any:
                rows = order[step * size : (step + 1) * size]
                batch = keras.tree.map_structure(lambda leaf: tf.gather(leaf, rows), data)

                def train(tensors: Tensors) -> Tensors:
                    new, _ = self._model.train_step(self._state(tensors), self._fresh, batch)
                    return [*new.trainable, *new.others, *new.optimizer]

                real = [tensors[i] for i in self._real]
                new, derived = _pushed(
                    self._with_numbers(train, tensors), [*real, numbers], [*tangents, slopes]
                )
                derived = [derived[i] for i in self._real]
                for value, like in zip([*new, *derived], [*tensors, *tangents]):
                    value.set_shape(like.shape)
                return step + 1, new, derived

            return tf.while_loop(
                lambda step, tensors, tangents: step < end, body, (begin, tensors, tangents)
            )[1:]

        number = tf.TensorSpec((), "int32")
        tensors, tangents, numbers, slopes = self._specs(flat)
        return tf.function(epoch, autograph=False).get_concrete_function(
            tensors,
            tangents,
            samples.specs,
            number,
            numbers,
            slopes,
            tf.TensorSpec((None,), "int32"),
            number,
            number,
        )

    def _traced_measurement(self, samples: Samples, flat: Sequence[Any]) -> Any:
        import tensorflow as tf

        def measure(
            tensors: Any,
            tangents: Any,
            data: Any,
            count: Any,
            size: Any,
            numbers: Any,
            slopes: Any,
        ) -> Any:
            real = [tensors[i] for i in self._real]

            def body(step: Any, metrics: Any, derived: Any) -> Any:
                batch = keras.tree.map_structure(
                    lambda leaf: leaf[step * size : (step + 1) * size], data
                )

                def test(inputs: Tensors) -> Tensors:
                    metrics = inputs[: len(self._fresh)]

                    def of_state(tensors: Tensors) -> Tensors:
                        return self._model.test_step(self._state(tensors), metrics, batch)[1]

                    return self._with_numbers(of_state, tensors)(inputs[len(self._fresh) :])

                inputs = [*metrics, *real, numbers]
                new, slopes_of_new = _pushed(test, inputs, [*derived, *tangents, slopes])
                self._note_whether_connected(test, inputs)
                return step + 1, new, slopes_of_new

            begin = [
                tf.zeros((self._directions, *value.shape), value.dtype) for value in self._fresh
            ]
            _, metrics, derived = tf.while_loop(
                lambda step, metrics, derived: step < (count + size - 1) // size,
                body,
                (tf.constant(0), list(self._fresh), begin),
            )
            (loss,), (slope,) = _pushed(lambda m: [self._loss(m)], metrics, derived)
            return loss, slope

        number = tf.TensorSpec((), "int32")
        tensors, tangents, numbers, slopes = self._specs(flat)
        return tf.function(measure, autograph=False).get_concrete_function(
            tensors, tangents, samples.specs, number, number, numbers, slopes
        )

    def _loss(self, metrics: Tensors) -> Any:
        """What is minimised, from the variables of the metrics."""
        logs = self._model.results(metrics)
        parts = [
            (-1.0 if part.direction == "max" else 1.0) * logs[part.name.removeprefix(_VALIDATION)]
            for part in self._objective.parts
        ]
        return keras.ops.sum(keras.ops.stack(parts))

    def _note_whether_connected(self, test: Callable[[Tensors], Tensors], inputs: Tensors) -> None:
        """Find out whether the objective depends on the inputs in a differentiable way."""
        import tensorflow as tf

        watched = [tf.identity(value) for value in inputs]
        gradients = tf.gradients(self._loss(test(watched)), watched)
        self.connected = any(gradient is not None for gradient in gradients[len(self._fresh) :])


def _pushed(
    compute: Callable[[Tensors], Tensors], inputs: Tensors, tangents: Tensors
) -> tuple[Tensors, Tensors]:
    """What `compute` returns, and its derivatives along the tangents of the inputs.

    The derivative along t is taken from reverse mode: with g(u) the gradient of the outputs
    weighted by u, it is the gradient of g(u) weighted by t, by u. (TensorFlow's own forward mode
    makes a function of each operation, and takes seconds to start.)

    Returns:
        The outputs, and the derivative of each with a first axis for the directions; zeros for
        outputs that are no real numbers or do not depend on the inputs.
    """
    import tensorflow as tf

    watched = [tf.identity(value) for value in inputs]
    outputs = compute(watched)
    real = [value for value in outputs if value.dtype.is_floating]
    weights = [tf.zeros_like(value) for value in real]
    gradients = tf.gradients(real, watched, grad_ys=weights)
    found = [i for i, gradient in enumerate(gradients) if gradient is not None]
    columns = []
    for direction in range(tangents[0].shape[0]):
        along = [tf.cast(tangents[i][direction], gradients[i].dtype) for i in found]
        slopes = iter(tf.gradients([gradients[i] for i in found], weights, grad_ys=along))
        columns.append([next(slopes) if value.dtype.is_floating else None for value in outputs])
    none = [tf.zeros_like(value) for value in outputs]
    return outputs, [
        tf.stack([zero if slope is None else slope for slope in column])
        for zero, column in zip(none, zip(*columns))
    ]


def _position(wanted: Any, among: Sequence[Any]) -> int | None:
    return next((i for i, each in enumerate(among) if each is wanted), None)
