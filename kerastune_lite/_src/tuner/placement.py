"""Where the trials of a search are trained: the arguments of `search()` that say so."""

from __future__ import annotations

import dataclasses
import logging
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.execution.runner import Runner
from kerastune_lite._src.util.formatting import bytes_text

logger = logging.getLogger(__name__)

_RESOURCES = ("cpu", "gpu", "memory")
_PER_WORKER = 3 * 2**28
"""Bytes that a worker takes at least: TensorFlow and a small model have that."""


@dataclasses.dataclass(frozen=True)
class Placement:
    """These arguments of `Tuner.search`, and the tuner's distribution strategy; see there.

    Raises:
        TypeError, ValueError: one of them is invalid, or does not fit the others.
    """

    workers: Any = None
    runner: Any = None
    resources: Mapping[str, float] | None = None
    trial_timeout: float | None = None
    strategy: Any = None

    def __post_init__(self) -> None:
        if self.runner not in (None, "ray"):
            raise ValueError(
                "`runner` is None, for processes on this machine, or 'ray', for a Ray cluster. "
                f"Received: runner={self.runner!r}."
            )
        self._check_workers()
        self._check_resources()
        self._check_timeout()
        self._check_strategy()

    def _check_workers(self) -> None:
        workers = self.workers
        if workers is None or workers == "auto":
            return
        if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)):
            raise TypeError(
                "`workers` is the number of processes that train trials, 'auto', or None to train "
                f"in this process. Received: workers={workers!r} of type "
                f"{type(workers).__name__}. Write workers=4, for example."
            )
        if workers < 1:
            raise ValueError(
                f"`workers` must be at least 1. Received: workers={workers}. None trains in this "
                "process, 'auto' uses all cores."
            )

    def _check_resources(self) -> None:
        if self.resources is None:
            return
        if not self.elsewhere:
            raise ValueError(
                "`resources_per_worker` says what each worker may use. Received no `workers`: "
                "write workers='auto', for example."
            )
        for name, amount in dict(self.resources).items():
            number = isinstance(amount, (int, float, np.number)) and not isinstance(amount, bool)
            least = 1 if name == "memory" else 0
            if name not in _RESOURCES or not number or not least <= amount < math.inf:
                raise ValueError(
                    "`resources_per_worker` maps 'cpu' and 'gpu' to numbers and 'memory' to bytes. "
                    f"Received: {dict(self.resources)!r}."
                )

    def _check_timeout(self) -> None:
        seconds = self.trial_timeout
        if seconds is None:
            return
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float, np.number)):
            raise TypeError(f"`trial_timeout` is a number of seconds. Received: {seconds!r}.")
        if not seconds > 0:
            raise ValueError(f"`trial_timeout` must be above 0. Received: trial_timeout={seconds}.")
        if not self.elsewhere:
            raise ValueError(
                "`trial_timeout` ends a training that takes too long, which is only possible in a "
                "worker process. Received no `workers`: write workers=1, or more."
            )

    def _check_strategy(self) -> None:
        if self.strategy is None or not self.elsewhere:
            return
        given = {"workers": self.workers, "runner": self.runner}
        raise ValueError(
            "A distribution strategy cannot be sent to other processes. Received: "
            f"distribution_strategy={self.strategy!r}, and "
            f"{', '.join(f'{n}={v!r}' for n, v in given.items() if v is not None)}. Call search() "
            "without them; or omit distribution_strategy, and have each worker make its own: build "
            "and compile in `with tf.distribute.MirroredStrategy().scope():` in build(hp)."
        )

    @property
    def elsewhere(self) -> bool:
        """Whether trials are trained in other processes."""
        return self.workers is not None or self.runner is not None

    def runner_for(self, folder: Path, interrupted: bool, own_data: bool) -> Runner:
        """The runner of a search.

        Args:
            folder: that of the project.
            interrupted: whether an earlier search died while it trained a trial.
            own_data: whether each worker loads its own data.
        """
        if not self.elsewhere:
            return InlineRunner()
        if self.runner == "ray":
            from kerastune_lite._src.search.execution.ray_runner import RayRunner

            count = "auto" if self.workers is None else self.workers
            return RayRunner(count, folder, self.resources, self.trial_timeout)
        from kerastune_lite._src.search.execution.processes import ProcessRunner
        from kerastune_lite._src.search.execution.shares import Share

        gpus = _gpus()
        workers = self._automatic(gpus) if self.workers == "auto" else int(self.workers)
        # A trial that has killed a search must not kill the next one; and the memory of a GPU is
        # for the workers.
        here = not interrupted and not own_data and not gpus
        share = Share.of_machine(workers, self.resources, gpus)
        return ProcessRunner(workers, folder, share, self.trial_timeout, here)

    def _automatic(self, gpus: tuple[str, ...]) -> int:
        """As many workers as cores, memory and GPUs allow."""
        from kerastune_lite._src.search.execution import machine

        resources = self.resources or {}
        cores, free = machine.cores(), machine.free_memory()
        # This process has loaded what a worker loads.
        each = int(resources.get("memory", max(machine.private_memory(), _PER_WORKER)))
        most = [cores // max(1, math.ceil(resources.get("cpu", 1))), free // each]
        if resources.get("gpu", 0) > 0:
            most.append(int(len(gpus) / resources["gpu"]))
        elif gpus:
            most.append(len(gpus))
        workers = max(1, min(most))
        logger.warning(
            "workers='auto': %d worker%s, for %d cores%s and %s of free memory, of which each "
            "takes about %s.",
            workers,
            "s" * (workers > 1),
            cores,
            f", {len(gpus)} GPUs" if gpus else "",
            bytes_text(free),
            bytes_text(each),
        )
        return workers


def _gpus() -> tuple[str, ...]:
    """The identifiers of the GPUs that TensorFlow can use, if it is loaded."""
    if "tensorflow" not in sys.modules:
        return ()
    from kerastune_lite._src.keras.session import gpu_identifiers

    return gpu_identifiers()
