"""The search: the hypermodel for the data, and a tuner that knows how long it may take."""

from __future__ import annotations

import dataclasses
import importlib
import zlib
from typing import Any

from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.store.project_folder import ProjectFolder
from kerastune_lite._src.tuner.known_search import say_at_the_end
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.checksums import checksum_of

KEPT = 20
"""How many of the best trials keep their weights; the ensemble is chosen among these."""

_PROJECT = "automl"
"""How the names of projects in `directory` begin."""

_PATIENCE = 10
"""Epochs without a smaller validation loss, after which a training ends."""

_HYPERMODELS = {
    "table": ("mlp", "HyperMLP"),
    "image": ("cnn", "HyperCNN"),
    "series": ("rnn", "HyperRNN"),
    "text": ("text", "HyperText"),
}
"""The module in `keras/applications/`, and the class."""

_TARGETS = {"classification": "binary", "multilabel": "labels", "regression": "numbers"}
"""The kind of `Target`."""


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """How to search.

    Attributes:
        max_trials: None: until the time is over.
        max_time: seconds; None: until `max_trials` are done.
        seed: of the search; None: any.
        directory: where the project is.
        is_kept: whether it stays there.
        verbose: as of `Tuner.search`.
    """

    max_trials: int | None
    max_time: float | None
    seed: int | None
    directory: str
    is_kept: bool
    verbose: Any


def hypermodel_for(kind: str, task: str, train: Rows, classes: int, epochs: int | None) -> Any:
    """The space of networks for such data.

    Args:
        kind: "table", "image", "series" or "text".
        task: "classification", "multilabel" or "regression".
        train: encoded training rows.
        classes: how many; 0 if there are none.
        epochs: the most that a trial trains; None: as is usual for this kind.
    """
    from kerastune_lite._src.keras.applications.targets import Target

    if task == "classification" and classes > 2:
        target = Target.of(train.y, kind="classes", classes=classes)
    else:
        target = Target.of(train.y, kind=_TARGETS[task])
    module, name = _HYPERMODELS[kind]
    home = importlib.import_module(f"kerastune_lite._src.keras.applications.{module}")
    return getattr(home, name)(train.x, target, **({} if epochs is None else {"epochs": epochs}))


def project_for(train: Rows, validation: Rows) -> str:
    """The name of a project in which only these rows are searched.

    Other rows to validate on are another search: its networks may have been trained on them.
    """
    told = [checksum_of(each) for rows in (train, validation) for each in (rows.x, rows.y)]
    told += [checksum_of(rows.weights) for rows in (train, validation)]
    return f"{_PROJECT}-{zlib.crc32(repr(told).encode()):08x}"


def epochs_of_project(directory: str, project: str) -> int | None:
    """The epochs of the trials of an earlier search; None if there was none."""
    folder = ProjectFolder(directory, project)
    trials = folder.load().trials if folder.exists else ()
    return next((int(str(trial.values["epochs"])) for trial in trials), None)


def searched(hypermodel: Any, train: Rows, validation: Rows, settings: SearchSettings) -> Tuner:
    """A tuner that has searched. Its first trial has the defaults; a project is resumed.

    A trial that is running when the time is over ends after its epoch.

    Args:
        hypermodel: builds networks.
        train, validation: encoded rows.

    Raises:
        RuntimeError: all trials failed.
        KeyboardInterrupt: the user stopped it before a network was trained.
    """
    from kerastune_lite._src.keras.stopping import stopping_callbacks

    tuner = Tuner(
        hypermodel,
        "val_loss",
        settings.max_trials,
        seed=settings.seed,
        max_time=settings.max_time,
        keep_checkpoints=KEPT,
        directory=settings.directory,
        project_name=project_for(train, validation),
    )
    say_at_the_end(tuner, _words(settings.is_kept))
    if not tuner.trials:
        for values in hypermodel.first_trials:
            tuner.enqueue(values)
    weights = () if validation.weights is None else (validation.weights,)
    tuner.search(
        **train.arguments(),
        validation_data=(validation.x, validation.y, *weights),
        callbacks=stopping_callbacks(_PATIENCE, settings.max_time),
        verbose=settings.verbose,
        confirm=False,  # There are rows to choose by that the search has not seen.
    )
    if was_stopped(tuner) and not any(trial.score is not None for trial in tuner.trials):
        raise KeyboardInterrupt
    return tuner


def _words(kept: bool) -> dict[StopReason, str]:
    """How the end of a search is told to a user who sees no tuner, but `time_limit`."""
    if kept:
        continued = "the same call with the same directory continues the search"
        return {
            StopReason.TIME: f"the time for the search is over; {continued}",
            StopReason.INTERRUPTED: f"interrupted; {continued}",
        }
    return {
        StopReason.TIME: "the time for the search is over; a larger time_limit tries more networks",
        StopReason.INTERRUPTED: "interrupted; the model is made of what was found",
    }


def was_stopped(tuner: Tuner) -> bool:
    """Whether the user ended the search while it trained."""
    return any(trial.status is TrialStatus.RUNNING for trial in tuner.trials)
