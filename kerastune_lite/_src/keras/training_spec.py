"""All that is needed to train, as one value."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.fit_arguments import FitArguments


@dataclasses.dataclass(frozen=True)
class TrainingSpec:
    """What is the same for all executions of a search.

    It holds no tuner, no open file and no TensorFlow object, so it can be sent to another process
    with cloudpickle if the user's own objects can. The exception is a tuner that overrides
    `_build_hypermodel`: its method builds the models, and holds the tuner.

    Attributes:
        models: builds what is trained.
        objective: with its direction.
        fit: where the arguments of `fit` come from.
        callbacks: as the user gave them.
        folder: of the project.
        verbose: passed to `fit`: 0 silent, 2 a line per epoch.
        fast: whether to train on the fastest path that gives the result of `model.fit`.
        frozen_space: whether to refuse hyperparameters that the space does not hold.
    """

    models: ModelFactory
    objective: Objective
    fit: FitArguments
    callbacks: Any
    folder: Path
    verbose: int = 0
    fast: bool = True
    frozen_space: bool = False
