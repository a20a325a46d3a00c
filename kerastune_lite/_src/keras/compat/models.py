"""What models, layers, metrics and optimizers keep to themselves."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.keras.compat.parts import Part
from kerastune_lite._src.keras.loading import load_keras

# ------------------------------------------------------------------ layers


def layers_within(layer: Any) -> list[Any]:
    """The layers of a model or a layer, at all depths.

    Without the part they are those that models list: a layer within a layer is not seen.
    """
    if LAYERS.is_there:
        return list(layer._flatten_layers(include_self=False))
    found = parts_of(layer)
    return [*found, *(inner for each in found for inner in layers_within(each))]


def parts_of(layer: Any) -> list[Any]:
    """The layers that a model or a layer is made of; not theirs.

    Without the part, a layer that is no model has none.
    """
    if LAYERS.is_there:
        return list(layer._flatten_layers(include_self=False, recursive=False))
    return list(getattr(layer, "layers", ()))


def _layers_work() -> bool:
    keras = load_keras()
    inner = keras.layers.ReLU()
    wrapped = keras.layers.TimeDistributed(inner)
    flat = keras.layers.Flatten()
    model = keras.Sequential([wrapped, flat])
    found = model._flatten_layers(include_self=False)
    own = model._flatten_layers(include_self=False, recursive=False)
    return {*found} == {inner, wrapped, flat} and list(own) == [wrapped, flat]


LAYERS = Part(
    "Layers within layers are not seen", {"how layers are kept within layers": _layers_work}
)

# ------------------------------------------------------------------ what compile was given


def compile_arguments(model: Any) -> dict[str, Any]:
    """What `compile` was given, by name: the objects themselves; empty if it was not called.

    Keras's public get_compile_config() would serialise them, which functions written in a script
    or a notebook do not survive. Without the part it is the way all the same: objects are copies,
    and functions must be registered with Keras.
    """
    if COMPILED.is_there:
        return dict(getattr(getattr(model, "_compile_config", None), "config", None) or {})
    if not getattr(model, "compiled", False):
        return {}
    return dict(load_keras().saving.deserialize_keras_object(model.get_compile_config() or {}))


def _compiled_works() -> bool:
    keras = load_keras()
    model = keras.Sequential()
    none = getattr(model, "_compile_config", None)
    arguments = {
        "optimizer": keras.optimizers.SGD(0.5),
        "loss": max,
        "metrics": [min],
        "weighted_metrics": ["mse"],
    }
    model.compile(**arguments)
    given = model._compile_config.config
    return none is None and arguments == {name: given[name] for name in arguments}


COMPILED = Part(
    "What `compile` was given is read by way of Keras's configs",
    {"how a model keeps what it was compiled with": _compiled_works},
)

# ------------------------------------------------------------------ metrics


def direction_of_metric(metric: Any) -> str | None:
    """What Keras noted on the metric: "up" is better, or "down"; None if neither.

    Without the part it is None, and the user is asked.
    """
    return getattr(metric, "_direction", None) if DIRECTIONS.is_there else None


def _directions_work() -> bool:
    metrics = load_keras().metrics
    found = [metrics.MeanSquaredError(), metrics.BinaryAccuracy(), metrics.Mean()]
    return [getattr(each, "_direction", None) for each in found] == ["down", "up", None]


DIRECTIONS = Part(
    "Objectives need a direction", {"how metrics tell which direction is better": _directions_work}
)


def area_options(metric: Any) -> tuple[bool, bool] | None:
    """Of an AUC: whether its thresholds are at equal distances, and whether it takes logits.

    Without the part it is None.
    """
    if not AREAS.is_there:
        return None
    return bool(metric._thresholds_distributed_evenly), bool(metric._from_logits)


def _areas_work() -> bool:
    kind = load_keras().metrics.AUC
    found = [kind(), kind(thresholds=[0.1, 0.2], from_logits=True)]
    return [(each._thresholds_distributed_evenly, each._from_logits) for each in found] == [
        (True, False),
        (False, True),
    ]


AREAS = Part("AUC is computed by Keras's own code", {"how AUC keeps its options": _areas_work})

# ------------------------------------------------------------------ optimizers


def trained_by(optimizer: Any) -> list[Any]:
    """The variables that an optimizer was built for; without the part, none are known."""
    return list(getattr(optimizer, "_trainable_variables", ())) if TRAINED.is_there else []


def _trained_work() -> bool:
    keras = load_keras()
    variables = [keras.Variable([1.0]), keras.Variable([2.0])]
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build(variables)
    found = optimizer._trainable_variables
    return [id(each) for each in found] == [id(each) for each in variables]


TRAINED = Part(
    "Optimizers that go on train all of the model",
    {"how an optimizer keeps what it trains": _trained_work},
)

# ------------------------------------------------------------------ the first epoch


def forget_restored_epoch(model: Any) -> None:
    """Have `fit` begin where it is told to, not where a backup that was restored ends.

    Without the part nothing is done. A segment that then begins at another epoch is an error of
    its own (`StateRestorer`).
    """
    if RESTORED.is_there and getattr(model, "_initial_epoch", None) is not None:
        model._initial_epoch = None


def _restored_works() -> bool:
    return load_keras().Sequential()._initial_epoch is None


RESTORED = Part(
    "Backups that were restored are not forgotten",
    {"how a model keeps the epoch of a backup": _restored_works},
)
