"""A training step of many models at once, written out for the layers of small dense networks.

What TensorFlow's `vectorized_map` makes of Keras's step has many small operations, and for networks
of a few thousand weights those take more time than the arithmetic. Here the weights of a member are
one row of one matrix, so that an optimizer updates all weights of all members in one go; layers
with weights are batched products, and whatever treats samples one by one (activations, pooling,
losses, metrics) is Keras's own code on the samples of all members, one after the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite.training import internals
from kerastune_lite.training.program import State
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.scalars import read_at_run_time
from kerastune_lite.training.slots import Slot, plain_copy
from kerastune_lite.training.structure import MODELS, Structure

keras = load_keras()

_SAMPLEWISE = frozenset(
    # Layers without variables that do the same to each sample, whatever it stands next to.
    (
        "Activation",
        "Add",
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "Concatenate",
        "ELU",
        "Flatten",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LeakyReLU",
        "MaxPooling1D",
        "MaxPooling2D",
        "Maximum",
        "Minimum",
        "Multiply",
        "Permute",
        "ReLU",
        "Rescaling",
        "Reshape",
        "Softmax",
        "Subtract",
        "UnitNormalization",
    )
)

_LOSSES = frozenset(
    # Functions of Keras that give one number per sample.
    (
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "categorical_hinge",
        "cosine_similarity",
        "hinge",
        "huber",
        "kl_divergence",
        "log_cosh",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_error",
        "mean_squared_logarithmic_error",
        "poisson",
        "sparse_categorical_crossentropy",
        "squared_hinge",
    )
)

_ELEMENTWISE = frozenset(
    # Optimizers that do the same to each weight, whatever variable it belongs to.
    (
        "Adadelta",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Ftrl",
        "Lion",
        "Nadam",
        "RMSprop",
        "SGD",
    )
)


class NotWritten(Exception):
    """This model is left to `vectorized_map`; the message says what is not written out."""


class Written:
    """A model's steps on stacked tensors.

    The values of a stack are three lists: the weights, one tensor `(G, P)`; the model's other
    variables, `(G, ...)` each; the optimizer's variables, `(G, 1)` or `(G, P)` each.

    Args:
        model: built, with its metrics.
        structure: its structure.
        data: nested tensors; their types and shapes, but for the number of samples.

    Raises:
        NotWritten: the model holds something that is not written out here.
    """

    def __init__(self, model: Any, structure: Structure, data: Any) -> None:
        self._model = model
        _check(model, structure, data)
        self._trainable = list(model.trainable_variables)
        self._others = list(model.non_trainable_variables)
        self.metrics = list(model.metrics_variables)
        self._shapes = [tuple(v.shape) for v in self._trainable]
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        self._flat = keras.Variable(np.zeros((1, sum(self._sizes)), self._trainable[0].dtype))
        self._optimizer, slots = plain_copy(model.optimizer, [self._flat])
        self._in_all, self.slots = plain_copy(model.optimizer, self._trainable)
        self._columns = _columns(slots, self.slots)
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

        dtype = self._flat.dtype
        own = [
            tf.TensorSpec((None, sum(self._sizes) if len(v.shape) else 1), v.dtype)
            for v in self._optimizer.variables
        ]
        others = [tf.TensorSpec((None, *v.shape), v.dtype) for v in self._others]
        return [[tf.TensorSpec((None, sum(self._sizes)), dtype)], others, own]

    def packed(self, states: Sequence[State]) -> list[list[Any]]:
        """The values of these members, one after the other."""
        weights = np.stack([_row(state.trainable) for state in states])
        others = [np.stack(list(column)) for column in zip(*(state.others for state in states))]
        own = []
        for column in self._columns:
            own.append(np.stack([_row([s.optimizer[i] for i in column]) for s in states]))
        return [[weights], [np.asarray(other) for other in others], own]

    def unpacked(self, values: Any, member: int) -> State:
        """One member's state; of the optimizer what it has before it is built."""
        row = np.asarray(values[0][0][member])
        parts = np.split(row, np.cumsum(self._sizes)[:-1])
        trainable = [part.reshape(shape) for part, shape in zip(parts, self._shapes)]
        others = [other[member] for other in values[1]]
        own = [values[2][i][member, 0] for i, slot in enumerate(self.slots) if slot.own is not None]
        return State(trainable, others, own)

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
        self, values: Any, metrics: list[Any], batch: Any, scalars: Any
    ) -> tuple[list[list[Any]], list[Any]]:
        """What `Model.train_step` does to a batch, for each member.

        Args:
            values: of the stack.
            metrics: the metrics' variables, `(G, ...)` each.
            batch: nested tensors, `(G, batch, ...)` each.
            scalars: `(G, k)`.
        """
        import tensorflow as tf

        weights = values[0][0]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            step = self._step(weights, values[1], metrics, batch, scalars, training=True)
            losses, seeds = step.losses()
        gradient = tape.gradient(losses, weights, output_gradients=seeds)
        step.measure()
        updated, own = self._updated(weights, gradient, values[2], scalars)
        return [[updated], step.others(), own], step.metrics()

    def test_step(self, values: Any, metrics: list[Any], batch: Any, scalars: Any) -> list[Any]:
        """What `Model.test_step` does to a batch, for each member; the metrics."""
        step = self._step(values[0][0], values[1], metrics, batch, scalars, training=False)
        step.losses()
        step.measure()
        return step.metrics()

    def _step(
        self,
        weights: Any,
        others: list[Any],
        metrics: list[Any],
        batch: Any,
        scalars: Any,
        training: bool,
    ) -> _Step:
        import tensorflow as tf

        parts = tf.split(weights, self._sizes, axis=1)
        known: dict[int, Any] = {id(v): part for v, part in zip(self._trainable, parts)}
        for group, given in ((self._others, others), (self.metrics, metrics)):
            known.update((id(v), value) for v, value in zip(group, given))
        numbers = {
            (id(owner), attribute): scalars[:, i]
            for i, (owner, attribute) in enumerate(self._places)
        }
        penalized = [self._trainable[i] for i in self._penalized]
        step = _Step(self._model, known, numbers, batch, training)
        step.penalized, step.kept, step.measured = penalized, self._others, self.metrics
        return step

    def _updated(
        self, weights: Any, gradient: Any, own: list[Any], scalars: Any
    ) -> tuple[Any, list[Any]]:
        variables = list(self._optimizer.variables)
        places = [self._places[i] for i in self._optimizer_places]
        numbers = [scalars[:, i, None] for i in self._optimizer_places]
        with (
            _rows([self._flat, *variables]),
            read_at_run_time(places, numbers),
            keras.StatelessScope([(self._flat, weights), *zip(variables, own)]) as scope,
        ):
            self._optimizer.apply_gradients([(gradient, self._flat)])
        return scope.get_current_value(self._flat), [scope.get_current_value(v) for v in variables]


