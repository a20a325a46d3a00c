"""Trials and spaces as tables on the console, and texts that all views share.

A trial is always named by its `number`, which is also in `trial_id`, in the names of TensorBoard's
runs and in the store. Epochs are counted from 1.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from kerastune_lite._src.analysis.certainty import certainty, spread
from kerastune_lite._src.core.best_trials import why_none
from kerastune_lite._src.core.confirmation import Confirmation
from kerastune_lite._src.core.goals import Goals, objective_from_json
from kerastune_lite._src.core.lineage import schedule
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.core.ranked import best_first, front_of
from kerastune_lite._src.core.trial import REJECTED, Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.formatting import (
    NO_REASON,
    NOTHING,
    counted,
    one_line,
    score_text,
    seconds_text,
    value_text,
)
from kerastune_lite._src.views.training_paths import paths_line
from kerastune_lite._src.views.where import in_notebook

MAX_COLUMNS = 8
"""More hyperparameters than this are shown in one column."""

HYPERPARAMETERS = "hyperparameters"
"""The header of that column."""

WIDTH = 120
"""Characters per line where there is no terminal."""

NOTEBOOK_WIDTH = 96
"""Characters per line in a notebook's output, also on the pages of code hosts."""

# ---------------------------------------------------------------------- numbers and texts


def values_text(values: Mapping[str, Value]) -> str:
    """All values of a trial as `name=value`."""
    return " ".join(f"{one_line(name)}={value_text(value)}" for name, value in values.items())


def clock_text(seconds: float) -> str:
    """A duration as 0:42, 4:10 or 1:02:03."""
    minutes, seconds = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def epoch_text(trial: Trial) -> str:
    """The best epoch, counted from 1."""
    return NOTHING if trial.best_step is None else str(trial.best_step + 1)


def parent_text(trial: Trial) -> str:
    """The trial from whose state it was trained on, and after how many epochs."""
    return NOTHING if trial.parent is None else str(trial.parent)


def schedule_lines(trials: Iterable[Trial], best: Trial) -> list[str]:
    """The pieces of the best trial's training, if its values changed."""
    by_number = {trial.number: trial for trial in trials}
    pieces = schedule(by_number, best) if best.parent is not None else []
    return [f"  {one_line(str(piece), 1000)}" for piece in pieces]


def setting_text(setting: Any) -> str:
    """A setting from the store: its type, then its arguments as `name=value`."""
    if isinstance(setting, str):
        return setting
    if not isinstance(setting, Mapping):
        return json.dumps(setting, ensure_ascii=False)
    if "objectives" in setting:
        return objective_text(objective_from_json(setting))
    parts = []
    for name, value in setting.items():
        text = setting_text(value)
        parts.append(text if name in ("type", "name") else f"{name}={text}")
    return ", ".join(parts)


def objective_text(objective: Objective) -> str:
    """The metrics and their directions, and the constraints."""
    if isinstance(objective, Sum):
        return " + ".join(objective_text(part) for part in objective.parts)
    if isinstance(objective, Goals):
        parts = " and ".join(objective_text(part) for part in objective.parts)
        bounds = ", ".join(one_line(str(each)) for each in objective.constraints)
        return f"{parts}, with {bounds}" if bounds else parts
    direction = "" if objective.direction is None else f" ({objective.direction})"
    return one_line(objective.name) + direction


def value_names(trials: Iterable[Trial]) -> list[str]:
    """The hyperparameters of the trials, in the order in which they were first met."""
    by_number = sorted(trials, key=lambda trial: trial.number)
    return list(dict.fromkeys(name for trial in by_number for name in trial.values))


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """The trials with a score, the best first."""
    return best_first(trials)


def failures_of(trials: Iterable[Trial], rejected: bool = False) -> dict[str, list[int]]:
    """The numbers of the failed trials, or of the rejected ones, by reason."""
    failures: dict[str, list[int]] = {}
    for trial in trials:
        if trial.status is TrialStatus.FAILED and trial.rejected == rejected:
            failures.setdefault(trial.failure or NO_REASON, []).append(trial.number)
    return failures


