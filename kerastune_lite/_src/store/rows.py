"""Rows of tables: trials, their executions, and the trainings of the race after a search."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from kerastune_lite._src.core.confirmation import Round, Split
from kerastune_lite._src.core.metrics import Metrics
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.text import dumped, numbers_of


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


def write_round(connection: sqlite3.Connection, training: Round) -> None:
    """Write a training, and delete those that it replaces."""
    for other in read_rounds(connection):
        if training.replaces(other):
            place = (other.trial, other.number)
            connection.execute("DELETE FROM rounds WHERE trial = ? AND round = ?", place)
    split = training.split
    connection.execute(
        f"INSERT INTO rounds VALUES ({', '.join('?' * 12)})",
        (
            training.trial,
            training.number,
            training.goal,
            training.seed,
            None if split is None else split.place,
            None if split is None else split.share,
            training.outcome.value,
            training.score,
            dumped(training.metrics),
            training.epochs,
            training.seconds,
            training.message,
        ),
    )


def read_rounds(connection: sqlite3.Connection) -> tuple[Round, ...]:
    """All trainings, by trial and round."""
    rows = connection.execute("SELECT * FROM rounds ORDER BY trial, round")
    return tuple(
        Round(
            trial=row[0],
            number=row[1],
            goal=row[2],
            seed=row[3],
            split=None if row[4] is None else Split(row[4], row[5]),
            outcome=Outcome(row[6]),
            score=row[7],
            metrics=numbers_of(row[8]),
            epochs=row[9],
            seconds=row[10],
            message=row[11],
        )
        for row in rows
    )


def write_execution(connection: sqlite3.Connection, trial: int, execution: Execution) -> None:
    """Write an execution of a trial; it replaces an earlier result of the same attempt."""
    config = execution.build_config
    connection.execute(
        f"INSERT OR REPLACE INTO executions VALUES ({', '.join('?' * 18)})",
        (
            trial,
            execution.index,
            execution.attempt,
            execution.outcome.value,
            execution.score,
            execution.loss,
            dumped(execution.metrics),
            execution.best_epoch,
            execution.epochs,
            execution.seconds,
            execution.message,
            execution.weights,
            None if config is None else dumped(config),
            execution.path,
            execution.path_reason,
            execution.state,
            execution.stopped,
            execution.log,
        ),
    )


def execution_of(row: tuple[Any, ...]) -> Execution:
    """The execution in a row of its table."""
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
