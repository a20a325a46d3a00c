"""`kerastune compare`: several searches side by side."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from kerastune_lite._src.analysis.certainty import scores_of, spread
from kerastune_lite._src.analysis.comparing import (
    Difference,
    best_after,
    difference,
    marks,
    volumes_after,
)
from kerastune_lite._src.cli.payload import overview, spelled, to_json
from kerastune_lite._src.cli.projects import nothing_searched
from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.core.lineage import first_epoch
from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.search.open_project import OpenedProject, open_project
from kerastune_lite._src.util.formatting import (
    NOTHING,
    one_line,
    score_text,
    seconds_text,
    value_text,
)
from kerastune_lite._src.views.tables import objective_text, plain_table, print_table


def run_compare(options: argparse.Namespace) -> None:
    """Print what several searches have found, and for how much."""
    projects = [open_project(path) for path in (options.directory, *options.others)]
    found = Comparison(tuple(projects))
    if options.json:
        sys.stdout.write(to_json(found.to_json()))
    else:
        print_table(Group(*found.parts()))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Searches that can be compared.

    Args:
        projects: at least two.

    Raises:
        CommandError: one was named twice, was not searched yet, or has another objective.
    """

    projects: tuple[OpenedProject, ...]

    def __post_init__(self) -> None:
        for project in self.projects:
            same = [each for each in self.projects if _same(each, project)]
            if len(same) > 1:
                raise CommandError(f"{project.project_dir} was named more than once.")
            if project.session is None:
                raise nothing_searched(project)
        first, *others = self.projects
        for other in others:
            if _goals(other) != _goals(first):
                raise CommandError(
                    "Only searches with the same objective can be compared. "
                    f"{first.project_dir} has {objective_text(first.objective)}, and "
                    f"{other.project_dir} has {objective_text(other.objective)}."
                )

    @property
    def objective(self) -> Objective:
        return self.projects[0].objective

    @property
    def several(self) -> bool:
        """Whether there are several objectives, without weights."""
        return len(self.objective.parts) > 1 and not isinstance(self.objective, Sum)

    @cached_property
    def bests(self) -> list[Trial | None]:
        """The best trial of each by its score in the search; of several objectives, the first."""
        return [_best_in(project) for project in self.projects]

    @cached_property
    def counts(self) -> list[int]:
        """After how many trials the searches are compared."""
        return marks([len(project.trials) for project in self.projects])

    @cached_property
    def progress(self) -> list[list[float | None]]:
        """The best score, or the hypervolume, of each search after so many trials."""
        trials = [project.trials for project in self.projects]
        if self.several:
            return volumes_after(trials, self.objective, self.counts)
        return [best_after(each, self.objective, self.counts) for each in trials]

    @cached_property
    def volumes(self) -> list[float | None]:
        """The hypervolume of each search at its end."""
        trials = [project.trials for project in self.projects]
        ends = volumes_after(trials, self.objective, [len(each) for each in trials])
        return [volumes[place] for place, volumes in enumerate(ends)]

    @cached_property
    def leader(self) -> int | None:
        """The place of the best search among them; None if none has a result."""
        if self.several:
            losses = [None if each is None else -each for each in self.volumes]
        else:
            losses = [None if b is None else b.loss for b in self.bests]
        ranked = [(loss, place) for place, loss in enumerate(losses) if loss is not None]
        return min(ranked)[1] if ranked else None

    @cached_property
    def differences(self) -> dict[int, Difference]:
        """How far the best search is ahead of the others with a result, by their places."""
        if self.leader is None or self.several:
            return {}
        winner = self.bests[self.leader]
        others = {i: b for i, b in enumerate(self.bests) if b is not None and i != self.leader}
        return {
            place: difference(winner, best, self.objective, len(others))
            for place, best in others.items()
            if winner is not None
        }

    @cached_property
    def hyperparameters(self) -> list[str]:
        """Those that all of them have."""
        first, *others = (project.space.names for project in self.projects)
        return [name for name in first if all(name in names for names in others)]

    # ------------------------------------------------------------------ JSON

    def to_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        winner = self.leader
        return {
            "objectives": [dataclasses.asdict(part) for part in self.objective.parts],
            "searches": [self._search(place) for place in range(len(self.projects))],
            "best_search": None if winner is None else self.projects[winner].project_dir,
            "differences": [
                {
                    "to": self.projects[place].project_dir,
                    **dataclasses.asdict(each),
                    "more_than_chance": each.more_than_chance,
                }
                for place, each in self.differences.items()
            ],
        }

    def _search(self, place: int) -> dict[str, Any]:
        project, best = self.projects[place], self.bests[place]
        values = {} if best is None else best.values
        return {
            **overview(project),
            "epochs": _epochs(project),
            "training_seconds": _seconds(project),
            "best_scores": [] if best is None else scores_of(best),
            "best_values": spelled({n: values[n] for n in self.hyperparameters if n in values}),
            "after_trials": dict(zip(map(str, self.counts), self.progress[place])),
            **({"hypervolume": self.volumes[place]} if self.several else {}),
        }

    # ------------------------------------------------------------------ tables

    @cached_property
    def names(self) -> list[str]:
        """As much of the ends of their paths as tells them apart."""
        parts = [Path(os.path.abspath(project.project_dir)).parts for project in self.projects]
        length = 1
        while len({each[-length:] for each in parts}) < len(parts):
            length += 1
        return [one_line(str(Path(*each[-length:]))) for each in parts]

    def parts(self) -> Iterator[RenderableType]:
        """The tables and sentences."""
        yield self._table(objective_text(self.objective), self._facts())
        if self.counts:
            yield ""
            what = "hypervolume" if self.several else f"best {one_line(self.objective.name)}"
            columns = [[score_text(each) for each in column] for column in self.progress]
            rows = zip(map(str, self.counts), zip(*columns))
            yield self._table(f"{what} after trials", rows)
        if self.hyperparameters and self.leader is not None:
            yield ""
            which = (
                f"the best {one_line(self.objective.name)}" if self.several else "the best trial"
            )
            yield self._table(f"hyperparameters of {which}", self._values())
        yield ""
        yield from map(Text, self.sentences())

    def _table(self, title: str, rows: Any) -> RenderableType:
        table = plain_table((title, *self.names), [(header, *cells) for header, cells in rows])
        for column in table.columns[1:]:
            column.justify, column.overflow = "right", "fold"
        return table

    def _facts(self) -> Iterator[tuple[str, list[str]]]:
        rows = [overview(project) for project in self.projects]
        trials = [project.trials for project in self.projects]
        yield "status", [row["status"] for row in rows]
        yield "trials", [str(len(each)) for each in trials]
        failed = [row["trials"].get("FAILED", 0) for row in rows]
        if any(failed):
            yield "failed", [str(each) for each in failed]
        yield "epochs", [str(_epochs(project)) for project in self.projects]
        yield "seconds of training", [seconds_text(_seconds(each)) for each in self.projects]
        for part in self.objective.parts if self.several else ():
            yield f"best {one_line(part.name)}", [_best_of(each, part) for each in trials]
        if self.several:
            fronts = [project.pareto_front() for project in self.projects]
            yield "trials of the front", [str(len(front)) for front in fronts]
            yield "hypervolume", [score_text(each) for each in self.volumes]
            return
        yield "best score", [score_text(None if b is None else b.score) for b in self.bests]
        spreads = [None if best is None else spread(best) for best in self.bests]
        if any(each is not None for each in spreads):
            yield "±", [NOTHING if each is None else f"{each:.2g}" for each in spreads]
        yield "best trial", [NOTHING if b is None else str(b.number) for b in self.bests]

    def _values(self) -> Iterator[tuple[str, list[str]]]:
        for name in self.hyperparameters:
            cells = [
                NOTHING
                if best is None or name not in best.values
                else value_text(best.values[name])
                for best in self.bests
            ]
            yield one_line(name), cells

    def sentences(self) -> Iterator[str]:
        """Which search is the best, and whether that may be chance."""
        if self.leader is None:
            yield "None of them has a result yet."
            return
        name = self.names[self.leader]
        if self.several:
            yield f"{name} has the largest hypervolume. How much of that is chance is not known."
            return
        for place, each in self.differences.items():
            other = self.names[place]
            if each.ahead == 0.0:
                yield f"{name} and {other} are equally good."
            else:
                yield f"{name} is ahead of {other} by {each.ahead:.3g}: {self._judged(place)}"

    def _judged(self, place: int) -> str:
        """Whether the best search is ahead of another one by more than chance."""
        margin, sure = self.differences[place].margin, self.differences[place].more_than_chance
        if margin is None:
            return (
                "whether that is chance is not known. Both need best trials that were trained "
                "several times, with different scores (executions_per_trial)."
            )
        verdict = "more than chance" if sure else "it may be chance"
        return f"{verdict}. Two that are equally good may differ by {margin:.2g}."