def failure_lines(trials: Iterable[Trial], limit: int = 3) -> list[str]:
    """How many trials failed and were rejected, with up to `limit` reasons each.

    A reason names the first log of its trials.
    """
    trials = list(trials)
    by_number = {trial.number: trial for trial in trials}
    lines = []
    for rejected, what in ((False, "failed"), (True, REJECTED)):
        reasons = failures_of(trials, rejected)
        if reasons:
            lines.append(f"{counted(sum(map(len, reasons.values())), 'trial')} {what}:")
        for reason, numbers in list(reasons.items())[:limit]:
            logs = [text for number in numbers if (text := log_text(by_number[number]))]
            which = "; ".join([which_trials(numbers), *logs[:1]])
            lines.append(f"  {one_line(reason)} ({which})")
        if len(reasons) > limit:
            lines.append(f"  and {counted(len(reasons) - limit, 'other reason')}")
    return lines


def log_text(trial: Trial) -> str:
    """Where the output of a trial is, relative to the project's folder; "" if there is none."""
    return f"output in {one_line(trial.log)}" if trial.log else ""


def which_trials(numbers: Sequence[int], limit: int = 5) -> str:
    """ "trial 3" or "12 trials: 0, 1, …"."""
    named = numbers_text(numbers, limit)
    return f"trial {named}" if len(numbers) == 1 else f"{len(numbers)} trials: {named}"


def numbers_text(numbers: Sequence[int], limit: int) -> str:
    """The first `limit` numbers."""
    return ", ".join(map(str, numbers[:limit])) + (", …" if len(numbers) > limit else "")


# ---------------------------------------------------------------------- tables


class TrialsTable:
    """Ranked trials, the best first; one column per hyperparameter if that fits the width."""

    def __init__(self, trials: Sequence[Trial], objective: Objective) -> None:
        self._trials = trials
        self._objective = objective
        self._names = value_names(trials)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if 0 < len(self._names) <= MAX_COLUMNS:
            table = self._table(compact=False)
            # Measured without a limit, because a table always fits the width it is given.
            wanted = console.measure(table, options=options.update_width(10_000)).maximum
            if wanted <= options.max_width:
                yield table
                return
        yield self._table(compact=True)

    def _table(self, compact: bool) -> Table:
        headers, columns = zip(*trial_columns(self._trials, self._objective, compact))
        table = plain_table(headers, zip(*columns, strict=True))
        for header, column in zip(headers, table.columns):
            column.no_wrap = not (compact and header == HYPERPARAMETERS)
            column.justify = "right" if column.no_wrap else "left"
        return table


