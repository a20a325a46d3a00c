"""Who computes the epochs that the loop asks for: a shared program, or one of the model's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.fit_call import FitCall, Unsuitable
from kerastune_lite._src.keras.fast.samples import DEFAULT_BATCH_SIZE, Samples, Source
from kerastune_lite._src.keras.fast.slots import first_values
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.fast.supported import OPTIMIZERS
from kerastune_lite._src.keras.fast.tf.traced_model import State
from kerastune_lite._src.keras.fast.tf.traced_program import Feed, Pace, Program
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class Feeding:
    """How the samples of a training come to its epochs.

    Args:
        call: the arguments of `fit`.
        training, validation: the data.
        seed: of the shuffling.
    """

    def __init__(
        self, call: FitCall, training: Samples, validation: Samples | None, seed: Sequence[int]
    ) -> None:
        self.training = training
        self.validation = validation
        self.batch_size = training.batch_size or call.batch_size or DEFAULT_BATCH_SIZE
        self._seed = seed
        self._shuffle = call.shuffle if training.shuffled is None else training.shuffled
        if validation is not None:
            self.validation_batch_size = (
                validation.batch_size
                or call.validation_batch_size
                or call.batch_size
                or DEFAULT_BATCH_SIZE
            )

    @property
    def source(self) -> Source:
        """What is trained on, as arrays."""
        return Source(self.training.on_host, self.batch_size)

    @property
    def validation_source(self) -> Source | None:
        """What is measured on, as arrays."""
        data = self.validation
        return None if data is None else Source(data.on_host, self.validation_batch_size)

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return -(-self.training.count // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """The samples of an epoch in the order of training; it follows from seed and epoch.

        Not the order that `fit` would draw, but of the same distribution.
        """
        count = self.training.count
        order = np.arange(count, dtype=np.int32)
        if self._shuffle:
            rng = np.random.default_rng([*self._seed, epoch])
            size = self.batch_size if self._shuffle == "batch" else count
            for begin in range(0, count, size):
                rng.shuffle(order[begin : begin + size])
        return order

    def feeds(self, scalars: list[float]) -> tuple[Feed, Feed | None]:
        """What an epoch and a measurement are computed from."""
        train = feed_of(self.training.tensors, self.training.count, self.batch_size, scalars)
        if self.validation is None:
            return train, None
        data = self.validation
        return train, feed_of(data.tensors, data.count, self.validation_batch_size, scalars)


def feed_of(data: Any, count: int, batch_size: int, scalars: list[float]) -> Feed:
    """Its numbers are put on the device once, not once per epoch."""
    import tensorflow as tf

    return Feed(
        data,
        tf.constant(count, "int32"),
        tf.constant(batch_size, "int32"),
        tf.constant(scalars, "float64"),
    )


class Engine(ABC):
    """Computes the epochs of one model's training."""

    @abstractmethod
    def train(
        self, epoch: int, halt: bool, batches: int | None = None
    ) -> tuple[dict[str, Any], int]:
        """Train an epoch; its logs, and how many batches there were.

        Args:
            halt: whether a loss that is not finite ends it.
            batches: train no more than these; None: all.
        """

    @abstractmethod
    def measure(self) -> dict[str, Any]:
        """The metrics on the validation data."""

    @abstractmethod
    def show(self) -> None:
        """Put the state of the training into the model."""

    @abstractmethod
    def take(self) -> None:
        """Take over what was changed in the model."""

    @abstractmethod
    def restore(self) -> None:
        """Bring the model back to where it was before the first epoch."""


class SharedEngine(Engine):
    """Trains a model with the program of its structure.

    Args:
        model: the trial's own.
        program: of its structure.
        structure: the model's.
        feeding: its data.
        closely: whether callbacks may look at, and change, all of the model and its optimizer.
    """

    def __init__(
        self, model: Any, program: Program, structure: Structure, feeding: Feeding, closely: bool
    ) -> None:
        self._model = model
        self._program = program
        self._structure = structure
        self._feeding = feeding
        self._whole = closely or model.optimizer.use_ema
        if self._whole and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        self._feeds: tuple[Feed, Feed | None] | None = None
        self.state = self._first = state_of(model, program)

    def train(
        self, epoch: int, halt: bool, batches: int | None = None
    ) -> tuple[dict[str, Any], int]:
        if self._feeds is None:
            # As late as `fit` reads the scalars: callbacks may have changed them by now.
            self._feeds = self._feeding.feeds(self._structure.scalars)
        order = self._feeding.order(epoch)
        self.state, logs, steps = self._program.epoch(
            self.state, self._feeds[0], order, halt, batches
        )
        return logs, steps

    def measure(self) -> dict[str, Any]:
        feed = self._feeds[1] if self._feeds is not None else None
        if feed is None:
            return {}
        measure = self._program.measurement(self._model, self._structure, feed.data)
        logs, self.state = measure(self.state, feed)
        return logs

    def show(self) -> None:
        put_state(self._model, self.state)

    def restore(self) -> None:
        put_state(self._model, self._first)

    def take(self) -> None:
        if self._whole:
            self.state = state_of(self._model, self._program)
            return
        own = [_value(v) for v in self._model.optimizer.variables]
        values = [*own, *self.state.optimizer[len(own) :]]
        self.state = State(self.state.trainable, self.state.others, values)


