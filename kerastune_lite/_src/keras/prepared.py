"""An execution before and after its training."""

from __future__ import annotations

import dataclasses
from typing import Any

from kerastune_lite._src.core.trial import Execution
from kerastune_lite._src.keras.callbacks import EpochReporter
from kerastune_lite._src.keras.live_models import Built
from kerastune_lite._src.keras.resuming import StateKeeper
from kerastune_lite._src.keras.scored import Scored


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of an execution: what `fit` returned, and the record of it.

    Attributes:
        scored: selects other weights if `run_trial` returns the result of another epoch.
    """

    returned: Any
    execution: Execution
    scored: Scored


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An execution that is ready to start.

    Attributes:
        execution: the index of the repeat.
        built: the model; with the restored state if the training is resumed.
        args, kwargs: for `fit`.
        reporter: receives each epoch; only the keeper and the restorer of states come after it.
        keeper: captures the state at the end of the segment, if it is wanted.
        started: `time.perf_counter()`; earlier by `before`.
        before: the seconds of the training up to here: of earlier rungs, of a process that died.
    """

    execution: int
    built: Built
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    reporter: EpochReporter
    keeper: StateKeeper | None
    started: float
    before: float = 0.0

    @property
    def model(self) -> Any:
        """To be trained."""
        return self.built.model
