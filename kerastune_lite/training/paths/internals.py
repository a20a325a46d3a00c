"""The parts of Keras that are not public and that the fast paths lean on, each with a probe.

Everything else in this package uses Keras's public API. When a version of Keras lacks one of these
or answers differently, `missing()` says which, and the fast paths switch themselves off: models
are then trained with `model.fit`, slower and right.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite.training.quiet import load_keras

keras = load_keras()
logger = logging.getLogger(__name__)

_TF_ONLY = (
    "_apply_weight_decay",
    "_backend_increment_gradient_accumulators",
    "_backend_update_step",
    "_clip_by_norm",
    "_overwrite_model_variables_with_average_value",
    "_var_key",
    "add_variable_from_reference",
    "assign",
    "assign_add",
    "assign_sub",
)
"""What Keras's optimizers do in TensorFlow's own way, for its distribution strategies."""


def _module(name: str) -> Any:
    return importlib.import_module(f"keras.src.{name}")


# ------------------------------------------------------------------ optimizers


@contextlib.contextmanager
def plain_optimizers() -> Iterator[None]:
    """Within it, optimizers work on Keras's variables and know nothing of distribution.

    Only so can their updates be traced on tensors that stand for variables. It is a swap of
    methods on the class, because a subclass breaks Nadam (which names its own class).
    """
    special = _module("backend.tensorflow.optimizer").TFOptimizer
    base = _module("optimizers.base_optimizer").BaseOptimizer
    kept = {name: special.__dict__[name] for name in _TF_ONLY}
    try:
        for name in _TF_ONLY:
            setattr(special, name, getattr(base, name))
        yield
    finally:
        for name, method in kept.items():
            setattr(special, name, method)


# ------------------------------------------------------------------ variables


@contextlib.contextmanager
def unknown_sizes(variables: Sequence[Any]) -> Iterator[None]:
    """Within it, Keras believes that every dimension of these variables has an unknown size."""
    known = [variable._shape for variable in variables]
    try:
        for variable in variables:
            variable._shape = (None,) * len(variable._shape)
        yield
    finally:
        for variable, shape in zip(variables, known):
            variable._shape = shape


@contextlib.contextmanager
def unknown_filters(model: Any) -> Iterator[None]:
    """Within it, convolutions do not know how many filters they have; their bias says it."""
    layers = [layer for layer in _nested_layers(model) if getattr(layer, "filters", None)]
    known = [layer.filters for layer in layers]
    try:
        for layer in layers:
            layer.filters = -1
        yield
    finally:
        for layer, filters in zip(layers, known):
            layer.filters = filters


@contextlib.contextmanager
def usual_operations() -> Iterator[None]:
    """Within it, Keras takes the operations for unknown sizes that it takes for known ones.

    Where it does not see that sizes agree, it adds a bias by an operation for all shapes, whose
    gradient has seven steps in place of one, and has convolutions compiled by XLA, for there might
    be groups in them. And a softmax is computed without the operation for it; see `softmax`.
    """
    import tensorflow as tf

    numpy, nn = _module("backend").numpy, _module("backend").nn
    general_add, general_conv, general_softmax = numpy.add, nn.conv, nn.softmax

    def add(x1: Any, x2: Any) -> Any:
        shape = list(getattr(x2, "shape", ()))
        # Dense layers add a vector; convolutions one with as many dimensions as their output.
        is_bias = (
            isinstance(x1, tf.Tensor)
            and len(x1.shape) > 1
            and shape in ([None], [1] * (len(x1.shape) - 1) + [None])
            and x1.dtype == x2.dtype
        )
        return tf.nn.bias_add(x1, tf.reshape(x2, [-1])) if is_bias else general_add(x1, x2)

    def conv(inputs: Any, kernel: Any, *args: Any, **kwargs: Any) -> Any:
        kernel = tf.convert_to_tensor(kernel)
        if kernel.shape[-2] is None and inputs.shape[-1] is not None:
            # A new tensor: of the one that stands for the variable more must not be known.
            kernel = tf.identity(kernel)
            kernel.set_shape((*kernel.shape[:-2], inputs.shape[-1], kernel.shape[-1]))
        return general_conv(inputs, kernel, *args, **kwargs)

    def last_softmax(x: Any, axis: Any = -1) -> Any:
        last = axis == -1 and isinstance(x, tf.Tensor)
        return softmax(x) if last else general_softmax(x, axis=axis)

    numpy.add, nn.conv, nn.softmax = add, conv, last_softmax
    try:
        yield
    finally:
        numpy.add, nn.conv, nn.softmax = general_add, general_conv, general_softmax


def softmax(x: Any) -> Any:
    """Keras's over the last axis, without the operation for it.

    That takes 45 µs for a batch of any size, as long as ten others.
    """
    import tensorflow as tf

    powers = tf.exp(x - tf.stop_gradient(tf.reduce_max(x, -1, keepdims=True)))
    y = powers / tf.reduce_sum(powers, -1, keepdims=True)
    # Where Keras's losses look for what a softmax was computed from.
    y._keras_logits = x
    return y


def _nested_layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _nested_layers(layer)


def own_metrics(model: Any) -> Any:
    """The container of the metrics that `compile` was given, or None."""
    return model._compile_metrics


def losses_and_metrics(model: Any) -> list[Any]:
    """What `compile` was given: objects, functions and names."""
    config = model._compile_config.config
    given = [config.get(name) for name in ("loss", "metrics", "weighted_metrics")]
    return [each for each in keras.tree.flatten(given) if each is not None]


def first_epoch(model: Any, initial_epoch: int) -> int:
    """Where `fit` begins: a backup that a callback has just restored may say so."""
    return model._initial_epoch or initial_epoch


def loss_total(model: Any) -> Any:
    """The variable with the sum of the losses of an epoch's batches, or None."""
    return getattr(model._loss_tracker, "total", None)