class _Step:
    """One step: what the layers compute, and what becomes of the variables.

    Args:
        model: the model.
        known: the values of all its variables, by their ids; the weights' as rows `(G, size)`.
        numbers: the scalars that differ, `(G,)` each, by (id of the object, attribute).
        batch: nested tensors, `(G, batch, ...)`.
        training: or measuring.
    """

    penalized: Sequence[Any]
    """The variables that have a regularizer."""
    kept: Sequence[Any]
    """The variables that have no gradients."""
    measured: Sequence[Any]
    """The metrics' variables."""

    def __init__(
        self,
        model: Any,
        known: dict[int, Any],
        numbers: Mapping[tuple[int, str], Any],
        batch: Any,
        training: bool,
    ) -> None:
        import tensorflow as tf

        self._model = model
        self._known = known
        self._numbers = numbers
        self._training = training
        self._x, self._y, self._weight = keras.utils.unpack_x_y_sample_weight(batch)
        shape = tf.shape(self._x)
        self._members, self._count = shape[0], shape[1]
        self._per_member = tf.stack([self._members, -1])
        self._y_true = merged(self._y)
        self._outputs: Any = None

    def others(self) -> list[Any]:
        """The model's variables that have no gradients."""
        return [self._known[id(v)] for v in self.kept]

    def metrics(self) -> list[Any]:
        """The metrics' variables."""
        return [self._known[id(v)] for v in self.measured]

    def value(self, variable: Any, *shape: int) -> Any:
        """A variable of all members, `(G, ...)`.

        Args:
            shape: of a weight: that of one member; the variable's own, if it is left out.
        """
        import tensorflow as tf

        value = self._known[id(variable)]
        return tf.reshape(value, (-1, *(shape or variable.shape))) if variable.trainable else value

    def set(self, variable: Any, value: Any) -> None:
        """Give a variable of all members its new value."""
        self._known[id(variable)] = value

    def number(self, owner: Any, attribute: str) -> Any:
        """A scalar: a tensor of doubles `(G,)`, or a number that is the same for all."""
        return self._numbers.get((id(owner), attribute), getattr(owner, attribute))

    def losses(self) -> tuple[list[Any], list[Any]]:
        """All that the members' losses are the sum of; each loss enters into its mean.

        Returns:
            The summands, and by how much each of their elements counts.
        """
        import tensorflow as tf

        x, wanted = self._x, self._model.inputs[0].dtype
        outputs = self._run(self._model, x if x.dtype.name == wanted else tf.cast(x, wanted))
        self._outputs = merged(outputs)
        function, factor = compiled_loss(self._model)
        y_true = keras.ops.convert_to_tensor(self._y_true, dtype=function.dtype)
        values = function.call(y_true, self._outputs)
        if self._weight is not None:
            values = values * tf.cast(merged(self._weight), values.dtype)
        size = tf.cast(self._count, values.dtype)
        share = (1.0 if factor is None else factor) / size
        losses = tf.reduce_sum(tf.reshape(values, self._per_member), 1) * share
        summands, shares = [values], [tf.fill(tf.shape(values), share)]
        for variable in self.penalized:
            penalty = self._penalty(variable)
            summands.append(penalty)
            shares.append(tf.ones_like(penalty))
            losses += penalty
        tracker = self._model._loss_tracker
        self.set(tracker.total, self._known[id(tracker.total)] + losses * size)
        self.set(tracker.count, self._known[id(tracker.count)] + size)
        return summands, shares

    def _penalty(self, variable: Any) -> Any:
        """A regularizer's losses, `(G,)`."""
        import tensorflow as tf

        regularizer, value = variable.regularizer, self.value(variable)
        axes = list(range(1, len(value.shape)))
        total = 0.0
        if hasattr(regularizer, "l1"):
            factor = tf.cast(self.number(regularizer, "l1"), value.dtype)
            total += factor * tf.reduce_sum(tf.abs(value), axes)
        if hasattr(regularizer, "l2"):
            factor = tf.cast(self.number(regularizer, "l2"), value.dtype)
            total += factor * tf.reduce_sum(tf.square(value), axes)
        return total

    def measure(self) -> None:
        """Enter the batch into the metrics."""
        import tensorflow as tf

        for metric, weighted in compiled_metrics(self._model):
            weight = self._weight if weighted else None
            if not isinstance(metric, keras.metrics.MeanMetricWrapper):
                self._each(metric, weight)
                continue
            values = metric._fn(self._y_true, self._outputs, **metric._fn_kwargs)
            values = tf.cast(values, metric.dtype)
            if len(values.shape) > 1:
                values = tf.reduce_mean(values, list(range(1, len(values.shape))))
            entered = tf.cast(self._count, metric.dtype)
            values = tf.reshape(values, self._per_member)
            if weight is not None:
                weight = tf.cast(weight, metric.dtype)
                values = values * weight
                entered = tf.reduce_sum(weight, 1)
            total = tf.reduce_sum(values, 1)
            self.set(metric.total, self._known[id(metric.total)] + total)
            self.set(metric.count, self._known[id(metric.count)] + entered)

    def _each(self, metric: Any, weight: Any) -> None:
        """A metric that is no mean over samples, member by member."""
        import tensorflow as tf

        outputs = tf.reshape(self._outputs, (self._members, -1, *self._outputs.shape[1:]))
        variables = list(metric.variables)

        def update(given: Any) -> Any:
            y, y_pred, values, *weight = given
            with keras.StatelessScope(list(zip(variables, values))) as scope:
                metric.update_state(y, y_pred, *weight)
            return [scope.get_current_value(v) for v in variables]

        given = [self._y, outputs, [self._known[id(v)] for v in variables]]
        new = tf.vectorized_map(update, given if weight is None else [*given, weight])
        for variable, value in zip(variables, new):
            self.set(variable, tf.ensure_shape(value, (None, *variable.shape)))

    # -------------------------------------------------------------- the layers

    def _run(self, model: Any, x: Any) -> Any:
        if type(model).__name__ == "Sequential":
            for layer in model.layers:
                x = self._operation(layer)(x)
            return x
        return model._run_through_graph(x, operation_fn=self._operation)

    def _operation(self, layer: Any) -> Callable[..., Any]:
        kind = type(layer).__name__
        if kind in MODELS:
            return lambda x, **_: self._run(layer, x)
        written = _WRITTEN.get(kind)
        if written is not None:
            return lambda x, **_: written(self, layer, x)
        return lambda x, **_: self._samplewise(layer, x)

    def _samplewise(self, layer: Any, x: Any) -> Any:
        import tensorflow as tf

        if type(layer).__name__ == "InputLayer":
            return x
        y = layer(keras.tree.map_structure(merged, x))
        return _carried(y, lambda t: tf.reshape(t, (self._members, -1, *t.shape[1:])))

    def dense(self, layer: Any, x: Any) -> Any:
        """`Dense` on `(G, batch, features)`."""
        kernel = self.value(layer.kernel)
        if layer.bias is None:
            y = _product(x, kernel)
        else:
            y = _affine(x, kernel, self.value(layer.bias, 1, *layer.bias.shape))
        if layer.activation is None or layer.activation is keras.activations.linear:
            return y
        return _softmax(y) if layer.activation is keras.activations.softmax else layer.activation(y)

    def dropout(self, layer: Any, x: Any) -> Any:
        """`Dropout` with the masks that each member would draw alone."""
        import tensorflow as tf

        if not self._training or not layer.rate > 0:
            return x
        if layer.rate == 1:
            return tf.zeros_like(x)
        state = layer.seed_generator.state
        seeds = self.value(state)
        self.set(state, seeds + tf.constant([0, 1], seeds.dtype))
        # As Keras makes TensorFlow's seeds of its own.
        seeds = tf.cast(tf.math.floormod(seeds, tf.int32.max - 1), "int32")
        shape = tf.shape(x)[1:]
        drawn = tf.map_fn(
            lambda seed: tf.random.stateless_uniform(shape, seed, dtype=x.dtype),
            seeds,
            fn_output_signature=tf.TensorSpec(x.shape[1:], x.dtype),
            parallel_iterations=32,
        )
        rate = tf.cast(self.number(layer, "rate"), "float64")
        per_member = (-1, *([1] * (len(x.shape) - 1)))
        rate, scale = (
            tf.reshape(tf.cast(number, x.dtype), per_member) for number in (rate, 1 / (1 - rate))
        )
        return tf.where(drawn >= rate, x * scale, tf.zeros((), x.dtype))

    def batch_normalization(self, layer: Any, x: Any) -> Any:
        """`BatchNormalization` along the last axis."""
        import tensorflow as tf

        last = [1] * (len(x.shape) - 2)

        def along(variable: Any) -> Any:
            return tf.reshape(self._known[id(variable)], (-1, *last, variable.shape[-1]))

        if self._training and layer.trainable:
            mean, variance = tf.nn.moments(x, list(range(1, len(x.shape) - 1)), keepdims=True)
            for variable, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                before = self.value(variable)
                now = tf.reshape(now, tf.shape(before))
                new = before * layer.momentum + now * (1.0 - layer.momentum)
                self.set(variable, tf.stop_gradient(tf.ensure_shape(new, before.shape)))
        else:
            mean, variance = along(layer.moving_mean), along(layer.moving_variance)
        beta = along(layer.beta) if layer.center else None
        gamma = along(layer.gamma) if layer.scale else None
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, layer.epsilon)


