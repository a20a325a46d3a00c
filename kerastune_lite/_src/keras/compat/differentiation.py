"""What derivatives through a training need of Keras that is not public."""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat.internals import compiled_losses, in_this_thread, schedule_of
from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.fast.tf.scalars import RunTimeScalar, read_at_run_time
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


@contextlib.contextmanager
def differentiable_operations() -> Iterator[None]:
    """Within it, Keras takes operations with the same values and with the derivatives wanted here.

    The square root of zero has the derivative zero, not infinity: Adam and others take the root of
    a mean of squares, which is zero for a weight that had no gradient yet; infinity times zero is
    not a number. Dropout has a derivative by its rate; see `_dropout`. Other operations of
    TensorFlow have a right derivative but wrong second ones, which a derivative through a step of
    training needs: the variance takes the mean for a constant, and the cross-entropy of logits
    leaves out how its derivative depends on the labels, which label smoothing changes.
    """
    import tensorflow as tf

    backend = importlib.import_module("keras.src.backend")
    swapped: list[tuple[Any, str, Callable[..., Any]]] = [
        (backend.numpy, "sqrt", _sqrt),
        (backend.random, "dropout", _dropout),
        (tf.nn, "moments", _moments),
        (tf.nn, "softmax_cross_entropy_with_logits", _cross_entropy),
    ]
    kept = [getattr(module, name) for module, name, _ in swapped]
    try:
        for (module, name, special), general in zip(swapped, kept):
            setattr(module, name, in_this_thread(functools.partial(special, general), general))
        yield
    finally:
        for (module, name, _), general in zip(swapped, kept):
            setattr(module, name, general)


def _sqrt(general: Callable[[Any], Any], x: Any) -> Any:
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        return general(x)
    is_zero = tf.equal(x, 0)
    return tf.where(is_zero, tf.zeros_like(x), tf.sqrt(tf.where(is_zero, tf.ones_like(x), x)))


def _dropout(general: Callable[..., Any], inputs: Any, rate: Any, *args: Any, **kwargs: Any) -> Any:
    """Dropout with a derivative by its rate r, beside that by its inputs.

    A mask jumps as r grows, so no derivative along one mask tells how the loss changes in the mean.
    Dropout multiplies its inputs by a noise of mean 1 and variance r / (1 - r). We take the
    standardised noise to be fixed, and only its deviation s = sqrt(r / (1 - r)) to depend on r:
    d(output)/dr = (output - input) s'/s, where s'/s = 1 / (2 r (1 - r)). In the mean this is exact
    as far as the loss is quadratic in each of the outputs.
    """
    import tensorflow as tf

    if not isinstance(rate, RunTimeScalar):
        return general(inputs, rate, *args, **kwargs)
    outputs = general(inputs, rate.as_constant(), *args, **kwargs)
    number = tf.convert_to_tensor(rate, inputs.dtype)
    fixed = tf.stop_gradient(number)
    # The last factor is zero, with the derivative one.
    return outputs + (outputs - inputs) / (2 * fixed * (1 - fixed)) * (number - fixed)


def _moments(
    general: Callable[..., Any],
    x: Any,
    axes: Any,
    *args: Any,
    keepdims: bool = False,
    **kwargs: Any,
) -> Any:
    import tensorflow as tf

    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)
    return (mean, variance) if keepdims else (tf.squeeze(mean, axes), tf.squeeze(variance, axes))


def _cross_entropy(
    general: Callable[..., Any], labels: Any, logits: Any, axis: int = -1, name: Any = None
) -> Any:
    import tensorflow as tf

    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits, axis), axis)


def learning_rate_of(optimizer: Any) -> Any:
    """The variable with its learning rate; None if that follows a schedule."""
    return None if schedule_of(optimizer) is not None else optimizer._learning_rate


class Smoothing:
    """The label smoothing of a loss, as one attribute.

    Args:
        loss: an object whose function has that argument.
    """

    def __init__(self, loss: Any) -> None:
        self._loss = loss

    @property
    def label_smoothing(self) -> Any:
        """The argument that the loss gives to its function."""
        return self._loss._fn_kwargs["label_smoothing"]

    @label_smoothing.setter
    def label_smoothing(self, value: Any) -> None:
        self._loss._fn_kwargs["label_smoothing"] = value
        # Where its description reads it.
        self._loss.label_smoothing = value


