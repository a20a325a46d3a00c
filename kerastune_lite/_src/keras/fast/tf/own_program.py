"""A model's own training on its own variables, in loops that are traced for it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.compat.traces import keeps_nothing_else
from kerastune_lite._src.keras.fast.fit_call import Unsuitable
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.program import Logs, Program
from kerastune_lite._src.keras.fast.samples import Pool
from kerastune_lite._src.keras.fast.state import State, Variables
from kerastune_lite._src.keras.fast.supported import OPTIMIZERS
from kerastune_lite._src.keras.fast.tf.traced_program import Pace
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.resuming import optimizers_of

keras = load_keras()

_Run = Callable[[Pool, np.ndarray, bool], tuple[Logs, int]]
"""(samples, order, whether to halt) -> the logs, and how many batches there were."""


class OwnProgram(Program[None]):
    """Exact for every layer, optimizer, metric and `train_step`: it calls the model's own.

    Args:
        member: whose model it trains.

    Raises:
        Unsuitable: `fit` would train it otherwise.
    """

    in_model = True

    def __init__(self, member: Member) -> None:
        self._model = member.model
        _check_begins_alike(member.model)
        self._own_steps = not internals.steps_as_keras_does(member.model)
        if self._own_steps and any(samples.wrapped for samples in member.samples):
            raise Unsuitable("a step of the model's own, for batches that are tuples of one")
        build_all(member.model, member.training.first_row)
        self._train: _Run | None = None
        self._measure: _Run | None = None
        self._functions: list[Any] = []

    def packed(self, states: Sequence[State]) -> None:
        """They are in the model all the time."""

    def unpacked(self, values: None, place: int, whole: bool) -> State:
        return Variables(self._model).state(self.slots)

    def with_own(self, values: None, place: int, own: Sequence[Any]) -> None:
        """They are in the model all the time."""

    def epoch(
        self,
        values: None,
        pool: Pool,
        scalars: np.ndarray,
        orders: Sequence[np.ndarray],
        halt: bool = False,
    ) -> tuple[None, list[Logs], int]:
        if self._train is None:
            # As late as `fit` traces: callbacks may have changed the model by now.
            self._train = self._traced(self._model.train_step, pool, trains=True)
        logs, batches = self._train(pool, orders[0], halt)
        return None, [logs], batches

    def measure(
        self, values: None, pool: Pool, scalars: np.ndarray, rows: Sequence[np.ndarray]
    ) -> tuple[None, list[Logs]]:
        if self._measure is None:
            self._measure = self._traced(self._model.test_step, pool, trains=False)
        logs, _ = self._measure(pool, rows[0], False)
        return None, [logs]

    def repeats(self) -> bool:
        """Whether it trains from a restored state as a program does that is traced then.

        All that it changes must be in variables that are restored, or reset for each epoch.
        """
        model = self._model
        optimizers = optimizers_of(model).values()
        owners = (model, *optimizers, *model.metrics)
        known = {id(variable.value.handle) for owner in owners for variable in owner.variables}
        # One of another class may have been built within the trace.
        return all(type(each).__module__.startswith("keras.") for each in optimizers) and all(
            keeps_nothing_else(function, known) for function in self._functions
        )

    def _traced(self, step: Callable[[Any], Any], pool: Pool, trains: bool) -> _Run:
        """A function that does `step` to each batch."""
        import tensorflow as tf

        model, total = self._model, internals.loss_total(self._model)
        row = pool.samples.specs

        def as_in_fit(batch: Any) -> Any:
            """A step of the user's own gets samples without targets as they are."""
            return step(keras.utils.pack_x_y_sample_weight(*batch))

        # A step of the user's own may log what it likes: that of the last batch counts.
        logged = _outputs_of(as_in_fit, row) if self._own_steps else []

        def epoch(data: Any, size: Any, order: Any, halt: Any, begin: Any, end: Any) -> Any:
            def body(i: Any, last: Any) -> Any:
                rows = order[i * size : (i + 1) * size]
                batch = keras.tree.map_structure(lambda leaf: tf.gather(leaf, rows), data)
                logs = as_in_fit(batch)
                return i + 1, logs if self._own_steps else last

            def continues(i: Any, last: Any) -> Any:
                going = i < end
                if total is None or not trains:
                    return going
                return going & ~(halt & ~tf.math.is_finite(tf.convert_to_tensor(total.value)))

            empty = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), logged)
            i, last = tf.while_loop(continues, body, (begin, empty))
            return model.get_metrics_result(), last, i

        number = tf.TensorSpec((), "int32")
        function = tf.function(epoch, autograph=False).get_concrete_function(
            row,
            number,
            tf.TensorSpec((None,), "int32"),
            tf.TensorSpec((), "bool"),
            number,
            number,
        )
        self._functions.append(function)
        pace = Pace()

        def run(pool: Pool, order: np.ndarray, halt: bool) -> tuple[Logs, int]:
            data, size = pool.samples.tensors, pool.batch_size
            model.reset_metrics()
            metrics, last, done = {}, {}, 0
            for begin, end in pace.pieces(-(-len(order) // size)):
                metrics, latest, done = function(data, size, order, halt, begin, end)
                if int(done) > begin:
                    last = latest
                if halt and int(done) < end:
                    break
            if self._own_steps and set(last) != set(metrics):
                return last, int(done)
            # In the order in which the model names them; TensorFlow sorts dictionaries.
            return {name: metrics[name] for name in model.get_metrics_result()}, int(done)

        return run


OwnPrograms = dict[tuple[str, str], OwnProgram]
"""A model's own ones, by the types of the data."""


def _check_begins_alike(model: Any) -> None:
    """Refuse an optimizer that copies weights when it is built; tried on a copy of it.

    `fit` builds it inside of the traced step, and so copies them again with each batch.

    Raises:
        Unsuitable: it does, or nobody knows.
    """
    optimizer = model.optimizer
    known = type(optimizer).__module__.startswith("keras.") and (
        type(optimizer).__name__ in OPTIMIZERS
    )
    if optimizer.built or known:
        return
    name = type(optimizer).__name__
    if not model.built:
        raise Unsuitable(f"{name}, for a model that is built by its first batch")
    copy = type(optimizer).from_config(optimizer.get_config())
    copy.build(model.trainable_variables)
    for variable in copy.variables:
        value = variable.numpy()
        if value.size and np.any(value != value.flat[0]):
            raise Unsuitable(f"{name}, which begins with copies of weights")


def _outputs_of(step: Any, row: Any) -> Any:
    """What a step of the user's own returns, as specs."""
    import tensorflow as tf

    outputs = tf.function(step, autograph=False).get_concrete_function(row).structured_outputs
    if not isinstance(outputs, dict):
        raise Unsuitable("a train_step that returns no dict")
    for spec in outputs.values():
        known = isinstance(spec, (tf.TensorSpec, tf.Tensor)) and spec.shape.is_fully_defined()
        if not known:
            raise Unsuitable("a train_step that logs something other than numbers")
    return outputs
