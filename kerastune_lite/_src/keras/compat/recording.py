"""What a model's `call` does, recorded as a graph of the layers that it calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from kerastune_lite._src.keras.compat.models import layers_within
from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.loading import load_keras

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402

_COMPILED = (
    "_compile_config",
    "_compile_loss",
    "_compile_metrics",
    "_loss_tracker",
    "compiled",
    "loss",
    "optimizer",
)
"""What a model keeps of what it was compiled with."""


class RecordedModel(keras.Model):
    """A functional model in place of another one, with that one's layers, variables, and optimizer.

    The variables are in the order in which the other one has them.

    Attributes:
        code: of the other one's class.
    """

    code = ""

    @property
    def variables(self) -> list[Any]:
        return list(self._recorded.variables)

    @property
    def trainable_variables(self) -> list[Any]:
        return list(self._recorded.trainable_variables)

    @property
    def non_trainable_variables(self) -> list[Any]:
        return list(self._recorded.non_trainable_variables)


def recorded_model(model: Any, inputs: Any, outputs: Any, code: str) -> Any:
    """The functional model of a recorded `call`, compiled as the model is.

    Args:
        inputs, outputs: symbolic, as `call_recorded` received and returned them.
        code: of the model's class.
    """
    graph: Any = RecordedModel(inputs, outputs)
    own: dict[str, Any] = graph.__dict__
    # Past Keras, which would make the model a layer of the graph.
    own.update(_recorded=model, code=code)
    own.update({name: vars(model)[name] for name in _COMPILED if name in vars(model)})
    # Losses and metrics are told by the names of the model's outputs, and it has none.
    own["output_names"] = getattr(model, "output_names", None)
    return graph


def variables_of_layers(graph: Any) -> list[Any]:
    """The variables of the layers of a `RecordedModel`, whether or not its model knows them."""
    found: list[Any] = keras.Model.variables.fget(graph)
    return found


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a symbolic tensor comes from.

    Attributes:
        operation: a layer, or another operation of Keras's.
        place: of the tensor among its outputs.
        arguments: what it was called with, positional ones and others by name.
    """

    operation: Any
    place: int
    arguments: tuple[Any, dict[str, Any]]


def origin_of(tensor: Any) -> Origin:
    """Where a symbolic tensor comes from."""
    operation, node, place = tensor._keras_history
    arguments = operation._inbound_nodes[node].arguments
    return Origin(operation, place, (arguments.args, dict(arguments.kwargs)))


def call_recorded(model: Any, x: Any, training: bool) -> tuple[Any, bool]:
    """Have a model's `call` done on symbolic tensors, which remember what they went through.

    Layers are built as in a call of the model.

    Args:
        x: the tensors.
        training: what `fit` would call the model with.

    Returns:
        The outputs, and whether layers that are called without `training` were told the same.
    """
    given = {"training": training} if model._call_has_training_arg else {}
    context = model._get_call_context()
    try:
        if context.entry_layer is not model:
            raise RuntimeError("Another model is being called.")
        context.set_value("training", training if given else None)
        with model._open_name_scope():
            outputs = model.call(x, **given)
        kept = context.get_value("training") is (training if given else None)
    finally:
        model._maybe_reset_call_context()
    return outputs, kept


def takes_training(operation: Any) -> bool:
    """Whether a layer computes something else in training."""
    return bool(getattr(operation, "_call_has_training_arg", False))


class Records:
    """What the layers of a model remember of symbolic calls."""

    def __init__(self, model: Any) -> None:
        self._layers = layers_within(model)
        self._before = [(list(e._inbound_nodes), list(e._outbound_nodes)) for e in self._layers]

    def forget_calls(self) -> None:
        """Forget those since this object was made."""
        for layer, (inbound, outbound) in zip(self._layers, self._before):
            layer._inbound_nodes[:], layer._outbound_nodes[:] = inbound, outbound

    def mark_calls(self) -> None:
        """Mark those since this object was made, to be forgotten when there are others."""
        for layer, before in zip(self._layers, self._before):
            for now, then in zip((layer._inbound_nodes, layer._outbound_nodes), before):
                for node in now[len(then) :]:
                    node._kerastune_recorded = True


def forget_marked(layers: Iterable[Any]) -> None:
    """Forget the calls that were marked, as far as no others came after them."""
    for layer in layers:
        for nodes in (layer._inbound_nodes, layer._outbound_nodes):
            while nodes and getattr(nodes[-1], "_kerastune_recorded", False):
                nodes.pop()


def _recording_works() -> bool:
    class Probe(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.last = keras.layers.Dropout(0.5, seed=1)
            self.first = keras.layers.Dense(2, kernel_initializer="ones")

        def call(self, x: Any, training: bool = False) -> Any:
            return self.last(self.first(x), training=not training)

    model, inputs = Probe(), keras.Input((3,))
    model.compile("sgd", "mse")
    records = Records(model)
    outputs, _ = call_recorded(model, inputs, training=False)
    graph = recorded_model(model, inputs, outputs, "")
    records.mark_calls()
    last = origin_of(outputs)
    first = origin_of(last.arguments[0][0])
    names = [id(each) for each in model.variables]
    found = (
        last.operation is model.last
        and last.arguments[1] == {"training": True}
        and first.operation is model.first
        and first.arguments[0][0] is inputs
        and type(graph).__name__ == "RecordedModel"
        and [type(each).__name__ for each in graph.layers] == ["InputLayer", "Dense", "Dropout"]
        and [id(each) for each in graph.variables] == names
        and model.first.kernel.path == f"{model.name}/{model.first.name}/kernel"
        and {id(each) for each in variables_of_layers(graph)} == set(names)
        and graph.get_compile_config() == model.get_compile_config()
        and [id(each) for each in graph.metrics] == [id(each) for each in model.metrics]
        and takes_training(model.last)
        and not takes_training(keras.layers.Flatten())
    )
    forget_marked(layers_within(model))
    return found and not model.last._inbound_nodes and not model.first._outbound_nodes


RECORDING = Part(
    "Models that are written as classes are traced one by one",
    {"how layers remember what they are called with": _recording_works},
    backend="tensorflow",
)