_WRITTEN: Mapping[str, Callable[[_Step, Any, Any], Any]] = {
    "BatchNormalization": _Step.batch_normalization,
    "Dense": _Step.dense,
    "Dropout": _Step.dropout,
}


# ------------------------------------------------------------------ arithmetic


def _affine(x: Any, kernel: Any, bias: Any) -> Any:
    """x @ kernel + bias for each member; `(G, b, i)`, `(G, i, o)`, `(G, 1, o)`.

    Its gradient is written out because TensorFlow's own looks, in each step, for axes to sum over.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def affine(x: Any, kernel: Any, bias: Any) -> Any:
        def gradient(dy: Any) -> Any:
            dx = _product(dy, kernel, adj_y=True)
            return dx, _product(x, dy, adj_x=True), tf.reduce_sum(dy, 1, keepdims=True)

        return _product(x, kernel) + bias, gradient

    return affine(x, kernel, bias)


def _product(x: Any, y: Any, **adjoint: bool) -> Any:
    """x @ y for each member."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.raw_ops.BatchMatMul(x=x, y=y, **adjoint)
    # The earlier versions of the operation are handed to oneDNN, whose preparations take 50 µs.
    return tf.raw_ops.BatchMatMulV3(x=x, y=y, Tout=x.dtype, **adjoint)


