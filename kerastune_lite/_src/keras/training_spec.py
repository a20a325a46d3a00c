"""Everything that training needs, as one value."""

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

    It contains no tuner, no open file and no objects of TensorFlow but a distribution strategy:
    without one, cloudpickle can send it to another process, if it can send what the user passed.

    Attributes:
        models: builds the models.
        objective: with its direction.
        fit: the arguments of `fit`.
        callbacks: as the user passed them.
        folder: that of the project.
        verbose: passed to `fit`: 0 silent, 2 a line per epoch.
        fast: whether to train on the fastest path that gives the result of `model.fit`.
        frozen_space: whether hyperparameters that are not in the space are an error.
        checkpoint_interval: how many seconds of training may be lost if the process dies: the state
            is stored so often. None: only at the end of segments.
        gradients: whether executions record their gradients by continuous hyperparameters.
    """

    models: ModelFactory
    objective: Objective
    fit: FitArguments
    callbacks: Any
    folder: Path
    verbose: int = 0
    fast: bool = True
    frozen_space: bool = False
    checkpoint_interval: float | None = 60.0
    gradients: bool = False