# ------------------------------------------------------------------ what fit does


def build_all(model: Any, batch: Any) -> None:
    """Create every variable of the model, its metrics and its optimizer, as `fit` would.

    Args:
        batch: (x, y, sample_weight) of one or more samples.
    """
    model._symbolic_build(data_batch=batch)


def forward(model: Any, x: Any, training: bool) -> Any:
    """The model's outputs, called as `train_step` calls it."""
    if model._call_has_training_arg:
        return model(x, training=training)
    return model(x)


def compute_loss(model: Any, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Any:
    """The model's loss of a batch, which is added to its running mean by `track_loss`."""
    return model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, training=training)


def track_loss(model: Any, loss: Any, batch_size: Any) -> None:
    """Enter a batch's loss into the epoch's mean."""
    tracker = model._loss_tracker
    if type(tracker) is keras.metrics.Mean:
        # The same sums with a third of the operations; there is no mask, and one number.
        size = keras.ops.cast(batch_size, tracker.total.dtype)
        tracker.total.assign_add(keras.ops.cast(loss, tracker.total.dtype) * size)
        tracker.count.assign_add(size)
    else:
        tracker.update_state(loss, sample_weight=batch_size)


def split_validation(arrays: Any, fraction: float) -> tuple[Any, Any]:
    """(x, y, sample_weight) cut into training and validation, as `validation_split` does."""
    slicing = _module("trainers.data_adapters.array_slicing")
    return slicing.train_validation_split(arrays, validation_split=fraction)


def adapted(x: Any, y: Any, weight: Any, class_weight: Any) -> Any:
    """A tuple (x,), (x, y) or (x, y, sample_weight) of TensorFlow tensors, as `fit` makes them.

    Returns:
        None when Keras does not take `x` for arrays, or when they are sparse or ragged.
    """
    import tensorflow as tf

    adapter = _module("trainers.data_adapters.array_data_adapter")
    if not adapter.can_convert_arrays((x, y, weight)):
        return None
    inputs = adapter.ArrayDataAdapter(x, y, weight, class_weight=class_weight)._inputs
    slicing = _module("trainers.data_adapters.array_slicing")
    sliceable = slicing.convert_to_sliceable(inputs, target_backend="tensorflow")
    if any(not isinstance(leaf, (np.ndarray, tf.Tensor)) for leaf in keras.tree.flatten(sliceable)):
        return None
    packed = keras.tree.map_structure(tf.convert_to_tensor, keras.tree.lists_to_tuples(sliceable))
    return packed if isinstance(inputs, tuple) else (packed,)


def fits_as_keras_does(model: Any) -> bool:
    """Whether the loop over epochs and batches is Keras's own."""
    names = ("fit", "evaluate", "make_train_function", "make_test_function")
    return not _overridden(model, names)


def steps_as_keras_does(model: Any) -> bool:
    """Whether a batch is trained and measured in Keras's own way."""
    names = (
        "train_step",
        "test_step",
        "compute_loss",
        "compute_metrics",
        "get_metrics_result",
        "reset_metrics",
    )
    return not _overridden(model, names)