def _softmax(x: Any) -> Any:
    """Keras's, without the operation for it, which takes 40 µs for a batch of any size."""
    import tensorflow as tf

    powers = tf.exp(x - tf.stop_gradient(tf.reduce_max(x, -1, keepdims=True)))
    y = powers / tf.reduce_sum(powers, -1, keepdims=True)
    # Where Keras's losses look for what a softmax was computed from.
    y._keras_logits = x
    return y


def merged(tensor: Any) -> Any:
    """The samples of all members one after the other: `(G, b, ...)` to `(G * b, ...)`."""
    import tensorflow as tf

    return _carried(tensor, lambda t: tf.reshape(t, (-1, *t.shape[2:])))


def _carried(tensor: Any, change: Callable[[Any], Any]) -> Any:
    """The changed tensor, with what Keras hangs on it."""
    new = change(tensor)
    if hasattr(tensor, "_keras_logits"):
        new._keras_logits = change(tensor._keras_logits)
    return new


def _row(values: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(value).reshape(-1) for value in values])


# ------------------------------------------------------------------ what is written out


def _check(model: Any, structure: Structure, data: Any) -> None:
    """Refuse what is not written out here.

    Raises:
        NotWritten: with the reason.
    """
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    if any(keras.tree.is_nested(leaf) for leaf in (x, y, weight)) or y is None:
        raise NotWritten("several inputs or outputs")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise NotWritten("several inputs or outputs")
    if len(x.shape) != len(model.inputs[0].shape):
        raise NotWritten("inputs of another rank")
    if len(model.outputs[0].shape) != 2:
        raise NotWritten("outputs of more than one axis")
    if weight is not None and len(weight.shape) != 1:
        raise NotWritten("weights of parts of samples")
    if any(v.dtype != keras.config.floatx() for v in model.trainable_variables):
        raise NotWritten("weights of several types")
    _check_layers(model)
    _check_optimizer(model)
    _check_compiled(model)
    written = (model.optimizer, keras.layers.Dropout, keras.regularizers.Regularizer)
    for place in structure.places:
        if place.owner is not written[0] and not isinstance(place.owner, written[1:]):
            raise NotWritten(f"the scalar {place.attribute}")


