"""`kerastune export` and `report`: a project in files, for other programs and people."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from kerastune_lite._src.cli.payload import details, to_json, trial_data
from kerastune_lite._src.cli.projects import best_trials, open_with_trials
from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.search.open_project import OpenedProject, open_project
from kerastune_lite._src.store.kerastuner_writing import write_kerastuner_files
from kerastune_lite._src.store.project_folder import DATABASE
from kerastune_lite._src.util.whole_files import whole


def run_export(options: argparse.Namespace) -> None:
    """Write the trials to a file, a folder, or the standard output."""
    project = open_with_trials(options.directory)
    if options.keras_tuner is not None:
        if options.output is not None:
            raise CommandError("--output is for --to; --keras-tuner has its folder after it.")
        _write_kerastuner_files(project, options.keras_tuner)
        _tell_written(options, options.keras_tuner)
        return
    if options.to == "optuna":
        name = Path(project.project_dir).resolve().name
        path = options.output or f"{name}.optuna.log"
        with _replacing(path) as scratch:
            project.to_optuna(scratch)
        _tell_written(options, path)
        return
    text = to_csv(project) if options.to == "csv" else _project_json(project)
    if options.output is None:
        # Not through the text layer, whose encoding may lack characters: data must not change.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        return
    with _replacing(options.output) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="")
    _tell_written(options, options.output)


def run_report(options: argparse.Namespace) -> None:
    """Write the report of a project."""
    if options.file is not None and options.output is not None:
        raise CommandError(
            f"The report is one file. Received: {options.file} and -o {options.output}."
        )
    path = options.file or options.output or "report.html"
    project = open_project(options.directory)
    best_trials(project, 1)
    with _replacing(path) as scratch:
        project.report(scratch)
    _tell_written(options, path)


def _tell_written(options: argparse.Namespace, path: str) -> None:
    if not options.quiet:
        print(f"Written: {path}", file=sys.stderr)


def to_csv(project: OpenedProject) -> str:
    """One row per trial, and a column for each name in any of the rows; missing cells are empty."""
    rows = project.rows()
    buffer = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(buffer, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _project_json(project: OpenedProject) -> str:
    curves = project.histories()
    trials = [{**trial_data(t), "curves": curves[t.number]} for t in project.trials]
    return to_json({**details(project), "trials": trials})


def _write_kerastuner_files(project: OpenedProject, path: str) -> None:
    seed = project.settings.get("seed") or 0
    try:
        lost = write_kerastuner_files(
            Path(path), project.trials, project.space, project.objective, seed
        )
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error}. Choose another --keras-tuner."
        ) from error
    if lost:
        print(f"KerasTuner's files cannot express: {'; '.join(lost)}.", file=sys.stderr)


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[Path]:
    """Write a file under another name, which then replaces `path`.

    Raises:
        CommandError: `path` is a project's database, or cannot be written.
    """
    target = Path(path)
    if target.name == DATABASE:
        raise CommandError(f"{path} is a project's database; choose another --output.")
    try:
        with whole(target, f".{os.getpid()}-{target.name}") as scratch:
            yield scratch
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error}. Choose another --output."
        ) from error
