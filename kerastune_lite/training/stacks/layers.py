"""A step of many models at once, written out for the layers of small dense networks.

What TensorFlow's `vectorized_map` makes of Keras's step has many small operations, and for networks
of a few thousand weights those take more time than the arithmetic. Here layers with weights are
batched products, and whatever treats samples one by one (activations, pooling, losses, metrics) is
Keras's own code on the samples of all members, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite.training.paths import internals
from kerastune_lite.training.paths.known import MODELS
from kerastune_lite.training.quiet import load_keras

keras = load_keras()

LARGE_KERNEL = 1 << 14
"""From here on oneDNN's products are the faster ones."""


class Step:
    """One step: what the layers compute, and what becomes of the variables.

    Args:
        model: the model.
        known: the values of all its variables, by their ids; the weights' as rows `(G, size)`.
        numbers: the scalars that differ, `(G,)` each, by (id of the object, attribute).
        batch: nested tensors, `(G, batch, ...)`.
        training: or measuring.
    """

    shapes: Mapping[int, Any]
    """Of the weights: -1 and the sizes, by their ids."""
    large: bool
    """Whether there are kernels that oneDNN is faster with."""
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

    def value(self, variable: Any) -> Any:
        """A variable of all members, `(G, ...)`."""
        import tensorflow as tf

        value = self._known[id(variable)]
        if len(variable.shape) < 2 or id(variable) not in self.shapes:
            return value
        return tf.reshape(value, self.shapes[id(variable)])

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
        # Losses and metrics look at the sizes of outputs, which are part of the key.
        known = (None, *self._model.outputs[0].shape)

        def shaped(tensor: Any) -> Any:
            tensor.set_shape(known)
            return tensor

        outputs = internals.carried(outputs, shaped)
        self._outputs = merged(outputs)
        ((function, factor),) = internals.compiled_losses(self._model)
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
        tracker = internals.loss_tracker(self._model)
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

        for metric, weighted in internals.compiled_metrics(self._model):
            weight = self._weight if weighted else None
            if not isinstance(metric, keras.metrics.MeanMetricWrapper):
                self._each(metric, weight)
                continue
            values = internals.metric_values(metric, self._y_true, self._outputs)
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
        return internals.run_through_graph(model, x, self._operation)

    def _operation(self, layer: Any) -> Callable[..., Any]:
        kind = type(layer).__name__
        if kind in MODELS:
            return lambda x, **_: self._run(layer, x)
        written = WRITTEN.get(kind)
        if written is not None:
            return lambda x, **_: written(self, layer, x)
        return lambda x, **_: self._samplewise(layer, x)

    def _samplewise(self, layer: Any, x: Any) -> Any:
        import tensorflow as tf

        if type(layer).__name__ == "InputLayer":
            return x
        y = layer(keras.tree.map_structure(merged, x))
        return internals.carried(y, lambda t: tf.reshape(t, _shape((self._members, -1), t, 1)))

    def dense(self, layer: Any, x: Any) -> Any:
        """`Dense` on `(G, batch, features)`."""
        import tensorflow as tf

        kernel = self.value(layer.kernel)
        if layer.bias is None:
            y = _affine(x, kernel, None, self.large)
        else:
            y = _affine(x, kernel, tf.expand_dims(self.value(layer.bias), 1), self.large)
        if layer.activation is None or layer.activation is keras.activations.linear:
            return y
        if layer.activation is keras.activations.softmax:
            return internals.softmax(y)
        return layer.activation(y)

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

        def along(variable: Any) -> Any:
            value = self.value(variable)
            for _ in range(len(x.shape) - 2):
                value = tf.expand_dims(value, 1)
            return value

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


WRITTEN: Mapping[str, Callable[[Step, Any, Any], Any]] = {
    "BatchNormalization": Step.batch_normalization,
    "Dense": Step.dense,
    "Dropout": Step.dropout,
}


# ------------------------------------------------------------------ arithmetic


def _affine(x: Any, kernel: Any, bias: Any, large: bool) -> Any:
    """x @ kernel + bias for each member; `(G, b, i)`, `(G, i, o)`, `(G, 1, o)` or None.

    Its gradient is written out because TensorFlow's own looks, in each step, for axes to sum over.
    """
    import tensorflow as tf

    product = _product(large, kernel.dtype)
    if bias is None:

        @tf.custom_gradient
        def linear(x: Any, kernel: Any) -> Any:
            def gradient(dy: Any) -> Any:
                return product(x=dy, y=kernel, adj_y=True), product(x=x, y=dy, adj_x=True)

            return product(x=x, y=kernel), gradient

        return linear(x, kernel)

    @tf.custom_gradient
    def affine(x: Any, kernel: Any, bias: Any) -> Any:
        def gradient(dy: Any) -> Any:
            dx = product(x=dy, y=kernel, adj_y=True)
            return dx, product(x=x, y=dy, adj_x=True), tf.reduce_sum(dy, 1, keepdims=True)

        return product(x=x, y=kernel) + bias, gradient

    return affine(x, kernel, bias)


def _product(large: bool, dtype: Any) -> Callable[..., Any]:
    """The batched product for kernels of this size."""
    import tensorflow as tf

    return internals.batched_product(dtype, large or bool(tf.config.list_physical_devices("GPU")))


def merged(tensor: Any) -> Any:
    """The samples of all members one after the other: `(G, b, ...)` to `(G * b, ...)`."""
    import tensorflow as tf

    return internals.carried(tensor, lambda t: tf.reshape(t, _shape((-1,), t, 2)))


def _shape(first: tuple[Any, ...], tensor: Any, axis: int) -> Any:
    """These sizes and those of the tensor from an axis on."""
    import tensorflow as tf

    rest = tensor.shape[axis:]
    if rest.is_fully_defined():
        return (*first, *rest)
    return tf.concat([tf.stack(first), tf.shape(tensor)[axis:]], 0)