def state_of(model: Any, program: Program) -> State:
    """The state that a model is in."""
    return State(
        [_value(v) for v in model.trainable_variables],
        [_value(v) for v in model.non_trainable_variables],
        first_values(program.slots, model.optimizer, model.trainable_variables),
    )


def put_state(model: Any, state: State) -> None:
    """Bring a model into a state; its optimizer as far as it is built."""
    optimizer = list(model.optimizer.variables)
    variables = [*model.trainable_variables, *model.non_trainable_variables, *optimizer]
    # Before it is built an optimizer has the first of its variables: iterations, learning rate.
    values = [*state.trainable, *state.others, *state.optimizer[: len(optimizer)]]
    assign_all(variables, values)


def assign_all(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Give variables their values, of equal types and shapes."""
    import tensorflow as tf

    for variable, value in zip(variables, values):
        # Keras's own assign takes as long, for all of them, as a small network's epoch.
        tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)


def _value(variable: Any) -> Any:
    import tensorflow as tf

    return tf.convert_to_tensor(variable.value)


class OwnEngine(Engine):
    """Trains a model on its own variables, with loops traced for it alone.

    Exact for every layer, optimizer, metric and `train_step`: it calls the model's own.

    Args:
        model: the trial's.
        feeding: its data.
    """

    def __init__(self, model: Any, feeding: Feeding) -> None:
        self._model = model
        self._feeding = feeding
        self._train, self._validate = feeding.feeds([])
        check_begins_alike(model)
        build_all(model, first_row(feeding.training.tensors))
        self._own_steps = not internals.steps_as_keras_does(model)
        self._kept = [(v, v.numpy()) for v in self._variables()]
        self._epoch: Any = None
        self._measure: Any = None

    def _variables(self) -> list[Any]:
        return [*self._model.variables, *self._model.optimizer.variables]

    def restore(self) -> None:
        for variable, value in self._kept:
            variable.assign(value)

    def train(
        self, epoch: int, halt: bool, batches: int | None = None
    ) -> tuple[dict[str, Any], int]:
        if self._epoch is None:
            # As late as `fit` traces: callbacks may have changed the model by now.
            self._epoch = self._traced(self._model.train_step, self._train, shuffled=True)
        return self._epoch(self._feeding.order(epoch), halt, batches)

    def measure(self) -> dict[str, Any]:
        if self._validate is None:
            return {}
        if self._measure is None:
            self._measure = self._traced(self._model.test_step, self._validate, shuffled=False)
        order = np.arange(int(self._validate.count), dtype=np.int32)
        logs, _ = self._measure(order, False, None)
        return logs

    def show(self) -> None:
        """It is in the model all the time."""

    def take(self) -> None:
        """It is in the model all the time."""

    def _traced(self, step: Any, feed: Feed, shuffled: bool) -> Any:
        """A function (order, halt) -> (logs, batches) that does `step` to each batch."""
        import tensorflow as tf

        model, total = self._model, internals.loss_total(self._model)
        row = keras.tree.map_structure(
            lambda leaf: tf.TensorSpec((None, *leaf.shape[1:]), leaf.dtype), feed.data
        )
        # A step of the user's own may log what it likes: that of the last batch counts.
        logged = _outputs_of(step, row) if self._own_steps else []

        def epoch(data: Any, size: Any, order: Any, halt: Any, begin: Any, end: Any) -> Any:
            def body(i: Any, last: Any) -> Any:
                rows = order[i * size : (i + 1) * size]
                batch = keras.tree.map_structure(lambda leaf: tf.gather(leaf, rows), data)
                logs = step(batch)
                return i + 1, logs if self._own_steps else last

            def continues(i: Any, last: Any) -> Any:
                going = i < end
                if total is None or not shuffled:
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
        pace = Pace()

        def call(order: np.ndarray, halt: bool, batches: int | None) -> tuple[dict[str, Any], int]:
            model.reset_metrics()
            metrics, last, done = {}, {}, 0
            for begin, end in pace.pieces(batches or feed.batches):
                metrics, latest, done = function(
                    feed.data, feed.batch_size, order, halt, begin, end
                )
                if int(done) > begin:
                    last = latest
                if halt and int(done) < end:
                    break
            if self._own_steps and set(last) != set(metrics):
                return last, int(done)
            # In the order in which the model names them; TensorFlow sorts dictionaries.
            return {name: metrics[name] for name in model.get_metrics_result()}, int(done)

        return call


def check_begins_alike(model: Any) -> None:
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


def first_row(tensors: Any) -> Any:
    """(x, y, sample_weight) of the first sample, to build a model with."""
    row = keras.tree.map_structure(lambda leaf: leaf[:1], tensors)
    return keras.utils.unpack_x_y_sample_weight(row)


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
