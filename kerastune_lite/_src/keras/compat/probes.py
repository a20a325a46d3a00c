"""Whether this Keras and TensorFlow are inside as the fast paths need them.

Each probe tries a part of `internals` on a small example. Where one fails, the paths that need the
part switch themselves off. The probes of other parts are beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import callbacks, datasets, internals, models, nesting
from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def missing() -> str | None:
    """What all fast paths need and is missing, in words; None if nothing is."""
    return EVERY_PATH.missing()


def missing_for_arrays() -> str | None:
    """What training in NumPy also needs and is missing, in words; None if nothing is."""
    return ARRAYS.missing()


def missing_for_datasets() -> str | None:
    """What reading tf.data datasets needs and is missing, in words; None if nothing is."""
    return DATASETS.missing()


def _model(**compiled: Any) -> Any:
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, keras.layers.Rescaling(3.0)(outputs))
    model.compile(keras.optimizers.SGD(0.5), loss="mse", **compiled)
    return model


_X, _Y = np.array([[1.0, 2.0]], "float32"), np.array([[1.0]], "float32")


# ------------------------------------------------------------------ for all fast paths


def _optimizers_work() -> bool:
    variable = keras.Variable(np.ones((2, 3), "float32"))
    optimizer = keras.optimizers.SGD(0.5, momentum=0.5)
    with internals.plain_optimizers():
        optimizer.build([variable])
        states = [variable, *optimizer.variables]
        scope = keras.StatelessScope([(v, v.value) for v in states])
        with scope:
            optimizer.apply_gradients([(np.full((2, 3), 2.0, "float32"), variable)])
    new = scope.get_current_value(variable)
    return bool(np.all(np.asarray(new) == 0.0)) and bool(np.all(variable.numpy() == 1.0))


def _decay_works() -> bool:
    by_name, by_variable = [keras.optimizers.SGD(0.5, weight_decay=0.1) for _ in range(2)]
    before = internals.excludes_from_weight_decay(by_name)
    by_name.exclude_from_weight_decay(var_names=["bias"])
    by_variable.exclude_from_weight_decay(var_list=[keras.Variable([1.0])])
    after = [internals.excludes_from_weight_decay(each) for each in (by_name, by_variable)]
    return not before and all(after)


def _sizes_work() -> bool:
    import tensorflow as tf

    variable = keras.Variable(np.ones((2, 3), "float32"))
    with internals.unknown_sizes([variable]):
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
    with internals.usual_operations():
        function = tf.function(convolve, autograph=False).get_concrete_function(
            *(tf.TensorSpec(size, "float32") for size in sizes)
        )
    kinds = {operation.type for operation in function.graph.get_operations()}
    return "BiasAdd" in kinds and "PartitionedCall" not in kinds


def _logits_work() -> bool:
    import tensorflow as tf

    # So far apart that a loss of the rounded probabilities is another one.
    x, y = tf.constant([[50.0, -50.0]]), np.array([1])
    makers = (keras.activations.softmax, internals.softmax)
    losses = [float(keras.losses.sparse_categorical_crossentropy(y, make(x))[0]) for make in makers]
    return losses == [100.0] * 2


def _training_works() -> bool:
    model = _model(metrics=["mae"])
    build_all(model, (_X, _Y, None))
    total = internals.loss_total(model)
    y_pred = internals.forward(model, _X, training=True)
    loss = internals.compute_loss(model, _X, _Y, y_pred, None, training=True)
    internals.track_loss(model, loss, 1)
    return (
        internals.own_metrics(model) is not None
        and internals.losses_and_metrics(model) == ["mse", "mae"]
        and internals.first_epoch(model, 3) == 3
        and model.optimizer.built
        and float(loss) == 64.0
        and float(total.numpy()) == 64.0
    )


def _data_works() -> bool:
    x, y = np.arange(10.0), np.arange(10)
    (train_x, _, _), (held_out, _, _) = internals.split_validation((x, y, None), 0.2)
    packed = internals.adapted(x, y, None, {i: 2.0 for i in range(10)})
    return (
        len(train_x) == 8
        and list(held_out) == [8.0, 9.0]
        and len(packed) == 3
        and packed[0].dtype == keras.config.floatx()
        and bool(np.all(packed[2].numpy() == 2.0))
    )


# ------------------------------------------------------------------ for NumPy


def _graphs_work() -> bool:
    model = _model()
    names = []

    def noted(layer: Any) -> Callable[..., Any]:
        names.append(type(layer).__name__)
        return lambda x, **_: layer(x)

    outputs = internals.run_through_graph(model, _X, noted)
    outer = keras.Sequential([model])
    return (
        names == ["Dense", "Rescaling"]
        and float(outputs[0, 0]) == 9.0
        and list(internals.nested_layers(outer)) == [model, *model.layers]
    )


def _compiled_works() -> bool:
    model = _model(loss_weights=[2.0], metrics=["mae"], weighted_metrics=["mse"])
    build_all(model, (_X, _Y, None))
    ((loss, weight),) = internals.compiled_losses(model)
    metrics = internals.compiled_metrics(model)
    functions = [internals.metric_function(metric) for metric, _ in metrics]
    huber = keras.losses.Huber(delta=2.0)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    scheduled = keras.optimizers.SGD(schedule)
    tracker = internals.loss_tracker(model)
    return (
        [float(value) for value in loss.call(_Y, 3 * _Y)] == [4.0]
        and weight == 2.0
        and [weighted for _, weighted in metrics] == [False, True]
        and functions == [keras.losses.mean_absolute_error, keras.losses.mean_squared_error]
        and huber.fn is keras.losses.huber
        and internals.metric_options(keras.metrics.BinaryAccuracy()) == {"threshold": 0.5}
        and internals.loss_options(huber) == {"delta": 2.0}
        and type(tracker) is keras.metrics.Mean
        and float(tracker.total.numpy()) == float(tracker.count.numpy()) == 0.0
        and internals.schedule_of(scheduled) is schedule
        and internals.schedule_of(model.optimizer) is None
    )


# ------------------------------------------------------------------ for stacks


def _datasets_work() -> bool:
    import tensorflow as tf

    found = []
    source = tf.data.Dataset.range(4)
    for shuffled in (source.shuffle(3), source.shuffle(3, reshuffle_each_iteration=False)):
        (inside,) = datasets.dataset_inputs(shuffled.batch(2, drop_remainder=True))
        (first,) = datasets.dataset_inputs(inside)
        batched = first.batch(2, drop_remainder=True)
        found.append(
            (
                first is source,
                int(datasets.dataset_argument(inside, "buffer_size")),
                datasets.dataset_argument(inside, "reshuffle_each_iteration"),
                int(datasets.dataset_argument(batched, "batch_size")),
                bool(datasets.dataset_argument(batched, "drop_remainder")),
            )
        )
    (graph,) = datasets.dataset_function_graphs(
        source.map(lambda i: i + tf.random.uniform((), 0, 2, "int64"))
    )
    kinds = {operation.type for operation in graph.get_operations() if operation.op_def.is_stateful}
    return (
        found == [(True, 3, True, 2, True), (True, 3, False, 2, True)]
        and bool(kinds)
        and _inner_functions_work()
    )


def _inner_functions_work() -> bool:
    """Datasets within functions tell which functions they call."""
    import tensorflow as tf

    def by_clock(i: Any) -> Any:
        return tf.timestamp()

    def within(i: Any) -> Any:
        return tf.data.Dataset.range(i).map(by_clock, num_parallel_calls=2, deterministic=False)

    (graph,) = datasets.dataset_function_graphs(tf.data.Dataset.range(4).flat_map(within))
    operations = graph.get_operations()
    called = {name for operation in operations for name in datasets.functions_called(operation)}
    (reader,) = datasets.dataset_inputs(tf.data.TextLineDataset(tf.data.Dataset.from_tensors("")))
    return (
        bool(called & datasets.functions_with_state(graph))
        and any(map(datasets.leaves_order_open, operations))
        and bool(datasets.dataset_inputs(reader))
    )


def _lengths_work() -> bool:
    """A model takes shorter sequences for a while."""
    layers = keras.layers
    inputs = keras.Input((3, 1))
    inner = keras.Model(inputs, layers.Rescaling(2.0)(inputs))
    outer = keras.Model(inputs, layers.GlobalMaxPooling1D()(inner(inputs)))
    specs = [repr(each.input_spec) for each in (outer, inner)]
    with internals.any_shape(outer):
        (value,) = outer(np.array([[[1.0], [3.0]]], "float32")).numpy()
    after = [repr(each.input_spec) for each in (outer, inner)]
    return float(value[0]) == 6.0 and after == specs and _masks_work()


def _masks_work() -> bool:
    """Masks are made by operations in the graph, and go with tensors to the layers after them."""
    layers = keras.layers
    inputs = keras.Input((3, 1))
    masked = layers.Activation("tanh")(layers.Masking()(inputs))
    # Without initial values to draw, nor a seed of dropout.
    last = layers.GRU(2, kernel_initializer="zeros", recurrent_initializer="zeros", seed=0)
    model = keras.Model(inputs, last(masked))
    tensor, mask = last.input
    kinds = {type(operation).__name__ for operation in model.operations}
    return (
        internals.mask_of(inputs) is None
        and tensor is masked
        and mask is internals.mask_of(masked)
        and kinds == {"InputLayer", "NotEqual", "Masking", "Any", "Activation", "GRU"}
    )


EVERY_PATH = Part(
    "Models are trained with model.fit",
    {
        "how optimizers update variables": _optimizers_work,
        "how optimizers leave variables out of weight decay": _decay_works,
        **models.LAYERS.probes,
        **callbacks.MONITORS.probes,
        "how variables know their shape": _sizes_work,
        "how biases are added and images convolved": _operations_work,
        "how losses find what a softmax was computed from": _logits_work,
        "how a model is built and computes its loss": _training_works,
        "how arrays are read": _data_works,
    },
    "tensorflow",
)
ARRAYS = Part(
    "Models are trained by TensorFlow",
    {
        "how layers are called one after the other": _graphs_work,
        **nesting.PROBES,
        "how losses and metrics are kept": _compiled_works,
        "how models know the lengths of sequences, and their masks": _lengths_work,
    },
    "tensorflow",
)
DATASETS = Part(
    "Datasets are left to model.fit",
    {"how datasets are made of one another": _datasets_work},
    "tensorflow",
)
