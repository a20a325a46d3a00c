"""What two models must have in common to be trained by one program: their structure.

A program traced for one model trains another exactly when the two differ only in what the program
reads at run time: the values and sizes of variables, and certain scalars (momentum, dropout rates,
L2 factors, ...). All else is part of the key, literally, and only what is on the lists in `known`
is understood at all: a layer, loss, metric or optimizer that is not listed sends the model to a
program of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.recording import RecordedModel
from kerastune_lite._src.keras.fast.supported import (
    FIXED,
    MODELS,
    NOT_PART,
    OF_ALL_OPTIMIZERS,
    OPTIMIZERS,
    REGULARIZERS,
    SCALARS,
    SHAPED_OPTIMIZERS,
    SIZED,
)
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a scalar lives: an attribute of an object that belongs to a model."""

    owner: Any
    attribute: str

    @property
    def value(self) -> float:
        return float(getattr(self.owner, self.attribute))


@dataclasses.dataclass(frozen=True)
class Structure:
    """What a program depends on.

    Attributes:
        key: equal keys, same program.
        places: the scalars that it reads at run time, in an order that follows from the key.
        sized: whether it serves all sizes; otherwise the key holds them.
        measured: what metrics depend on; equal, same metrics.
    """

    key: str
    places: tuple[Place, ...]
    sized: bool
    measured: str

    @property
    def scalars(self) -> list[float]:
        """The values of the scalars in this model."""
        return [place.value for place in self.places]


class NotShared(Exception):
    """This model needs a program of its own; the message says why."""


def structure_of(model: Any, sized: bool = True) -> Structure:
    """The structure of a built and compiled model.

    Args:
        sized: whether sizes may be left open, where all layers allow it.

    Raises:
        NotShared: it holds something that is not on the lists.
    """
    recorded = isinstance(model, RecordedModel)
    if not recorded and (type(model).__name__ not in MODELS or not is_kerass(type(model))):
        raise NotShared(f"the model is a {type(model).__name__}")
    if not internals.steps_as_keras_does(model):
        raise NotShared("the model has a train_step of its own")
    _check_optimizer(model.optimizer)
    layers = list(_layers(model))
    sized = sized and _all_sized(layers, model.optimizer)
    places = tuple(_places(layers, model.optimizer))
    reader = _Reader(sized, scalars_open=True)
    key, measured = _key(model, layers, reader)
    if reader.open_scalars != len(places):
        # A scalar in some nook (a layer within a layer) that is not found again on the objects.
        places = ()
        key, _ = _key(model, layers, _Reader(sized, scalars_open=False))
    key += f"\n{_owners(places)}"
    return Structure(key, places, sized, measured)


def _key(model: Any, layers: list[Any], reader: _Reader) -> tuple[str, str]:
    """The key, and the part of it that metrics depend on."""
    try:
        config, compiled = model.get_config(), model.get_compile_config()
        description = [reader.read(config, "model")]
        # Names of metrics, of outputs and of inputs are seen by the user.
        description.append(reader.read(compiled.pop("optimizer"), "optimizer", literally=True))
        measured = [
            reader.read(compiled, "compile", literally=True),
            # Not all of their arguments are in their configs.
            [_attributes(each) for each in internals.losses_and_metrics(model)],
            [getattr(model, "output_names", None), _input_names(model)],
            [list(tensor.shape) for tensor in keras.tree.flatten(model.outputs)],
            [keras.config.floatx(), keras.config.image_data_format()],
        ]
        if isinstance(model, RecordedModel):
            measured.append(_class_of(model, layers))
        description += [
            measured,
            [reader.variable(v) for layer in layers for v in layer.variables],
            [reader.variable(v) for v in model.variables],
            [_constants(layer) for layer in layers],
        ]
        return json.dumps(description, sort_keys=True), json.dumps(measured, sort_keys=True)
    except NotShared:
        raise
    except Exception as error:
        # Keras and the user's classes raise what they like where something has no config.
        raise NotShared(f"it cannot be described ({type(error).__name__})") from error