def _same(one: OpenedProject, other: OpenedProject) -> bool:
    return os.path.samefile(one.project_dir, other.project_dir)


def _goals(project: OpenedProject) -> list[tuple[str, str | None]]:
    kind = [("sum", None)] if isinstance(project.objective, Sum) else []
    return [*kind, *((part.name, part.direction) for part in project.objective.parts)]


def _best_in(project: OpenedProject) -> Trial | None:
    # A race is one search's own: its winner is not compared with trials that did not race.
    ranked = best_first(project.trials, confirmed=False)
    return next((trial for trial in ranked if trial.violation == 0.0), None)


def _epochs(project: OpenedProject) -> int:
    """How many epochs were trained, those of attempts that failed included.

    Those that a trial has inherited from its parent count there.
    """
    return sum(
        max(each.epochs - first_epoch(trial), 0)
        for trial in project.trials
        for each in trial.executions
    )


def _seconds(project: OpenedProject) -> float:
    """How long the trainings took, one after the other."""
    return sum(each.seconds for trial in project.trials for each in trial.executions)


def _best_of(trials: Sequence[Trial], part: Objective) -> str:
    """The best value of one of several objectives."""
    values = [t.metrics[part.name] for t in trials if t.losses and t.violation == 0.0]
    return score_text(min(values, key=part.loss_of, default=None))