def smoothings_of(model: Any) -> list[Smoothing]:
    """Those of the losses that a model was compiled with; each object once."""
    config = model._compile_config.config
    given = [each for each in keras.tree.flatten(config.get("loss")) if each is not None]
    found = {
        id(loss): Smoothing(loss)
        for loss in given
        if "label_smoothing" in getattr(loss, "_fn_kwargs", {})
    }
    return list(found.values())


def _roots_work() -> bool:
    import tensorflow as tf

    x = tf.constant([0.0, 4.0])
    with differentiable_operations(), tf.GradientTape() as tape:
        tape.watch(x)
        roots = keras.ops.sqrt(x)
    return [*roots.numpy(), *tape.gradient(roots, x).numpy()] == [0.0, 2.0, 0.0, 0.25]


def _dropout_works() -> bool:
    import tensorflow as tf

    number, x = tf.constant(0.5, "float64"), tf.ones((1, 8), keras.config.floatx())
    layer = keras.layers.Dropout(0.5, seed=1)
    state = layer.seed_generator.state
    with differentiable_operations(), keras.StatelessScope([(state, state.value)]):
        with tf.GradientTape() as tape:
            tape.watch(number)
            with read_at_run_time([(layer, "rate")], [number]):
                y = layer(x, training=True)
        slopes = tape.jacobian(y, number)
    return bool(tf.reduce_all(tf.equal(tf.cast(slopes, y.dtype), 2.0 * (y - x))))


def _labels_work() -> bool:
    import tensorflow as tf

    def slope(logits: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            y_pred = keras.activations.softmax(logits)
            loss = keras.losses.categorical_crossentropy(labels, y_pred)
        return tape.gradient(loss, logits)

    logits, labels = tf.constant([[0.0, 1.0]]), tf.constant([[0.5, 0.5]])
    with differentiable_operations(), tf.GradientTape() as tape:
        tape.watch(labels)
        first = slope(logits, labels)[0, 0]
    # The gradient by logits is softmax(logits) times the sum of the labels, less the labels.
    expected = [1 / (1 + math.e) - 1, 1 / (1 + math.e)]
    return bool(np.allclose(tape.gradient(first, labels).numpy()[0], expected, atol=1e-6))


def _moments_work() -> bool:
    import tensorflow as tf

    x = tf.constant([0.0, 1.0])
    with differentiable_operations(), tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            mean, variance = keras.ops.moments(x, [0])
        slopes = tape.gradient(variance, x)
    second = outer.jacobian(slopes, x).numpy().tolist()
    return (float(mean), float(variance)) == (0.5, 0.25) and second == [[0.5, -0.5], [-0.5, 0.5]]


def _rates_work() -> bool:
    plain = keras.optimizers.SGD(0.5)
    decaying = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9))
    rate = learning_rate_of(plain)
    is_listed = any(rate is variable for variable in plain.variables)
    return is_listed and float(rate.numpy()) == 0.5 and learning_rate_of(decaying) is None


def _smoothings_work() -> bool:
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.25)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    model.compile(loss=loss)
    y, y_pred = [[1.0, 0.0]], [[0.5, 0.25]]
    (smoothing,) = smoothings_of(model)
    before = smoothing.label_smoothing
    smoothing.label_smoothing = 0.5
    model.build((None, 2))
    used = compiled_losses(model)
    other = keras.losses.CategoricalCrossentropy(label_smoothing=0.5)
    return (
        before == 0.25
        and float(loss(y, y_pred)) == float(other(y, y_pred))
        and loss.get_config() == {**other.get_config(), "name": loss.name}
        and all(each is loss for each, _ in used)
    )


DERIVATIVES = Part(
    "There are no gradients by hyperparameters",
    {
        "how roots are taken": _roots_work,
        "how layers drop out": _dropout_works,
        "how means and variances are taken": _moments_work,
        "how losses take cross-entropies": _labels_work,
        "how optimizers keep their learning rate": _rates_work,
        "how losses keep their label smoothing": _smoothings_work,
    },
    "tensorflow",
)
