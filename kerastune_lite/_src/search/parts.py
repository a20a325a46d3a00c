"""The exchangeable parts of a search."""

from __future__ import annotations

import dataclasses

from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.search.execution.job import Job
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.search.hooks import Hooks
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite._src.store.store import Store
from kerastune_lite._src.views.view import View


@dataclasses.dataclass
class Parts:
    """The parts of a search."""

    oracle: Oracle
    scheduler: Scheduler
    runner: Runner
    store: Store
    checkpoints: Checkpoints
    views: list[View]
    job: Job
    hooks: Hooks
