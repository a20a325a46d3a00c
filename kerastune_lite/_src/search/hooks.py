"""Methods that a subclass of a tuner may override: before and after a search, a trial, ..."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.core.trial import Trial

HOOKS_OF_TRAINING = ("on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end")
"""Those that are called where a trial trains, which may be another process."""


class Hooks:
    """The hooks of KerasTuner. They do nothing; subclasses may override them."""

    def on_search_begin(self) -> None:
        """Called at the beginning of `search()`."""

    def on_search_end(self) -> None:
        """Called at the end of `search()`."""

    def on_trial_begin(self, trial: Trial) -> None:
        """Called before `trial` trains."""

    def on_trial_end(self, trial: Trial) -> None:
        """Called when `trial` has ended and is on disk."""

    def on_epoch_begin(
        self, trial: Trial, model: Any, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Called at the beginning of an `epoch` of `trial`, whose `model` trains, with `logs`."""

    def on_epoch_end(
        self, trial: Trial, model: Any, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Called at the end of an `epoch` of `trial`, whose `model` trains, with its `logs`."""

    def on_batch_begin(
        self, trial: Trial, model: Any, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Called before a `batch` of `trial`, with `model` and `logs`; it slows training down."""

    def on_batch_end(
        self, trial: Trial, model: Any, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Called after a `batch` of `trial`, with `model` and `logs`; it slows training down."""

    def overrides(self, *names: str) -> bool:
        """Whether a subclass overrides one of the methods with these `names`."""
        kinds = type(self).__mro__
        return any(sum(name in vars(kind) for kind in kinds) > 1 for name in names)
