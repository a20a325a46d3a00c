"""The parts of Keras that are not public and that the fast paths lean on.

Everything else that computes in this package uses Keras's public API. Each part has a probe in
`probes`: when a version of Keras or TensorFlow lacks it or answers differently, the paths that
need it switch themselves off, and models are trained on a slower one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

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


def call_symbolically(model: Any, x: Any, **kwargs: Any) -> None:
    """Have a model make the variables of the layers that it calls; nothing is computed."""
    _module("backend").compute_output_spec(model, x, **kwargs)


@contextlib.contextmanager
def any_shape(model: Any) -> Iterator[None]:
    """Within it, a model and those in it take sequences of other lengths than they were made for.

    Only functional models look at the lengths of their inputs.
    """
    functional = [
        each
        for each in (model, *nested_layers(model))
        if type(each).__name__ == "Functional" and not hasattr(each, "_manual_input_spec")
    ]
    try:
        for each in functional:
            each.input_spec = None
        yield
    finally:
        for each in functional:
            del each._manual_input_spec


def in_this_thread(special: Callable[..., Any], general: Callable[..., Any]) -> Any:
    """A function that is `special` where it is called by this thread, else `general`.

    What is swapped for a while others may call, too: a user's own `fit` or `predict` elsewhere.
    """
    this = threading.get_ident()

    @functools.wraps(general)
    def function(*args: Any, **kwargs: Any) -> Any:
        return (special if threading.get_ident() == this else general)(*args, **kwargs)

    return function


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
            setattr(special, name, in_this_thread(getattr(base, name), kept[name]))
        yield
    finally:
        for name, method in kept.items():
            setattr(special, name, method)


def excludes_from_weight_decay(optimizer: Any) -> bool:
    """Whether some variables are left out of its weight decay."""
    names = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")
    return any(getattr(optimizer, name, None) for name in names)


# ------------------------------------------------------------------ variables


@contextlib.contextmanager
def unknown_sizes(variables: Sequence[Any]) -> Iterator[None]:
    """Within it, Keras believes that every dimension of these variables has an unknown size."""
    known = [variable._shape for variable in variables]
    try:
        for variable, shape in zip(variables, known):
            variable._shape = (None,) * len(shape)
        yield
    finally:
        for variable, shape in zip(variables, known):
            variable._shape = shape


@contextlib.contextmanager
def unknown_filters(model: Any) -> Iterator[None]:
    """Within it, convolutions do not know how many filters they have; their bias says it."""
    layers = [layer for layer in nested_layers(model) if getattr(layer, "filters", None)]
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

    numpy.add = in_this_thread(add, general_add)
    nn.conv = in_this_thread(conv, general_conv)
    nn.softmax = in_this_thread(last_softmax, general_softmax)
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


# ------------------------------------------------------------------ the parts of a model


def nested_layers(model: Any) -> Iterator[Any]:
    """The layers of a model and of those within it, the models themselves among them."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from nested_layers(layer)


def run_through_graph(model: Any, x: Any, operation: Callable[[Any], Callable[..., Any]]) -> Any:
    """A functional model's outputs.

    Args:
        operation: what to call in place of a layer.
    """
    return model._run_through_graph(x, operation_fn=operation)


def mask_of(tensor: Any) -> Any:
    """The mask that goes with a symbolic tensor; None if there is none."""
    return getattr(tensor, "_keras_mask", None)


def schedule_of(optimizer: Any) -> Any:
    """The schedule of its learning rate; None if that is no function of the step."""
    rate = optimizer._learning_rate
    kind = keras.optimizers.schedules.LearningRateSchedule
    return rate if isinstance(rate, kind) else None


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


def loss_tracker(model: Any) -> Any:
    """The metric that takes the mean of the losses of an epoch's batches."""
    return model._loss_tracker


def loss_total(model: Any) -> Any:
    """The variable with the sum of the losses of an epoch's batches, or None."""
    return getattr(loss_tracker(model), "total", None)


def compiled_losses(model: Any) -> list[tuple[Any, Any]]:
    """The losses of `compile`, each with its weight or None; the model is built."""
    container = model._compile_loss
    if container is None:
        return []
    return [(each.loss, each.loss_weights) for each in container._flat_losses or ()]


def compiled_metrics(model: Any) -> list[tuple[Any, bool]]:
    """The metrics of `compile`, and whether each takes the weights of samples."""
    container = own_metrics(model)
    if container is None:
        return []
    return [
        (metric, weighted)
        for lists, weighted in (
            (container._flat_metrics, False),
            (container._flat_weighted_metrics, True),
        )
        for each in lists
        if each
        for metric in each.metrics
    ]


def metric_function(metric: Any) -> Any:
    """The function that a `MeanMetricWrapper` takes the mean of."""
    return metric._fn


def metric_options(metric: Any) -> dict[str, Any]:
    """The arguments that a `MeanMetricWrapper` gives to its function."""
    return dict(metric._fn_kwargs)


def loss_options(loss: Any) -> dict[str, Any]:
    """The arguments that a loss gives to its function."""
    return dict(getattr(loss, "_fn_kwargs", {}))


# ------------------------------------------------------------------ what fit does


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
    tracker = loss_tracker(model)
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
