"""`kerastune list`, `show` and `best`: projects as tables or as JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kerastune_lite._src.cli.payload import details, overview, spelled, to_json, trial_data
from kerastune_lite._src.cli.projects import best_trials, counts_of, nothing_searched, status_of
from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.core.trial import REJECTED, Trial
from kerastune_lite._src.search.open_project import OpenedProject, open_project
from kerastune_lite._src.store.project_folder import projects_below
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.formatting import (
    NOTHING,
    moment_text,
    one_line,
    score_text,
    seconds_text,
    value_text,
)
from kerastune_lite._src.views.tables import (
    epoch_text,
    parent_text,
    plain_table,
    print_table,
    setting_text,
    to_text,
    write_text,
)

LAST_EPOCHS = 5
"""How many epochs of a curve are shown."""


def run_list(options: argparse.Namespace) -> int:
    """Print the projects below a folder; returns 1 if one of them cannot be read."""
    rows, errors = [], []
    for path in projects_below(options.directory):
        try:
            rows.append(overview(open_project(path)))
        except StoreError as error:
            errors.append(error)
    if options.json:
        sys.stdout.write(to_json(rows))
    elif rows:
        table = _projects_table(rows)
        if sys.stdout.isatty():
            print_table(table)
        else:  # In a pipe paths are not wrapped.
            write_text(sys.stdout, to_text(table, width=10_000))
    elif not errors:
        raise CommandError(f"There is no project in {options.directory} or below it.")
    for each in errors:
        print(f"kerastune list: {each}", file=sys.stderr)
    return 1 if errors else 0


def run_show(options: argparse.Namespace) -> None:
    """Print a project, or one trial of it."""
    project = open_project(options.directory)
    if options.trial is not None:
        _show_trial(project, _trial(project, options.trial), options.json)
    elif options.json:
        best = [trial_data(trial) for trial in project.get_best_trials(options.top)]
        sys.stdout.write(to_json({**details(project), "best": best}))
    elif project.session is None:
        raise nothing_searched(project)
    else:
        print_table(Text(_standing(project)))
        project.results_summary(options.top)
        print_table("")
        project.search_space_summary()
        print_table(Group("", *_facts("Settings", project.settings)))
        if project.versions:  # KerasTuner's files have none.
            print_table(Group("", *_facts("Versions", project.versions)))


def run_best(options: argparse.Namespace) -> None:
    """Print the hyperparameters of the best trials."""
    project = open_project(options.directory)
    best = [spelled(trial.values) for trial in best_trials(project, options.top or 1)]
    sys.stdout.write(to_json(best[0] if options.top is None else best))


# ---------------------------------------------------------------------- projects


def _projects_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    headers = ("project", "trials", "best", "objective", "best trial", "status", "last change")
    cells = [
        (
            one_line(row["directory"], 1000),
            str(sum(row["trials"].values())),
            score_text(row["best_score"]),
            one_line(", ".join(row["objectives"])) or NOTHING,
            NOTHING if row["best_trial"] is None else _best_trial(row),
            row["status"],
            moment_text(row["last_change"]),
        )
        for row in rows
    ]
    table = plain_table(headers, cells)
    table.columns[0].overflow = "fold"
    return table


def _best_trial(row: Mapping[str, Any]) -> str:
    """Its number; with several objectives it is one of several on the front."""
    if row["front"] is None:
        return str(row["best_trial"])
    return f"{row['best_trial']} (front: {row['front']})"


def _standing(project: OpenedProject) -> str:
    status, ending = status_of(project)
    counts = [f"{count} {name.lower()}" for name, count in counts_of(project).items()]
    rejected = sum(trial.rejected for trial in project.trials)
    if rejected:
        counts.append(f"{rejected} of the failed {REJECTED}")
    text = ", ".join([status, *counts])
    return f"{text}: {one_line(ending, 1000)}" if ending else text


def _facts(title: str, facts: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text(title, "bold")
    for name, value in facts.items():
        if value is not None:
            yield Text(f"  {one_line(name)}: {one_line(setting_text(value), 1000)}")


# ---------------------------------------------------------------------- one trial


def _trial(project: OpenedProject, number: int) -> Trial:
    try:
        return project.get_trial(number)
    except KeyError as error:
        raise CommandError(error.args[0]) from error


def _show_trial(project: OpenedProject, trial: Trial, as_json: bool) -> None:
    curves = project.history(trial)
    if as_json:
        sys.stdout.write(to_json({**trial_data(trial), "curves": curves}))
        return
    print_table(Group(*_trial_parts(project, trial, curves)))


def _trial_parts(
    project: OpenedProject, trial: Trial, curves: Sequence[Mapping[str, Sequence[float]]]
) -> Iterator[RenderableType]:
    score = ""
    if trial.score is not None:
        best = project.get_best_trials(len(project.trials))
        rank = next((i for i, each in enumerate(best, 1) if each.number == trial.number), None)
        place = "" if rank is None else f", rank {rank} of {len(best)}"
        score = f", {one_line(project.objective.name)} {score_text(trial.score)}{place}"
    yield Text(f"Trial {trial.number}: {trial.status.value}{score}", "bold")
    facts = {"path": trial.path, "origin": None if trial.origin == "oracle" else trial.origin}
    facts["seconds"] = None if trial.seconds is None else seconds_text(trial.seconds)
    facts["parent"] = None if trial.parent is None else parent_text(trial)
    facts["best epoch"] = None if trial.best_step is None else epoch_text(trial)
    # `kerastune prune` deletes logs.
    there = trial.log is not None and Path(project.project_dir, trial.log).exists()
    facts["printed"] = trial.log if there else None
    known = [f"{name}: {one_line(value)}" for name, value in facts.items() if value is not None]
    if known:
        yield Text(", ".join(known))
    values = {name: value_text(value) for name, value in trial.values.items()}
    yield from _pairs("hyperparameter", values)
    yield from _pairs("metric", {name: score_text(value) for name, value in trial.metrics.items()})
    if len(trial.executions) > 1:
        yield ""
        yield _executions_table(trial)
    for index, curve in enumerate(curves):
        if curve:
            yield ""
            title = f"execution {index}: epoch" if len(curves) > 1 else "epoch"
            yield _curve_table(title, curve)
    if trial.message:
        yield ""
        for line in trial.message.strip().splitlines():
            text = line.lstrip()
            yield Text(" " * (len(line) - len(text)) + one_line(text, 1000))


def _pairs(header: str, cells: Mapping[str, str]) -> Iterator[RenderableType]:
    if cells:
        rows = [(one_line(name), text) for name, text in cells.items()]
        table = plain_table((header, "value"), rows)
        table.columns[1].justify = "right"
        yield ""
        yield table


def _executions_table(trial: Trial) -> Table:
    headers = ("execution", "attempt", "outcome", "score", "best epoch", "epochs", "seconds")
    rows = [
        (
            str(each.index),
            str(each.attempt),
            each.outcome.value,
            score_text(each.score),
            NOTHING if each.best_epoch is None else str(each.best_epoch + 1),
            str(each.epochs),
            seconds_text(each.seconds),
        )
        for each in trial.executions
    ]
    return plain_table(headers, rows)


def _curve_table(title: str, curve: Mapping[str, Sequence[float]]) -> Table:
    """The last epochs, counted from 1."""
    length = max(len(values) for values in curve.values())
    rows = [
        (str(epoch + 1), *(score_text(values[epoch]) for values in curve.values()))
        for epoch in range(max(length - LAST_EPOCHS, 0), length)
    ]
    table = plain_table((title, *map(one_line, curve)), rows)
    for column in table.columns:
        column.justify = "right"
    return table
