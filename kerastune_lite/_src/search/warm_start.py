"""Former projects as what a new search remembers: `warm_start_from`."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from typing import Any

from kerastune_lite._src.algorithms.oracles.gp.former import relevant
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.goals import Goals
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.ranked import best_first
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.search.open_project import open_project
from kerastune_lite._src.search.results import Results
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.project_folder import projects_below
from kerastune_lite._src.util.errors import StoreError

AUTO = "auto"

_LEVELS = 2
"""How deep below `directory` "auto" looks: `project_name` may contain a slash."""

_HOW = (
    'a list of projects: their folders ("runs/old"), tuners, or what open_project() returns; or '
    '"auto": all projects under the same `directory`'
)

logger = logging.getLogger(__name__)


def former_projects(
    given: Any, directory: Any, own: str, objective: Objective, space: Space
) -> tuple[Former, ...]:
    """What a search remembers.

    Args:
        given: the argument `warm_start_from`.
        directory: in which "auto" looks.
        own: the folder of the new project, which is none of them.
        objective: of the new search; "auto" uses only projects with the same one.
        space: of the new search, as known so far. If nothing is known yet, whether a project has
            parameters in common with it is not checked.

    Raises:
        TypeError: `given` is neither a list of projects nor "auto".
        StoreError: there is no project in a folder, or it cannot be read.
        ValueError: a project has no results, or none for this space, or it is the new one.
    """
    if given is None:
        return ()
    if isinstance(given, str) and given == AUTO:
        return tuple(_found(directory, own, objective, space))
    return tuple(_named(each, own, space) for each in _listed(given))


def warn_of_other_projects(given: Any, former: tuple[Former, ...], where: str) -> None:
    """Log if a project remembers other former projects than those that are given now.

    Args:
        given: the argument `warm_start_from`; the projects need not exist any more.
        former: what the project remembers.
        where: the project is.

    Raises:
        TypeError: `given` is neither a list of projects nor "auto".
    """
    if given is None or given == AUTO:
        return
    folders = (e.project_dir if isinstance(e, Results) else os.fspath(e) for e in _listed(given))
    names = [os.path.basename(os.path.abspath(folder)) for folder in folders]
    known = [each.name for each in former]
    if names != known:
        logger.warning(
            "%s remembers %s since it began, and continues with that. warm_start_from=%s is not "
            "used; for that start again with overwrite=True, or choose another project_name.",
            where,
            ", ".join(known),
            names,
        )


def _listed(given: Any) -> list[Any]:
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    if isinstance(given, str) and given.lower() == AUTO:
        raise ValueError(f'`warm_start_from` must be {_HOW}. Received: {given!r}; write "auto".')
    for each in listed:
        if not isinstance(each, (str, os.PathLike, Results)):
            raise TypeError(
                f"`warm_start_from` must be {_HOW}. Received: {each!r} of type "
                f"{type(each).__name__}."
            )
    return listed


def _named(source: Any, own: str, space: Space) -> Former:
    """A project that the user named; whatever does not fit is an error."""
    project = source if isinstance(source, Results) else open_project(source)
    where = project.project_dir
    if _same_folder(where, own):
        raise ValueError(
            f"`warm_start_from` must name other projects than the new one. Received: {where}, "
            "which is resumed anyway. Omit it, or choose another project_name."
        )
    former = former_of(project)
    if not any(map(math.isfinite, former.losses)):
        raise ValueError(
            "`warm_start_from` must name projects with at least one completed trial. Received: "
            f"{where}, with {len(project.trials)} trials, none of them completed."
        )
    if space and not relevant(space, former).points:
        shared = [name for name in space.names if name in former.space.names]
        why = (
            f"None of its trials has values of {shared} that are allowed in the new space."
            if shared
            else f"It has {former.space.names}; the new space has {space.names}."
        )
        raise ValueError(
            "`warm_start_from` must name projects whose hyperparameters are in the new space, "
            f"too, under the same names. Received: {where}. {why}"
        )
    return former


def _found(directory: Any, own: str, objective: Objective, space: Space) -> Iterator[Former]:
    """The projects under `directory` that fit; the others are left out."""
    if not os.path.isdir(directory):
        return
    for folder in projects_below(directory, _LEVELS):
        if _same_folder(folder, own):
            continue
        try:
            project = open_project(folder)
            same = project.objective.to_json() == objective.to_json()
            former = former_of(project)
        except (StoreError, ValueError) as error:
            logger.info("%s is not used by warm_start_from: %s", folder, error)
            continue
        if not same or not any(map(math.isfinite, former.losses)):
            continue
        if not space or relevant(space, former).points:
            yield former


def _same_folder(one: Any, other: Any) -> bool:
    # By what the system says: names may be written in several ways, with small and large letters.
    if os.path.exists(one) and os.path.exists(other):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def former_of(project: Results) -> Former:
    """The results of a project, without trials that are running."""
    trials = [trial for trial in project.trials if trial.values and _has_ended(trial)]
    losses = {trial.number: trial.loss for trial in trials if trial.loss is not None}
    if isinstance(project.objective, Goals):
        # Several objectives have no single loss, and constraints are not in it.
        losses = {trial.number: float(rank) for rank, trial in enumerate(best_first(trials))}
    found = [losses.get(trial.number, math.inf) for trial in trials]
    kept = [i for i, loss in enumerate(found) if not math.isnan(loss)]
    return Former(
        os.path.basename(os.path.abspath(project.project_dir)),
        project.space,
        tuple(dict(trials[i].values) for i in kept),
        tuple(found[i] for i in kept),
    )


def _has_ended(trial: Trial) -> bool:
    return trial.status is not TrialStatus.RUNNING


def remembered_text(former: tuple[Former, ...]) -> str:
    """One line on the projects that a search remembers."""
    noun = "project" if len(former) == 1 else "projects"
    names = ", ".join(f"{each.name} ({len(each.points)} trials)" for each in former)
    return f"Remembering {len(former)} former {noun}: {names}"
