"""What one of several workers may use of a machine."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping

from kerastune_lite._src.search.execution import machine

_OF_MEMORY = 0.9
"""The part of the machine's memory that all workers together may use."""

_REPLACED_AT = 0.6
"""A worker is replaced between two trials when it has used this part of the memory that was left of
its share when it was ready."""

_THREADS = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclasses.dataclass(frozen=True)
class Share:
    """What a worker may use.

    Attributes:
        threads: for arithmetic.
        memory: in bytes; a training that takes more is ended.
        gpu: how many GPUs, or which part of one; 0: none.
        gpus: the identifiers of the machine's GPUs.
    """

    threads: int
    memory: int
    gpu: float = 0.0
    gpus: tuple[str, ...] = ()

    @classmethod
    def of_machine(
        cls,
        workers: int,
        resources: Mapping[str, float] | None = None,
        gpus: tuple[str, ...] = (),
    ) -> Share:
        """The share of each of `workers` workers.

        Args:
            resources: "cpu", "gpu" and "memory" of a worker; what is missing is shared evenly.
            gpus: the identifiers of the machine's GPUs.
        """
        wanted = dict(resources or {})
        gpu = wanted.get("gpu", min(1.0, len(gpus) / workers) if gpus else 0.0)
        return cls(
            # TensorFlow takes 0 for as many as there are cores.
            threads=max(1, math.ceil(wanted.get("cpu", machine.cores() // workers))),
            memory=int(wanted.get("memory", machine.total_memory() * _OF_MEMORY / workers)),
            gpu=gpu,
            gpus=gpus,
        )

    def replaced_at(self, ready: int) -> int:
        """The memory from which on a worker is replaced between two trials, in bytes.

        Args:
            ready: how much it had when it was ready; a new one would have that, too.
        """
        return ready + int((self.memory - ready) * _REPLACED_AT)

    def environment(self, number: int) -> dict[str, str]:
        """The environment variables of worker `number`, beside those of this process.

        What the user has set counts.
        """
        wanted = dict.fromkeys(_THREADS, str(self.threads))
        wanted["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        chosen = {name: value for name, value in wanted.items() if name not in os.environ}
        if self.gpus:
            # As many on one GPU as have room there.
            part = 0.0 < self.gpu < 1.0
            first = number // int(1 / self.gpu) if part else int(number * self.gpu)
            count = max(1, int(self.gpu)) if self.gpu else 0
            mine = [self.gpus[place % len(self.gpus)] for place in range(first, first + count)]
            chosen["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
        return chosen
