"""The interface of a rule that ends a search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public


@public("kerastune_lite.stopping")
class StoppingRule(ABC):
    """Says when a search should end, before its budget is spent.

    It has settings but no state: what it says is a function of the trials so far.

    Example:
        A rule that is content with a loss:

        >>> from kerastune_lite.stopping import StoppingRule
        >>> class GoodEnough(StoppingRule):
        ...     def reason(self, history):
        ...         best = history.best(1)
        ...         return "the loss is below 0.1" if best and best[0].loss < 0.1 else None
    """

    one_objective: ClassVar[bool] = False
    """Whether it is only for searches with a single objective."""

    @abstractmethod
    def reason(self, history: TrialHistory) -> str | None:
        """Why the search should end, in a few words; None if it should continue.

        Called whenever a trial has ended. No more trials begin then; running ones are finished.

        Args:
            history: all trials, including running ones.
        """

    def settings(self) -> dict[str, Value]:
        """Its class and arguments, stored with the project."""
        return {"type": type(self).__name__}
