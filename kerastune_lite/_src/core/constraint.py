"""Conditions that a trial must satisfy to be a result of the search."""

from __future__ import annotations

import dataclasses
import math
import numbers
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from kerastune_lite._src.core.objective import Direction, Objective

if TYPE_CHECKING:
    from kerastune_lite._src.core.trial import Trial

_FORM = re.compile(r"\s*(?P<name>[^\s<>=][^<>=]*?)\s*(?P<sign><=|>=)\s*(?P<bound>[^<>=]+)")
_EXAMPLES = '"model_size <= 1e6" or "val_accuracy >= 0.9"'

ConstraintLike = Union[str, Callable[[Any], Any]]


@dataclasses.dataclass(frozen=True)
class Constraint:
    """A bound for a metric.

    Attributes:
        name: of the metric.
        at_most: whether the bound is the largest value that is allowed; otherwise the smallest.
        bound: of the values.
        function: a user's function of a trial, whose result is the metric; None for a metric that
            training reports or that is measured.
    """

    name: str
    at_most: bool
    bound: float
    function: Callable[[Any], Any] | None = dataclasses.field(default=None, compare=False)

    def __str__(self) -> str:
        if self.is_function:
            return f"{self.name.removeprefix(_FUNCTION)}(trial)"
        return f"{self.name} {'<=' if self.at_most else '>='} {self.bound:g}"

    @property
    def is_function(self) -> bool:
        """Whether the metric is the result of a function of the user."""
        return self.name.startswith(_FUNCTION)

    @property
    def objective(self) -> Objective:
        """The metric, and the direction in which the bound is satisfied."""
        direction: Direction = "min" if self.at_most else "max"
        return Objective(self.name, direction)

    def excess(self, metrics: Mapping[str, float]) -> float:
        """How far the metric is beyond its bound, relative to that; at most 0 if it is not.

        Infinite if the metric is missing or NaN.
        """
        value = metrics.get(self.name, math.nan)
        beyond = (value - self.bound) * (1.0 if self.at_most else -1.0)
        return math.inf if math.isnan(beyond) else beyond / (abs(self.bound) or 1.0)

    def measured(self, trial: Trial) -> dict[str, float]:
        """The result of the user's function, as a metric; nothing if there is none.

        Raises:
            RuntimeError: it raised an exception.
            TypeError: it returned neither a number nor a truth value.
        """
        if self.function is None:
            return {}
        try:
            returned = self.function(trial)
        except Exception as error:
            raise RuntimeError(
                f"The constraint {self} failed for trial {trial.number} with "
                f"{type(error).__name__}: {error}. The trial is kept: correct the function, and "
                "search again."
            ) from error
        if isinstance(returned, (bool, np.bool_)):
            return {self.name: -1.0 if returned else 1.0}
        if isinstance(returned, numbers.Real) and not math.isnan(returned):
            return {self.name: float(returned)}
        raise TypeError(
            f"The constraint {self} must return True if the trial is allowed and False if not, or "
            f"a number that is at most 0 if it is allowed. Received: {returned!r} of type "
            f"{type(returned).__name__}."
        )

    def to_json(self) -> Any:
        """This constraint as JSON; `constraint_from_json` is the inverse."""
        return {"name": self.name, "at_most": self.at_most, "bound": self.bound}


_FUNCTION = "constraint/"
"""What the metrics of functions begin with."""


def constraint_from_json(data: Mapping[str, Any]) -> Constraint:
    """The inverse of `Constraint.to_json`; functions are not kept, their results are."""
    return Constraint(data["name"], data["at_most"], data["bound"])


def constraints_of(given: Any) -> tuple[Constraint, ...]:
    """The constraints that a user wrote: a list of texts and functions, or one of them.

    Raises:
        TypeError: one of them is neither.
        ValueError: a text has another form, or two functions have the same name.
    """
    if given is None:
        return ()
    listed: Sequence[Any] = given if isinstance(given, (list, tuple)) else [given]
    found = tuple(_read(each, place) for place, each in enumerate(listed))
    functions = [each.name for each in found if each.is_function]
    texts = [str(each) for each in found if not each.is_function]
    if len(set(texts)) < len(texts):
        twice = max(texts, key=texts.count)
        raise ValueError(f"Each constraint must be given once. Received {twice!r} more than once.")
    if len(set(functions)) < len(functions):
        twice = max(functions, key=functions.count).removeprefix(_FUNCTION)
        raise ValueError(
            "Constraints are told apart by the names of their functions. Received several named "
            f"{twice!r}; rename all but one."
        )
    return found


def _read(given: Any, place: int) -> Constraint:
    if callable(given) and not isinstance(given, type):
        name = getattr(given, "__name__", type(given).__name__)
        # A lambda has no name that would tell it from another one.
        name = f"lambda {place + 1}" if name == "<lambda>" else name
        return Constraint(f"{_FUNCTION}{name}", True, 0.0, given)
    if not isinstance(given, str):
        raise TypeError(
            f"A constraint must be a text such as {_EXAMPLES}, or a function of a trial. Received: "
            f"{given!r} of type {type(given).__name__}."
        )
    form = _FORM.fullmatch(given)
    try:
        if form is None:
            raise ValueError
        bound = float(form["bound"])
    except ValueError:
        bound = math.nan
    if form is None or not math.isfinite(bound):
        raise ValueError(
            "A constraint must be the name of a metric, <= or >=, and a number, as in "
            f"{_EXAMPLES}. Received: {given!r}."
        )
    return Constraint(form["name"], form["sign"] == "<=", bound)
