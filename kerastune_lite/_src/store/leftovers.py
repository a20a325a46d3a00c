"""Files of a project that neither its results nor a search that resumes it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.store.checkpoints import STATE_SUFFIX, SUFFIX, Checkpoints
from kerastune_lite._src.store.project_folder import DATABASE, ORACLE_STATE, ProjectFolder

_LOG = re.compile(r"trial_(\d+)\.log")

_TEMPORARY = (
    f"{DATABASE}.*.new*",
    f"{ORACLE_STATE}.*",
    "workers/array_[0-9]*.npy",
    "search.ray",
)
"""What a process that died may leave behind, besides what is in `checkpoints/` and `data/`."""


def leftovers(
    folder: ProjectFolder, history: TrialHistory, keep: int | None = None
) -> dict[str, list[Path]]:
    """The files that can be deleted while nothing searches the project, by kind.

    States of trials that can be continued are not among them, nor are their weights, logs of failed
    trials, and what TensorBoard reads.

    Args:
        history: of all trials.
        keep: how many of the best trials keep their weights; None: all that have some. With several
            objectives, all trials of the front keep theirs unless it is 0.
    """
    kept = len(history) if keep is None else keep
    unneeded = Checkpoints(folder.root, kept).unneeded(history)
    weights = [path for path in unneeded if path.name.endswith(SUFFIX) and not _partial(path)]
    states = [path for path in unneeded if path.name.endswith(STATE_SUFFIX)]
    temporary = [path for path in unneeded if path not in {*weights, *states}]
    temporary += (path for pattern in _TEMPORARY for path in folder.root.glob(pattern))
    return {
        "weights": weights,
        "states of trainings": states,
        "logs": sorted(_logs(folder.root / "logs", history)),
        "temporary files": sorted({*temporary, *folder.abandoned_data()}),
    }


def _partial(path: Path) -> bool:
    return path.name.endswith(f".partial{SUFFIX}")


def _logs(folder: Path, history: TrialHistory) -> Iterator[Path]:
    yield from folder.glob("worker_[0-9]*.log")
    going_on = (TrialStatus.RUNNING, TrialStatus.PAUSED)
    wanted = {t.number for t in history if t.status in (*going_on, TrialStatus.FAILED)}
    for path in folder.glob("trial_[0-9]*.log"):
        name = _LOG.fullmatch(path.name)
        if name is not None and int(name[1]) not in wanted:
            yield path


def size_of(paths: Iterable[Path]) -> int:
    """The bytes of these files; those that are gone have none."""
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
