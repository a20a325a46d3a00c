"""A new model with the values of a trial, trained outside of the search."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.lineage import Piece
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.automatic_names import named_as_in_trials
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.keras.fitting import fast_fit
from kerastune_lite._src.keras.hypermodel import overrides_fit
from kerastune_lite._src.keras.inheriting import beginning_of, inherited, rates_of
from kerastune_lite._src.keras.resuming import TrainingState, make_resumable
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.space.hyperparameters import HyperParameters


@dataclasses.dataclass(frozen=True)
class Retraining:
    """Trains a model anew.

    Attributes:
        models: builds it.
        trial: whose values it has.
        args, kwargs: of `fit`.
        data: makes the data, if that is tuned.
    """

    models: ModelFactory
    trial: Trial
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    data: TunedData | None

    def trained(self, pieces: Sequence[Piece]) -> Any:
        """The model, trained with constant values, or piece by piece.

        Args:
            pieces: of the trial's schedule.
        """
        if len(pieces) < 2:
            return self._whole()
        epochs = self.kwargs.get("epochs")
        if epochs is not None:
            pieces = [piece for piece in pieces if piece.start_epoch < epochs]
        ends = [piece.end_epoch for piece in pieces]
        ends[-1] = ends[-1] if epochs is None else epochs
        model, state = None, None
        for place, (piece, end) in enumerate(zip(pieces, ends)):
            model, state = self._piece(piece, end, state, last=place == len(pieces) - 1)
        return model

    def _whole(self) -> Any:
        hp = self.trial.hyperparameters.copy()
        fit = self._arguments(hp)
        if self.trial.best_step is not None:
            fit.default_epochs(self.trial.best_step + 1)
        model = self._built(hp)
        args, kwargs = fit.for_execution(hp)
        self._fit(hp, model, args, kwargs)
        return model

    def _piece(
        self, piece: Piece, end: int, state: TrainingState | None, last: bool
    ) -> tuple[Any, TrainingState | None]:
        """A model that is trained on from the state of the piece before, and its own state."""
        hp = HyperParameters(self.trial.space, piece.values)
        fit = self._arguments(hp)
        model = self._built(hp)
        args, kwargs = fit.for_execution(hp, end)
        given = kwargs.get("callbacks") or ()
        callbacks = list(given) if isinstance(given, (list, tuple)) else [given]
        kwargs["callbacks"] = list(callbacks)
        beginning = beginning_of(rates_of(model), callbacks)
        with self.models.scope():
            if state is not None:
                state = inherited(state, model, beginning)
            keeper = make_resumable(kwargs, model, callbacks, state, not last, beginning)
        self._fit(hp, model, args, kwargs)
        return model, None if keeper is None else keeper.state

    def _arguments(self, hp: HyperParameters) -> FitArguments:
        own = overrides_fit(self.models.hypermodel)
        names = self.trial.values
        fit = FitArguments(self.args, self.kwargs, own, names, in_run_trial=True, data=self.data)
        return fit.made(hp)

    def _built(self, hp: HyperParameters) -> Any:
        # The arguments of `fit` may name outputs and metrics.
        return named_as_in_trials(functools.partial(self.models.build, hp))

    def _fit(
        self, hp: HyperParameters, model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        with fast_fit(model):
            self.models.hypermodel.fit(hp, model, *args, **kwargs)
