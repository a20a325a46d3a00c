"""Whether to go on: which trial trains from which epoch to which, and which one stops."""

from kerastune_lite.schedulers.asha import ASHA
from kerastune_lite.schedulers.base import Decision, Rung, Scheduler
from kerastune_lite.schedulers.full import FullTraining
from kerastune_lite.schedulers.hyperband import Hyperband
from kerastune_lite.schedulers.median import MedianStopping

__all__ = ["ASHA", "Decision", "FullTraining", "Hyperband", "MedianStopping", "Rung", "Scheduler"]
