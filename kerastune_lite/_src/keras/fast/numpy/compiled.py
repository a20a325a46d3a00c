"""What `compile` was given, as it is computed here: the loss, and how metrics are measured."""

from __future__ import annotations

import collections
import dataclasses
import numbers
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.keras.compat import internals
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.numpy.losses import LOSSES, Loss
from kerastune_lite._src.keras.fast.numpy.measuring import Measure, adds_up, measure_of
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.samples import Samples
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


def compiled_of(member: Member) -> Compiled:
    """What a training's model was compiled with.

    Raises:
        NotInArrays: it is not written out.
    """
    key = member.structure.measured, *member.types
    if key not in _COMPILED:
        build_all(member.model, member.training.first_row)
        _COMPILED[key] = _read(member)
    _COMPILED.move_to_end(key)
    while len(_COMPILED) > _KEPT:
        _COMPILED.popitem(last=False)
    return _COMPILED[key]


def _read(member: Member) -> Compiled:
    model, validation = member.graph, member.validation
    _check_metrics(model)
    measure = _measure_of(model, member.training)
    held_out = None if validation is None else _measure_of(model, validation)
    return Compiled(*_loss_of(model), measure, held_out)


def _measure_of(model: Any, samples: Samples) -> Measure:
    _, y, weight = samples.first_row
    return measure_of(model, y, weight)


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