def is_distributed(model: Any) -> bool:
    """Whether the model was made, or is to be trained, under a tf.distribute strategy."""
    import tensorflow as tf

    return tf.distribute.has_strategy() or model._distribute_strategy is not None


def _overridden(model: Any, names: Sequence[str]) -> bool:
    own = vars(model)
    return any(
        name in own or getattr(type(model), name) is not getattr(keras.Model, name)
        for name in names
    )


# ------------------------------------------------------------------ the probes


def missing() -> str | None:
    """What the fast paths need and do not find, in words; None when all is well."""
    reason = _missing()
    if reason is not None:
        _say_once(reason)
    return reason


@functools.lru_cache(maxsize=1)
def _missing() -> str | None:
    if keras.backend.backend() != "tensorflow":
        return f"the {keras.backend.backend()} backend"
    for what, probe in _PROBES.items():
        try:
            works = probe()
        except Exception as error:
            logger.debug("The probe of %s failed.", what, exc_info=error)
            works = False
        if not works:
            return f"Keras {keras.__version__} differs in {what}"
    return None


@functools.lru_cache(maxsize=1)
def _say_once(reason: str) -> None:
    logger.info("Models are trained with model.fit: %s.", reason)


def _probe_model() -> Any:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.5), loss="mse", metrics=["mae"])
    return model


def _optimizers_work() -> bool:
    variable = keras.Variable(np.ones((2, 3), "float32"))
    optimizer = keras.optimizers.SGD(0.5, momentum=0.5)
    with plain_optimizers():
        optimizer.build([variable])
        states = [variable, *optimizer.variables]
        scope = keras.StatelessScope([(v, v.value) for v in states])
        with scope:
            optimizer.apply_gradients([(np.full((2, 3), 2.0, "float32"), variable)])
    new = scope.get_current_value(variable)
    return bool(np.all(np.asarray(new) == 0.0)) and bool(np.all(variable.numpy() == 1.0))


def _sizes_work() -> bool:
    import tensorflow as tf

    variable = keras.Variable(np.ones((2, 3), "float32"))
    with unknown_sizes([variable]):
        hidden = tuple(variable.shape) == (None, None)
        other = tf.ones((4, 5))
        with keras.StatelessScope() as scope:
            scope.add_update((variable, other))
            taken = variable.value is other
    return hidden and taken and tuple(variable.shape) == (2, 3)


def _operations_work() -> bool:
    import tensorflow as tf

    def convolve(image: Any, kernel: Any, bias: Any) -> Any:
        return keras.ops.add(keras.ops.conv(image, kernel, data_format="channels_last"), bias)

    sizes = (None, 8, 1), (2, None, None), (1, 1, None)
    with usual_operations():
        function = tf.function(convolve, autograph=False).get_concrete_function(
            *(tf.TensorSpec(size, "float32") for size in sizes)
        )
    kinds = {operation.type for operation in function.graph.get_operations()}
    return "BiasAdd" in kinds and "PartitionedCall" not in kinds


def _training_works() -> bool:
    model = _probe_model()
    x, y = np.array([[1.0, 2.0]], "float32"), np.array([[1.0]], "float32")
    build_all(model, (x, y, None))
    total = loss_total(model)
    y_pred = forward(model, x, training=True)
    loss = compute_loss(model, x, y, y_pred, None, training=True)
    track_loss(model, loss, 1)
    return (
        own_metrics(model) is not None
        and losses_and_metrics(model) == ["mse", "mae"]
        and first_epoch(model, 3) == 3
        and model.optimizer.built
        and float(loss) == 4.0
        and float(total.numpy()) == 4.0
    )


def _data_works() -> bool:
    x, y = np.arange(10.0), np.arange(10)
    (train_x, _, _), (held_out, _, _) = split_validation((x, y, None), 0.2)
    packed = adapted(x, y, None, {i: 2.0 for i in range(10)})
    return (
        len(train_x) == 8
        and list(held_out) == [8.0, 9.0]
        and len(packed) == 3
        and packed[0].dtype == keras.config.floatx()
        and bool(np.all(packed[2].numpy() == 2.0))
    )


_PROBES: dict[str, Callable[[], bool]] = {
    "how optimizers update variables": _optimizers_work,
    "how variables know their shape": _sizes_work,
    "how biases are added and images convolved": _operations_work,
    "how a model is built and computes its loss": _training_works,
    "how arrays are read": _data_works,
}
