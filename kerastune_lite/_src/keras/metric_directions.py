"""Whether a metric is to be minimised or maximised, according to Keras; never guessed."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.core.goals import MEASURED
from kerastune_lite._src.core.objective import Direction, Objective
from kerastune_lite._src.keras.compat.models import compile_arguments, direction_of_metric
from kerastune_lite._src.keras.loading import load_keras


def resolved(objective: Objective, model: Any = None) -> Objective:
    """`objective` with its direction (of each part, for several).

    Args:
        model: a compiled model, whose own metrics come first.

    Raises:
        ValueError: Keras does not know the metric and no direction was given.
    """
    if objective.parts != (objective,):
        return objective.with_parts(resolved(part, model) for part in objective.parts)
    if objective.direction is not None:
        return objective
    direction = "min" if objective.name in MEASURED else direction_of(objective.name, model)
    if direction is None:
        raise ValueError(
            f"Keras does not say whether {objective.name!r} is to be minimised or maximised, so "
            "the objective needs its direction. Write "
            f'kerastune_lite.Objective({objective.name!r}, direction="max") or direction="min".'
            f"{_meant(objective.name)}{_hint(model)}"
        )
    return dataclasses.replace(objective, direction=direction)


def _meant(name: str) -> str:
    """The metric that is measured after a training, and has nearly this name."""
    near = difflib.get_close_matches(name, MEASURED, 1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _hint(model: Any) -> str:
    """The names of the model's metrics, in case the given one is mistyped."""
    if not isinstance(model, load_keras().Model):
        return ""
    names = sorted({"loss", *metric_names(model)})
    return (
        f" Or is the name mistyped? The model reports {', '.join(names)}, "
        "and each with val_ in front when there is validation data."
    )


def metric_names(model: Any) -> set[str]:
    """The names of the metrics that `compile` received, including weighted ones."""
    names = (
        each if isinstance(each, str) else getattr(each, "name", getattr(each, "__name__", ""))
        for each in _flat(_compiled_with(model), names=True)
    )
    return {str(name) for name in names if name}


def _compiled_with(model: Any) -> list[Any]:
    """The nested metrics and weighted metrics that `compile` received, or None."""
    given = compile_arguments(model)
    return [given.get(name) for name in ("metrics", "weighted_metrics")]


def direction_of(name: str, model: Any) -> Direction | None:
    """Whether a metric is to be minimised or maximised; None if Keras does not say.

    Args:
        name: as in the logs.
        model: a compiled model, whose own metrics come first.
    """
    name = name.removeprefix("val_")
    outputs = _outputs_of(model)
    if name == "loss" or any(name == f"{output}_loss" for output in outputs):
        return "min"
    names = [name, *(name.removeprefix(f"{o}_") for o in outputs if name.startswith(f"{o}_"))]
    # Keras numbers metrics of the same name: "auc", "auc_1", ...
    names += [re.sub(r"_\d+$", "", candidate) for candidate in names]
    own = _metrics_of(model)
    for candidate in names:
        if candidate in own:
            # The user's own metric, even if Keras has another one of that name.
            return own[candidate]
    for candidate in names:
        direction = _ask(_keras_metric(candidate))
        if direction is not None:
            return direction
    return None


def _ask(metric: Any) -> Direction | None:
    """The direction that Keras stores in the metric; its own callbacks read it, too."""
    directions: dict[str | None, Direction] = {"up": "max", "down": "min"}
    return directions.get(direction_of_metric(metric))


def _outputs_of(model: Any) -> list[str]:
    """The names of the outputs of `model` in Keras's logs."""
    names = [str(output) for output in getattr(model, "output_names", None) or []]
    # A subclassed model has no such list; if it has several outputs, its loss is a dict.
    loss = getattr(model, "loss", None)
    return [*names, *map(str, loss)] if isinstance(loss, dict) else names


def _metrics_of(model: Any) -> dict[str, Direction | None]:
    """The directions of metrics given to `compile` as objects or functions, by logged name."""
    keras = load_keras()
    directions: dict[str, Direction | None] = {}
    for metric in _flat(_compiled_with(model)):
        name = getattr(metric, "name", None) or getattr(metric, "__name__", None)
        if name is None:
            continue
        if not isinstance(metric, keras.metrics.Metric):
            # As `compile` does with losses and functions; it knows which are Keras's.
            metric = keras.metrics.MeanMetricWrapper(metric, name=str(name))
        directions[str(name)] = _ask(metric)
    return directions


def _flat(nested: Any, names: bool = False) -> Iterator[Any]:
    """The objects and functions in nested metrics, and with `names` the plain names, too."""
    if isinstance(nested, dict):
        nested = list(nested.values())
    if isinstance(nested, (list, tuple)):
        for each in nested:
            yield from _flat(each, names)
    elif nested is not None and (names or not isinstance(nested, str)):
        yield nested


def _keras_metric(name: str) -> Any:
    """Keras's metric of that name (or short name), or None."""
    keras = load_keras()
    if name == "acc":
        name = "accuracy"
    with contextlib.suppress(TypeError, ValueError):
        return keras.metrics.get(name)
    # Names that keras.metrics.get does not list, or classes that need arguments to be made.
    for kind in vars(keras.metrics).values():
        if isinstance(kind, type) and _default_name(kind) == name:
            return _made(kind)
    return None


def _default_name(kind: type) -> str:
    """Keras's name for such a metric: the default of `name`, or the class in snake case."""
    parameter = inspect.signature(kind).parameters.get("name")
    if parameter is not None and isinstance(parameter.default, str):
        return parameter.default
    partly = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind.__name__)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", partly).lower()


def _made(kind: type) -> Any:
    """An instance, to be asked for its direction, which does not depend on the arguments."""
    needed: tuple[dict[str, Any], ...] = (
        {},
        {"num_classes": 2},
        {"num_classes": 2, "target_class_ids": [0]},
        {"precision": 0.5},
        {"recall": 0.5},
        {"specificity": 0.5},
        {"sensitivity": 0.5},
    )
    for arguments in needed:
        with contextlib.suppress(TypeError, ValueError):
            return kind(**arguments)
    return None
