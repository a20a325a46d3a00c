"""What `compile` was given, as it is computed here: the loss, and how metrics are measured."""

from __future__ import annotations

import collections
import dataclasses
import numbers
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.engines import Feeding, first_row
from kerastune_lite._src.keras.fast.numpy.layers import NotInArrays
from kerastune_lite._src.keras.fast.numpy.losses import LOSSES, Loss
from kerastune_lite._src.keras.fast.numpy.measuring import Measure, adds_up, measure_of
from kerastune_lite._src.keras.fast.structure import Structure
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

_KEPT = 16


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A loss and metrics that are written out.

    Attributes:
        loss: by its name in `keras.losses`.
        options: its arguments.
        factor: by which it is multiplied.
        training, validation: turn outputs into logs; the second is None without validation data.
    """

    loss: str
    options: Mapping[str, Any]
    factor: float
    training: Measure
    validation: Measure | None

    def loss_behind(self, last: str | None) -> Loss:
        """The loss, for a model that ends with an activation function of that name.

        Raises:
            NotInArrays: they do not go together as usual.
        """
        behind, of_logits = LOSSES[self.loss].activation, bool(self.options.get("from_logits"))
        if behind is not None and of_logits and last in ("softmax", "sigmoid"):
            raise NotInArrays("a loss of logits on a model that ends with probabilities")
        fused = behind is not None and not of_logits
        if fused and last != behind:
            raise NotInArrays(f"the loss {self.loss} on a model that does not end with {behind}")
        return LOSSES[self.loss](self.options, fused)


_COMPILED: collections.OrderedDict[Any, Compiled] = collections.OrderedDict()
"""The latest ones; they are the same for all models of a search, as a rule."""


def compiled_of(model: Any, structure: Structure, feeding: Feeding) -> Compiled:
    """What a model was compiled with.

    Args:
        model: built.
        structure: the model's.
        feeding: its data.

    Raises:
        NotInArrays: it is not written out.
    """
    validation = feeding.validation
    types = feeding.training.types, None if validation is None else validation.types
    key = structure.measured, *types
    if key not in _COMPILED:
        build_all(model, first_row(feeding.training.tensors))
        _COMPILED[key] = _read(model, feeding)
    _COMPILED.move_to_end(key)
    while len(_COMPILED) > _KEPT:
        _COMPILED.popitem(last=False)
    return _COMPILED[key]


def _read(model: Any, feeding: Feeding) -> Compiled:
    _check_metrics(model)
    name, options, factor = _loss_of(model)
    measures: list[Measure | None] = []
    for samples in (feeding.training, feeding.validation):
        if samples is None:
            measures.append(None)
            continue
        _, y, weight = keras.utils.unpack_x_y_sample_weight(samples.tensors)
        measures.append(measure_of(model, y, weight))
    training, validation = measures
    assert training is not None
    return Compiled(name, options, factor, training, validation)


def _check_metrics(model: Any) -> None:
    if type(internals.loss_tracker(model)) is not keras.metrics.Mean:
        raise NotInArrays("a loss that is not tracked as usual")
    for metric, _ in internals.compiled_metrics(model):
        if not adds_up(metric):
            raise NotInArrays(f"the metric {type(metric).__name__}")


def _loss_of(model: Any) -> tuple[str, dict[str, Any], float]:
    losses = internals.compiled_losses(model)
    if len(losses) != 1:
        raise NotInArrays("several losses")
    ((loss, factor),) = losses
    function = getattr(loss, "fn", None)
    name = getattr(function, "__name__", type(loss).__name__)
    if function is not getattr(keras.losses, name, None) or name not in LOSSES:
        raise NotInArrays(f"the loss {name}")
    if loss.reduction not in ("sum_over_batch_size", "mean") or loss.dtype != "float32":
        raise NotInArrays("losses of another reduction or type")
    options = internals.loss_options(loss)
    if options.get("axis", -1) != -1 or options.get("ignore_class") is not None:
        raise NotInArrays("a special loss")
    if factor is not None and not isinstance(factor, numbers.Real):
        raise NotInArrays("loss weights that are no numbers")
    return name, options, 1.0 if factor is None else float(factor)
