"""The loggers among the callbacks of a search."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.tuner.best_models import BestModels
from kerastune_lite._src.views.loggers.trial_logger import TrialLogger

logger = logging.getLogger(__name__)


def separated(callbacks: Any) -> tuple[Any, list[TrialLogger]]:
    """What each training gets of the user's callbacks, and the loggers, which see the search."""
    if isinstance(callbacks, TrialLogger):
        return None, [callbacks]
    if not isinstance(callbacks, (list, tuple)):
        return callbacks, []
    loggers = [each for each in callbacks if isinstance(each, TrialLogger)]
    others = [each for each in callbacks if not isinstance(each, TrialLogger)]
    return (others or None) if loggers else callbacks, loggers


def send_best(loggers: Sequence[TrialLogger], tuner: BestModels) -> None:
    """Send the best model to the loggers that want it; a failure is logged."""
    wanting = [each for each in loggers if each.log_model]
    if not wanting or not tuner.get_best_trials():
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "best.keras"
            tuner.get_best_models()[0].save(path)
            for each in wanting:
                each.model_saved(path)
    except Exception as error:
        logger.warning("The best model was not logged: %s: %s", type(error).__name__, error)