def _constants(layer: Any) -> Any:
    """A mark of what a layer computes with that is neither in its config nor a variable's value.

    A Normalization layer makes constants of its statistics when it is adapted or loaded; in a
    search, all models have the same ones as a rule.
    """
    if type(layer).__name__ != "Normalization":
        return None
    if layer.mean is None:
        raise NotShared("a Normalization layer has no statistics")
    arrays = (np.asarray(each) for each in (layer.mean, layer.variance))
    return [[list(a.shape), hashlib.sha256(a.tobytes()).hexdigest()] for a in arrays]


def _attributes(given: Any) -> Any:
    """All plain values that a loss or a metric holds."""
    if isinstance(given, str) or given is None:
        return given
    values = getattr(given, "__dict__", {})
    return [type(given).__name__, {name: repr(v) for name, v in values.items() if _is_plain(v)}]


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _owners(places: Sequence[Place]) -> list[int]:
    """Which places are of one and the same object: a regularizer may serve two layers."""
    seen: dict[int, int] = {}
    return [seen.setdefault(id(place.owner), len(seen)) for place in places]


def _input_names(model: Any) -> list[str | None]:
    """The names that a dict of inputs can go by; unnamed inputs are numbered process-wide."""
    names = (tensor.name for tensor in model.inputs)
    return [None if name.startswith("keras_tensor") else name for name in names]


def _class_of(model: RecordedModel, layers: Sequence[Any]) -> list[Any]:
    """The code of the class that was recorded, and the order in which it has the variables.

    So a program is compared with each class once, which may treat symbolic tensors specially.
    """
    of_layers = {id(v): i for i, v in enumerate(v for layer in layers for v in layer.variables)}
    digest = hashlib.blake2b(model.code.encode(), digest_size=16).hexdigest()
    return [f"code{digest}", [of_layers[id(v)] for v in model.variables]]


def is_kerass(kind: type) -> bool:
    """Whether a class is one of Keras's own."""
    return kind.__module__.split(".")[0] == "keras"


def _layers(model: Any) -> Iterator[Any]:
    """All layers, those of nested models included."""
    for layer in model.layers:
        if not is_kerass(type(layer)):
            raise NotShared(f"the layer {type(layer).__name__} is not Keras's own")
        if type(layer).__name__ in MODELS:
            yield from _layers(layer)
        else:
            _check_functions(layer)
            yield layer


_INNER = ("backward_layer", "cell", "forward_layer", "layer")


def _check_functions(layer: Any) -> None:
    """Refuse functions of the user's own, whose names in a config may be those of Keras's."""
    for value in vars(layer).values():
        own = getattr(value, "__module__", None) or ""
        if isinstance(value, types.FunctionType) and own.split(".")[0] != "keras":
            raise NotShared(f"a function in the layer {type(layer).__name__} is not Keras's own")
    for name in _INNER:
        if name in vars(layer) and isinstance(vars(layer)[name], keras.layers.Layer):
            _check_functions(vars(layer)[name])


def _all_sized(layers: list[Any], optimizer: Any) -> bool:
    if type(optimizer).__name__ in SHAPED_OPTIMIZERS:
        return False
    grouped = any(getattr(layer, "groups", 1) != 1 for layer in layers)
    channels_first = any(
        getattr(layer, "data_format", None) == "channels_first" for layer in layers
    )
    return not (grouped or channels_first) and all(
        type(layer).__name__ in SIZED for layer in layers
    )


def _check_optimizer(optimizer: Any) -> None:
    if optimizer is None or not is_kerass(type(optimizer)):
        raise NotShared("the optimizer is not Keras's own")
    if type(optimizer).__name__ not in OPTIMIZERS:
        raise NotShared(f"the optimizer is {type(optimizer).__name__}")
    config = optimizer.get_config()
    for name in ("ema_overwrite_frequency", "gradient_accumulation_steps", "loss_scale_factor"):
        if config.get(name):
            raise NotShared(f"the optimizer has {name}")
    if internals.excludes_from_weight_decay(optimizer):
        raise NotShared("the optimizer excludes variables from weight decay")


def _is_open(value: Any) -> bool:
    """Whether a scalar can be read at run time; Python branches on None, 0 and 1."""
    if getattr(value, "shape", None) == ():  # L1 keeps its factor as a tensor
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value not in (0, 1)


