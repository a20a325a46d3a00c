"""The models of paused trials, kept in memory: a later segment need not build them anew.

The state on disk stays the truth: all variables are restored from it. So a model is kept only where
nothing but variables may have changed since it was built.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from kerastune_lite._src.core.trial import Segment
from kerastune_lite._src.keras.build_configs import is_complete
from kerastune_lite._src.keras.callbacks import HookCaller, OneOfOurs
from kerastune_lite._src.keras.fast.tf.own_program import OwnPrograms
from kerastune_lite._src.keras.inheriting import Rates, rates_of
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.own_attributes import attributes_of, compiled_with
from kerastune_lite._src.keras.resuming import optimizers_of
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.generators import set_generators, state_of_generators

keras = load_keras()
logger = logging.getLogger(__name__)

MOST = 64
"""How many models are kept at most: Keras's objects take some hundred kilobytes each."""

MOST_TRACED = 8
"""How many of these with a trace of their own, which takes megabytes."""

MOST_BYTES = 256 * 2**20
"""How large their variables and those of their optimizers may be together."""

_SET_VARIABLES_ONLY = frozenset(
    (
        "CSVLogger",
        "EarlyStopping",
        "LearningRateScheduler",
        "ModelCheckpoint",
        "ReduceLROnPlateau",
        "SwapEMAWeights",
        "TerminateOnNaN",
    )
)
"""Keras's callbacks that change nothing else in a model."""


@dataclasses.dataclass(frozen=True)
class Built:
    """A model as it was built.

    Attributes:
        model: compiled.
        complete: whether the builder created all variables of the model.
        attributes: what `attributes_of` found then; None: the model is not to be kept.
        generators: the states of Python's and NumPy's generators after it.
        rates: the learning rates that it was compiled with; see `inheriting.rates_of`.
        programs: receives what is traced for this model alone.
    """

    model: Any
    complete: bool
    attributes: Mapping[int, Any] | None
    generators: tuple[Any, Any]
    rates: Rates
    programs: OwnPrograms = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(model: Any, may_be_kept: bool) -> Built:
        """A model that was built now."""
        attributes = attributes_of(model) if may_be_kept else None
        return Built(model, is_complete(model), attributes, state_of_generators(), rates_of(model))

    def set_generators(self) -> None:
        """Have Python and NumPy draw as after the build: the user's code makes the callbacks."""
        set_generators(self.generators)

    def as_built(self, callbacks: Iterable[Any]) -> bool:
        """Whether a training has certainly changed nothing but variables.

        Args:
            callbacks: of the training.
        """
        model = self.model
        return (
            self.attributes is not None
            and all(map(_sets_variables_only, callbacks))
            and all(map(_is_reset, [*model.metrics, *compiled_with(model)]))
            and type(model).reset_metrics is keras.Model.reset_metrics
            and attributes_of(model) == self.attributes
            and all(program.repeats() for program in self.programs.values())
        )

    @functools.cached_property
    def size(self) -> int:
        """Of all variables, in bytes; asked for when the optimizer has all of its own."""
        parts = [self.model, *optimizers_of(self.model).values()]
        return sum(
            each.value.dtype.size * each.value.shape.num_elements()
            for part in parts
            for each in part.variables
        )


@dataclasses.dataclass(frozen=True)
class Live:
    """What a segment leaves behind for the next one.

    Attributes:
        segment: that has ended.
        hp: what `build` received.
        built: what it returned.
    """

    segment: Segment
    hp: HyperParameters
    built: Built

    def suits(self, segment: Segment) -> bool:
        """Whether a build for this segment would do and record the same."""
        trial = segment.trial
        values = self.hp.get_config()["values"]
        return (
            segment.seed == self.segment.seed
            and trial.space == self.hp.space
            and dict(trial.values) == values
        )


class LiveModels:
    """The models of paused trials; the most recent ones, within bounds."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[str, Live] = collections.OrderedDict()

    def keep(self, live: Live) -> None:
        """Keep what a segment leaves behind, and let go of the oldest if there is too much."""
        name = live.segment.keep_state
        if name is None:
            return
        self._kept.pop(name, None)
        self._kept[name] = live
        traced = [each for each, kept in self._kept.items() if kept.built.programs]
        for each in traced[:-MOST_TRACED]:
            del self._kept[each]
        while len(self._kept) > MOST or sum(e.built.size for e in self._kept.values()) > MOST_BYTES:
            self._kept.popitem(last=False)

    def take(self, segment: Segment) -> Live | None:
        """What this segment can go on with; it is no longer kept."""
        if segment.inherits:
            return None  # It is the parent's, which may go on, too.
        live = self._kept.pop(segment.resume_from or "", None)
        return live if live is not None and live.suits(segment) else None

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)


def _sets_variables_only(callback: Any) -> bool:
    if isinstance(callback, OneOfOurs):
        # The tuner's hooks are the user's code.
        return not isinstance(callback, HookCaller)
    kind = type(callback)
    return kind.__module__.startswith("keras.") and kind.__name__ in _SET_VARIABLES_ONLY


def _is_reset(metric: Any) -> bool:
    """Whether a metric begins anew with each epoch; so does what is no metric."""
    reset = getattr(type(metric), "reset_state", None)
    return reset is None or reset.__module__.startswith("keras.")
