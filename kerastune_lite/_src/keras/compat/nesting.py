"""How models take and give nested tensors: which leaf goes where.

Keras itself is asked, so that any nesting and any names count as they do in training.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def as_inputs(model: Any, x: Any) -> list[Any]:
    """What a Sequential or functional model makes of its argument: one tensor for each input."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return list(graph._standardize_inputs(x))


def output_structure(model: Any) -> Any:
    """What a Sequential or functional model returns: symbols of its outputs, nested."""
    given = model.outputs if isinstance(model, keras.Sequential) else model._outputs_struct
    single = isinstance(given, (list, tuple)) and len(given) == 1
    return given[0] if single else given


def layer_of_output(model: Any, place: int = 0) -> tuple[Any, int]:
    """The layer that makes an output of a Sequential or functional model; which of its outputs.

    Args:
        place: of the output among the model's.
    """
    if isinstance(model, keras.Sequential):
        return model.layers[-1], 0
    history = model.outputs[place]._keras_history
    return history.operation, history.tensor_index


def loss_trackers(model: Any) -> list[Any]:
    """Of several losses, the metric of each that takes the mean over an epoch's batches."""
    container = model._compile_loss
    return [] if container is None else list(container.metrics)


def losses_meet(model: Any, y: Any, y_pred: Any, weight: Any) -> list[tuple[Any, Any, Any]]:
    """What each loss of `compile` is given: leaves of these three; the model is built.

    Args:
        y, y_pred, weight: as in `compute_loss`, but their leaves may be any arrays of one axis.
    """
    container, found = model._compile_loss, []

    def note(*given: Any) -> Any:
        found.append(given)
        return np.float32(0)

    kept = container._flat_losses
    container._flat_losses = [each._replace(loss=note) for each in kept]
    try:
        with keras.StatelessScope():
            container.call(y, y_pred, weight)
    finally:
        container._flat_losses = kept
    return found


def metrics_meet(model: Any, y: Any, y_pred: Any, weight: Any) -> list[tuple[Any, Any, Any]]:
    """The same for the metrics of `compile`, in the order of `internals.compiled_metrics`."""
    container, found = internals.own_metrics(model), {}
    if container is None:
        return []

    def noting(lists: Any) -> Any:
        def note(y: Any, y_pred: Any, weight: Any = None) -> None:
            found[id(lists)] = (y, y_pred, weight)

        return lists and types.SimpleNamespace(update_state=note)

    names = ("_flat_metrics", "_flat_weighted_metrics")
    kept = [getattr(container, name) for name in names]
    try:
        for name, several in zip(names, kept):
            object.__setattr__(container, name, [noting(lists) for lists in several])
        container.update_state(y, y_pred, weight)
    finally:
        for name, several in zip(names, kept):
            object.__setattr__(container, name, several)
    return [found[id(lists)] for lists, _ in _lists(model) for _ in lists.metrics]


def _lists(model: Any) -> list[tuple[Any, bool]]:
    """The metrics of each output, and whether they take the weights of samples."""
    container = internals.own_metrics(model)
    if container is None:
        return []
    several = (container._flat_metrics, False), (container._flat_weighted_metrics, True)
    return [(each, weighted) for lists, weighted in several for each in lists if each]


def _nests_work() -> bool:
    """Inputs, outputs, targets and weights go by their names, in whatever order they come."""
    dense = functools.partial(keras.layers.Dense, kernel_initializer="zeros")
    inputs = {name: keras.Input((1,), name=name) for name in ("second", "first")}
    outputs = {name: dense(1, name=name)(x) for name, x in zip("ba", inputs.values())}
    model = keras.Model(inputs, outputs)
    model.compile(
        "sgd", {"b": "mse", "a": "mae"}, metrics={"b": ["mae"]}, weighted_metrics={"a": ["mse"]}
    )
    row = np.ones((1, 1), "float32")
    build_all(model, (dict.fromkeys(inputs, row), dict.fromkeys(outputs, row), None))
    y, y_pred = ({name: np.zeros(1) for name in outputs} for _ in range(2))
    weight = np.zeros(1)

    def said(found: Any) -> list[tuple[str, bool]]:
        """The output of each loss or metric, if its target is that of the same name."""
        targets, made = ({id(leaf): name for name, leaf in m.items()} for m in (y, y_pred))
        return [
            (made[id(output)], bool(rest) and rest[0] is weight)
            for target, output, *rest in found
            if targets[id(target)] == made[id(output)]
        ]

    taken = as_inputs(model, {"first": np.zeros((1, 1)), "second": np.ones(1)})
    return (
        [(float(each[0, 0]), x.name) for each, x in zip(taken, model.inputs)]
        == [(0.0, "first"), (1.0, "second")]
        and said(losses_meet(model, y, y_pred, weight)) == [("b", True), ("a", True)]
        and said(metrics_meet(model, y, y_pred, weight)) == [("b", False), ("a", True)]
        and [each.name for each in loss_trackers(model)] == ["b_loss", "a_loss"]
        and list(output_structure(model)) == ["b", "a"]
        and layer_of_output(model, 1) == (model.layers[-1], 0)
        and layer_of_output(keras.Sequential([keras.Input((1,)), model.layers[-1]]))
        == (model.layers[-1], 0)
    )


PROBES: Mapping[str, Callable[[], bool]] = {
    "how the leaves of nested inputs and outputs are told apart": _nests_work
}