def _check_layers(model: Any) -> None:
    for layer in internals._nested_layers(model):
        kind = type(layer).__name__
        if kind not in _WRITTEN and kind not in _SAMPLEWISE and kind not in MODELS:
            raise NotWritten(f"{kind} layers")
        if kind not in MODELS and getattr(layer, "activity_regularizer", None) is not None:
            raise NotWritten("activity regularizers")
        if kind == "Dense" and (len(layer.kernel.shape) != 2 or len(layer.input.shape) != 2):
            raise NotWritten("Dense layers on more than two axes")
        if kind == "Dense" and not layer.kernel.trainable == layer.trainable:
            raise NotWritten("Dense layers with an adapter")
        if kind == "Dropout" and layer.noise_shape is not None:
            raise NotWritten("Dropout with a noise_shape")
        if kind == "BatchNormalization" and (
            layer.axis not in (-1, len(layer.input.shape) - 1)
            or layer.synchronized
            or getattr(layer, "renorm", False)
        ):
            raise NotWritten("special BatchNormalization")
        for variable in getattr(layer, "trainable_variables", ()):
            if getattr(variable, "constraint", None) is not None:
                raise NotWritten("constraints")
    operations = getattr(model, "operations", model.layers)
    if any(not isinstance(operation, keras.layers.Layer) for operation in operations):
        raise NotWritten("operations that are no layers")
    if any(
        v.regularizer is not None and type(v.regularizer).__name__ not in ("L1", "L2", "L1L2")
        for v in model.trainable_variables
    ):
        raise NotWritten("special regularizers")


