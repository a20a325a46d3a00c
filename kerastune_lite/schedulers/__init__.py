"""Whether to go on: which trial trains from which epoch to which, and which one stops."""

from kerastune_lite.schedulers.base import Decision, Rung, Scheduler
from kerastune_lite.schedulers.full import FullTraining

__all__ = ["Decision", "FullTraining", "Rung", "Scheduler"]