def _places(layers: list[Any], optimizer: Any) -> Iterator[Place]:
    names = (*OPTIMIZERS[type(optimizer).__name__], *OF_ALL_OPTIMIZERS)
    schedule = internals.schedule_of(optimizer)
    owners = [(optimizer, names), (schedule, SCALARS.get(type(schedule).__name__, ()))]
    for layer in layers:
        owners.append((layer, SCALARS.get(type(layer).__name__, ())))
        for attribute in REGULARIZERS:
            regularizer = getattr(layer, attribute, None)
            owners.append((regularizer, SCALARS.get(type(regularizer).__name__, ())))
    for owner, names in owners:
        for name in names:
            value = getattr(owner, name, None)
            if _is_open(value):
                yield Place(owner, name)


class _Reader:
    """Turns Keras's configs into the part of the key that they are.

    Args:
        sized: whether sizes are left out.
        scalars_open: whether scalars are, too.
    """

    def __init__(self, sized: bool, scalars_open: bool) -> None:
        self.open_scalars = 0
        """How many scalars were left out."""
        self._sized = sized
        self._scalars_open = scalars_open
        self._literally = False
        self._names: dict[str, str] = {}

    def variable(self, variable: Any) -> Any:
        shape = len(variable.shape) if self._sized else list(variable.shape)
        return [shape, str(variable.dtype), bool(variable.trainable)]

    def read(self, node: Any, where: str, literally: bool = False) -> Any:
        """The config without what the program does not depend on.

        Args:
            where: the name under which it stands.
            literally: keep all names; otherwise they are numbered as they come.

        Raises:
            NotShared: it holds a class that is not on the lists.
        """
        self._literally = literally
        return self._read(node, where)

    def _read(self, node: Any, where: str) -> Any:
        if isinstance(node, Mapping):
            if "class_name" in node and "config" in node:
                return self._read_object(node, where)
            return {
                str(name): self._read(value, str(name))
                for name, value in node.items()
                if name not in NOT_PART and not str(name).endswith("_initializer")
            }
        if isinstance(node, (list, tuple)):
            if where == "keras_history":
                return [self._renamed(node[0]), *node[1:]]
            return [self._read(each, where) for each in node]
        if where in ("name", "input_layers", "output_layers") and isinstance(node, str):
            return self._renamed(node)
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        raise NotShared(f"it holds a {type(node).__name__}")

    def _read_object(self, node: Mapping[str, Any], where: str) -> Any:
        kind, config = str(node["class_name"]), node["config"]
        if kind == "__keras_tensor__":
            history = self._read(config["keras_history"], "keras_history")
            return [kind, history, None if self._sized else list(config["shape"])]
        if kind == "__numpy__":  # an array of plain values: scales of features, say
            return [kind, self._read(node["config"], where)]
        module = str(node.get("module") or "")
        if module.split(".")[0] != "keras" or node.get("registered_name") not in (None, kind):
            raise NotShared(f"{config if isinstance(config, str) else kind} is not Keras's own")
        if not isinstance(config, Mapping):
            raise NotShared(f"{config} is a function")
        self._check_listed(module, kind, config)
        read = dict(config)
        if where == "optimizer":
            read.pop("name", None)
            if isinstance(read.get("learning_rate"), float):
                read["learning_rate"] = "variable"
            scalars: tuple[str, ...] = (*OPTIMIZERS[kind], *OF_ALL_OPTIMIZERS)
        else:
            scalars = SCALARS.get(kind, ())
        for name in scalars:
            if self._scalars_open and _is_open(read.get(name)):
                read[name] = "scalar"
                self.open_scalars += 1
        size = SIZED.get(kind) if self._sized else None
        if size is not None and module == "keras.layers":
            read[size] = "size"
        rest = {name: v for name, v in node.items() if name in ("inbound_nodes", "name")}
        return [module, kind, self._read(read, where), self._read(rest, where)]

    @staticmethod
    def _check_listed(module: str, kind: str, config: Mapping[str, Any]) -> None:
        if module == "keras.layers" and kind not in SIZED and kind not in FIXED:
            raise NotShared(f"{kind} layers are not known to share one")
        if kind == "DTypePolicy" and config.get("name") != keras.config.floatx():
            raise NotShared("the dtype policy is mixed")
        if module == "keras.optimizers" and kind not in OPTIMIZERS:
            raise NotShared(f"the optimizer is {kind}")

    def _renamed(self, name: str) -> str:
        if self._literally:
            return name
        return self._names.setdefault(name, f"#{len(self._names)}")