def _check_optimizer(model: Any) -> None:
    optimizer = model.optimizer
    if type(optimizer).__name__ not in _ELEMENTWISE:
        raise NotWritten(f"the optimizer {type(optimizer).__name__}")
    if optimizer.clipnorm or optimizer.global_clipnorm:
        raise NotWritten("clipping by norms")
    schedule = keras.optimizers.schedules.LearningRateSchedule
    if isinstance(optimizer._learning_rate, schedule):
        raise NotWritten("schedules of the learning rate")


def _check_compiled(model: Any) -> None:
    if type(model._loss_tracker) is not keras.metrics.Mean:
        raise NotWritten("losses that are not tracked as usual")
    losses = getattr(model._compile_loss, "_flat_losses", None)
    if not losses or len(losses) != 1:
        raise NotWritten("several losses")
    loss = losses[0].loss
    name = getattr(getattr(loss, "fn", None), "__name__", type(loss).__name__)
    if name not in _LOSSES or loss.reduction not in ("sum_over_batch_size", "mean"):
        raise NotWritten(f"the loss {name}")


def compiled_loss(model: Any) -> tuple[Any, Any]:
    """The one loss that `compile` was given, and its weight or None."""
    _, loss, weight, _ = model._compile_loss._flat_losses[0]
    return loss, weight


def compiled_metrics(model: Any) -> Iterator[tuple[Any, bool]]:
    """The metrics of `compile`, and whether each takes the weights of samples."""
    container = internals.own_metrics(model)
    if container is None:
        return
    for lists, weighted in (
        (container._flat_metrics, False),
        (container._flat_weighted_metrics, True),
    ):
        for each in lists:
            for metric in each.metrics if each else ():
                yield metric, weighted


def _columns(flat: Sequence[Slot], full: Sequence[Slot]) -> list[list[int]]:
    """Which of an optimizer's variables make up each one of its copy for one flat variable.

    Raises:
        NotWritten: they do not correspond.
    """
    of_variable: dict[int, list[int]] = {}
    alone = [i for i, slot in enumerate(full) if slot.like is None]
    for i, slot in enumerate(full):
        if slot.like is not None:
            of_variable.setdefault(slot.like, []).append(i)
    variables = [of_variable[like] for like in sorted(of_variable)]
    columns: list[list[int]] = []
    kinds = 0
    for slot in flat:
        if slot.like is None:
            columns.append([alone.pop(0)])
        else:
            columns.append([places[kinds] for places in variables])
            kinds += 1
    if alone or any(len(places) != kinds for places in variables):
        raise NotWritten("an optimizer with variables of a special kind")
    return columns


@contextlib.contextmanager
def _rows(variables: Sequence[Any]) -> Iterator[None]:
    """Within it, Keras takes these variables for matrices with a row for each member."""
    known = [variable._shape for variable in variables]
    try:
        for variable in variables:
            variable._shape = (None, variable.shape[-1] if len(variable.shape) else 1)
        yield
    finally:
        for variable, shape in zip(variables, known):
            variable._shape = shape
