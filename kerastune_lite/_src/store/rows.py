"""The rows of a project's database as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.text import numbers_of


def trial_of(row: tuple[Any, ...], space: Space, executions: Iterable[Execution]) -> Trial:
    """A row of the table of trials.

    Args:
        space: of the project.
        executions: of the trial.
    """
    return Trial(
        number=row[0],
        values=json.loads(row[1]),
        space=space,
        status=TrialStatus(row[2]),
        origin=row[3],
        score=row[4],
        loss=row[5],
        metrics=Metrics(numbers_of(row[6]), row[7]),
        best_step=row[7],
        message=row[8],
        executions=tuple(executions),
        started=row[9],
        finished=row[10],
        bracket=row[11],
        goal=row[12],
        resumable=bool(row[13]),
        parent=None if row[14] is None else Parent(row[14], row[15]),
    )


def execution_of(row: tuple[Any, ...]) -> Execution:
    """A row of the table of executions."""
    return Execution(
        index=row[1],
        attempt=row[2],
        outcome=Outcome(row[3]),
        score=row[4],
        loss=row[5],
        metrics=numbers_of(row[6]),
        best_epoch=row[7],
        epochs=row[8],
        seconds=row[9],
        message=row[10],
        weights=row[11],
        build_config=None if row[12] is None else json.loads(row[12]),
        path=row[13],
        path_reason=row[14],
        state=row[15],
        stopped=bool(row[16]),
        log=row[17],
    )
