"""A search that others recorded, written for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView

Epochs = Callable[[int], Iterable[ev.EpochEnded]]


def write_runs(
    directory: Path | str,
    name: str,
    objective: Objective,
    space: Space,
    trials: Sequence[Trial],
    epochs: Epochs,
) -> None:
    """Write the trials that have ended, with their learning curves.

    Args:
        directory: the log directory; it should be empty.
        name: of the project.
        epochs: those of the trial with a number.
    """
    view = TensorBoardView(directory)
    repeats = max((len(trial.completed_executions) for trial in trials), default=1)
    view.on_event(ev.SearchStarted(name, objective, space, None, (), {}, 0.0, repeats))
    for trial in trials:
        if trial.status is not TrialStatus.RUNNING:
            for event in _events(trial, epochs):
                view.on_event(event)
    view.on_event(ev.SearchEnded(ev.StopReason.SCHEDULE, "", 0.0))
    view.close()


def _events(trial: Trial, epochs: Epochs) -> Iterator[ev.Event]:
    number, began = trial.number, trial.started or 0.0
    yield ev.TrialStarted(trial)
    for execution in trial.executions:
        yield ev.SegmentStarted(number, execution.index, execution.attempt, 0, None, began)
    yield from epochs(number)
    for execution in trial.executions:
        yield ev.ExecutionEnded(number, execution)
    yield ev.TrialEnded(trial)