def plain_table(headers: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table without lines between its cells."""
    # As Text: brackets in a user's names are not markup.
    columns = [Column(Text(header)) for header in headers]
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def trial_columns(
    trials: Sequence[Trial], objective: Objective, compact: bool
) -> Iterator[tuple[str, list[str]]]:
    """The header and the cells of each column of a ranking.

    Args:
        trials: completed ones, the best first.
        compact: show all hyperparameters in one column.
    """
    spreads = [spread(trial) for trial in trials]
    yield "rank", [str(rank) for rank in range(1, len(trials) + 1)]
    yield "trial", [str(trial.number) for trial in trials]
    yield one_line(objective.name), [score_text(trial.score) for trial in trials]
    yield from _goal_columns(trials, objective)
    if any(each is not None for each in spreads):
        yield "±", [NOTHING if each is None else f"{each:.2g}" for each in spreads]
    yield "best epoch", [epoch_text(trial) for trial in trials]
    if any(trial.parent is not None for trial in trials):
        yield "parent", [parent_text(trial) for trial in trials]
    yield "seconds", [seconds_text(trial.seconds) for trial in trials]
    names = value_names(trials)
    if compact and names:
        yield HYPERPARAMETERS, [values_text(trial.values) for trial in trials]
    elif not compact:
        for name in names:
            cells = [
                value_text(trial.values[name]) if name in trial.values else NOTHING
                for trial in trials
            ]
            yield one_line(name), cells


def _goal_columns(trials: Sequence[Trial], objective: Objective) -> Iterator[tuple[str, list[str]]]:
    """The other objectives, the metrics of the constraints, and what they make of the trials."""
    if not isinstance(objective, Goals):
        return
    for name in objective.further:
        yield one_line(name), [score_text(trial.metrics.get(name)) for trial in trials]
    if objective.constraints:
        yield "allowed", ["yes" if trial.violation == 0.0 else "no" for trial in trials]
    if len(objective.parts) > 1:
        front = {trial.number for trial in front_of(trials)}
        yield "front", ["yes" if trial.number in front else "" for trial in trials]


def results_table(
    trials: Iterable[Trial],
    objective: Objective,
    limit: int = 10,
    project_dir: str | os.PathLike[str] | None = None,
    told: Confirmation | None = None,
) -> RenderableType:
    """The best trials, how certain the best one is, how all were trained, and why some failed.

    Args:
        trials: in any order and of any status.
        limit: how many of the best to show.
        project_dir: shown above the table.
        told: the result of a race; then scores of the search say nothing of the best trial.
    """
    trials = list(trials)
    completed = ranked(trials)
    best = completed[: max(limit, 0)]
    title = counted(len(trials), "trial")
    if best:
        title = f"The best {len(best)} of {title} by {objective_text(objective)}"
    elif not completed:
        title += ", none of them completed"
    parts: list[RenderableType] = [Text(title, style="bold")]
    if project_dir is not None:
        parts.append(Text(f"in {one_line(os.fspath(project_dir), 1000)}"))
    if best:
        parts += ["", TrialsTable(best, objective)]
    if best and best[0].violation:
        parts += ["", Text(why_none(trials), style="yellow")]
    sure = certainty(completed, objective)
    if told is not None:
        parts += ["", Text(str(told))]
    elif sure is not None:
        parts += ["", Text(sure.result())]
        warning = sure.warning()
        parts += [] if warning is None else [Text(warning, style="yellow")]
    pieces = schedule_lines(trials, best[0]) if best else []
    if pieces:
        parts += ["", Text(f"How trial {best[0].number} was trained:"), *map(Text, pieces)]
    trained = paths_line(trials)
    if trained is not None:
        parts += ["", Text(one_line(trained, 1000))]
    lines = failure_lines(trials)
    if lines:
        parts += ["", *(Text(line) for line in lines)]
    return Group(*parts)


def space_table(space: Space, extended: bool = False) -> RenderableType:
    """The hyperparameters of a space: their domains, and when they are active.

    Args:
        extended: also show how many values each has.
    """
    names = counted(len(space.names), "hyperparameter")
    title = Text(f"The search space has {names}", style="bold")
    if not space:
        return title
    columns = space.columns(extended)
    return Group(title, "", plain_table(columns, zip(*columns.values(), strict=True)))


# ---------------------------------------------------------------------- printing


def print_results(
    trials: Iterable[Trial],
    objective: Objective,
    limit: int = 10,
    project_dir: str | os.PathLike[str] | None = None,
    stream: TextIO | None = None,
    told: Confirmation | None = None,
) -> None:
    """Print `results_table` to `stream`, by default to the current `sys.stdout`."""
    print_table(results_table(trials, objective, limit, project_dir, told), stream)


def print_space(space: Space, extended: bool = False, stream: TextIO | None = None) -> None:
    """Print `space_table` to `stream`, by default to the current `sys.stdout`."""
    print_table(space_table(space, extended), stream)


def to_text(table: RenderableType, width: int = WIDTH) -> str:
    """A renderable as plain text without trailing spaces, `width` characters wide."""
    buffer = io.StringIO()
    # Environment variables (FORCE_COLOR, COLUMNS) are for terminals.
    console = Console(
        file=buffer, width=width, force_terminal=False, force_jupyter=False, no_color=True
    )
    console.print(table)
    return "".join(line.rstrip() + "\n" for line in buffer.getvalue().splitlines())


def print_table(table: RenderableType, stream: TextIO | None = None) -> None:
    """Print a renderable: as wide as the terminal, or as text for a notebook or a log."""
    stream = sys.stdout if stream is None else stream
    if stream is None:  # a program without a console
        return
    if not stream.isatty():
        write_text(stream, to_text(table, NOTEBOOK_WIDTH if in_notebook() else WIDTH))
        return
    console = Console(file=stream, force_jupyter=False)
    with console.capture() as capture:
        console.print(table)
    write_text(stream, capture.get())


def write_text(stream: TextIO, text: str) -> None:
    """Write and flush; characters that the stream cannot encode become question marks."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
