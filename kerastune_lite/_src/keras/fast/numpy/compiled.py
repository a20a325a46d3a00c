"""What `compile` was given, as it is computed here: losses, and how metrics are measured."""

from __future__ import annotations

import collections
import dataclasses
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.keras.compat import internals, nesting
from kerastune_lite._src.keras.compat.symbolic_build import build_all
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.numpy.losses import LOSSES, Loss, is_special
from kerastune_lite._src.keras.fast.numpy.matching import Matches, matches_of
from kerastune_lite._src.keras.fast.numpy.measuring import Measure, adds_up
from kerastune_lite._src.keras.fast.numpy.nodes import NotInArrays
from kerastune_lite._src.keras.fast.samples import Samples
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

_KEPT = 16


@dataclasses.dataclass(frozen=True)
class LossTerm:
    """A loss of one output.

    Attributes:
        name: in `keras.losses`.
        options: its arguments.
        factor: by which it is multiplied.
        output: of which of the model's outputs.
    """

    name: str
    options: Mapping[str, Any]
    factor: float
    output: int

    @property
    def of_logits(self) -> bool:
        return bool(self.options.get("from_logits"))

    def behind(self, last: str | None) -> Loss:
        """The loss, for an output that ends with an activation function of that name.

        Raises:
            NotInArrays: they do not go together as usual.
        """
        behind = LOSSES[self.name].activation
        if behind is not None and self.of_logits and last in ("softmax", "sigmoid"):
            raise NotInArrays("a loss of logits on a model that ends with probabilities")
        fused = behind is not None and not self.of_logits
        if fused and last != behind:
            raise NotInArrays(f"the loss {self.name} on a model that does not end with {behind}")
        return LOSSES[self.name](self.options, fused)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How outputs are looked at, for data of one nesting.

    Attributes:
        matches: which targets and weights they meet.
        measure: turns them into logs.
    """

    matches: Matches
    measure: Measure


@dataclasses.dataclass(frozen=True)
class Compiled:
    """Losses and metrics that are written out.

    Attributes:
        losses: their sum is the model's.
        training, validation: the second is None without validation data.
    """

    losses: tuple[LossTerm, ...]
    training: Evaluation
    validation: Evaluation | None


_COMPILED: collections.OrderedDict[Any, Compiled] = collections.OrderedDict()
"""The latest ones; they are the same for all models of a search, as a rule."""


def compiled_of(member: Member) -> Compiled:
    """What a training's model was compiled with.

    Raises:
        NotInArrays: it is not written out.
    """
    outputs = keras.tree.map_structure(lambda _: None, nesting.output_structure(member.graph))
    key = member.structure.measured, repr(outputs), *member.types
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
    matches = matches_of(model, member.training)
    losses = _losses_of(model, matches)
    held_out = None
    if validation is not None:
        found = matches_of(model, validation)
        if [match.output for match in found.losses] != [term.output for term in losses]:
            raise NotInArrays("validation data that are nested in another way")
        held_out = _evaluation(model, validation, found, losses)
    training = _evaluation(model, member.training, matches, losses)
    return Compiled(losses, training, held_out)


def _evaluation(
    model: Any, samples: Samples, matches: Matches, losses: Sequence[LossTerm]
) -> Evaluation:
    _, y, weight = samples.first_row
    of_outputs: dict[int, list[tuple[str, bool]]] = {}
    for term in losses:
        of_outputs.setdefault(term.output, []).append((term.name, term.of_logits))
    leaves = keras.tree.flatten(y), keras.tree.flatten(weight)
    return Evaluation(matches, Measure(model, *leaves, matches.metrics, of_outputs))


def _check_metrics(model: Any) -> None:
    trackers = (internals.loss_tracker(model), *nesting.loss_trackers(model))
    if any(type(tracker) is not keras.metrics.Mean for tracker in trackers):
        raise NotInArrays("a loss that is not tracked as usual")
    for metric, _ in internals.compiled_metrics(model):
        if not adds_up(metric):
            raise NotInArrays(f"the metric {type(metric).__name__}")


def _losses_of(model: Any, matches: Matches) -> tuple[LossTerm, ...]:
    losses = internals.compiled_losses(model)
    if not losses or len(matches.losses) != len(losses):
        raise NotInArrays("a model without a loss")
    if len(losses) > 1 and len(model.outputs) == 1:
        raise NotInArrays("several losses of one output")
    return tuple(_term(*loss, match.output) for loss, match in zip(losses, matches.losses))


def _term(loss: Any, factor: Any, output: int) -> LossTerm:
    function = getattr(loss, "fn", None)
    name = getattr(function, "__name__", type(loss).__name__)
    if function is not getattr(keras.losses, name, None) or name not in LOSSES:
        raise NotInArrays(f"the loss {name}")
    if loss.reduction not in ("sum_over_batch_size", "mean") or loss.dtype != "float32":
        raise NotInArrays("losses of another reduction or type")
    options = internals.loss_options(loss)
    if is_special(options):
        raise NotInArrays("a special loss")
    if factor is not None and not isinstance(factor, numbers.Real):
        raise NotInArrays("loss weights that are no numbers")
    return LossTerm(name, options, 1.0 if factor is None else float(factor), output)
