"""The learning curves of trials, read from their runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kerastune_lite._src.analysis.curves import Curves
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.views.tensorboard.names import tag


class WrittenCurves:
    """Learning curves from the log directory, each read once.

    A resumed search has those of earlier trials, and epochs need no extra time.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, Curves]] = {}

    def of(self, trial: Trial, objective: Objective, runs: Sequence[str]) -> Curves:
        """The metrics of the objective by epoch: a dict of lists for each execution.

        Args:
            runs: the directories of the executions that count.
        """
        # In a search with rungs a trial may have become longer.
        epochs = sum(execution.epochs for execution in trial.executions)
        if not epochs:
            return []
        known = self._known.get(trial.number)
        if known is None or known[0] != epochs:
            curves = [_curve(directory, objective.guide.names) for directory in runs]
            known = self._known[trial.number] = epochs, curves
        return known[1]


def _curve(directory: str, names: Sequence[str]) -> dict[str, list[float]]:
    from kerastune_lite._src.views.tensorboard.event_files import own_files, read, scalars_of

    metrics = {tag(name): name for name in names}
    curve: dict[str, list[float]] = {name: [] for name in names}
    for path in own_files(directory):
        for epoch, scalars in scalars_of(read(path)):
            for each in metrics.keys() & scalars.keys():
                values = curve[metrics[each]]
                values.extend([math.nan] * (epoch + 1 - len(values)))
                values[epoch] = scalars[each]
    return curve
