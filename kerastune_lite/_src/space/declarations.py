"""The methods of `hp` that declare hyperparameters."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Domain, Fixed, Value
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.prior import Prior


class Declarations(ABC):
    """Declares hyperparameters; a subclass returns their values."""

    def Choice(
        self,
        name: str,
        values: Iterable[Value],
        ordered: bool | None = None,
        default: Any = ...,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
        prior: Prior | None = None,
    ) -> Any:
        """Declare one of the listed `values`.

        Args:
            name: unique within its conditions.
            values: all of one type; None may be among them.
            ordered: whether neighbours in the list are similar. Default: true for numbers.
            default: one of `values`. Default: the first; without a prior a search then starts in
                the middle of the list if it is ordered.
            parent_name, parent_values: as of `conditional_scope`, for this hyperparameter alone.
            prior: what you believe of the best value; see `kerastune_lite.prior`.

        Example:
            >>> hp.Choice("activation", ["relu", "tanh"])
            'relu'
        """
        return self._declare(
            name,
            lambda: choice(values, ordered, default, prior),
            "Choice",
            parent_name,
            parent_values,
        )

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
        prior: Prior | None = None,
    ) -> Any:
        """Declare a whole number from `min_value` to `max_value`, both included.

        Args:
            name: unique within its conditions.
            min_value, max_value: the limits.
            step: added if `sampling` is "linear" (default: 1), multiplied otherwise.
            sampling: "linear", "log" or "reverse_log".
            default: Default: the minimum; without a prior a search then starts in the middle of
                the range.
            parent_name, parent_values: as of `conditional_scope`, for this hyperparameter alone.
            prior: what you believe of the best value; see `kerastune_lite.prior`.

        Example:
            >>> hp.Int("units", 8, 64, step=8, default=32)
            32
        """
        return self._declare(
            name,
            lambda: Int(min_value, max_value, step, sampling, default, prior),
            "Int",
            parent_name,
            parent_values,
        )

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
        prior: Prior | None = None,
    ) -> Any:
        """Declare a real number from `min_value` to `max_value`, both included.

        Args:
            name: unique within its conditions.
            min_value, max_value: the limits.
            step: added if `sampling` is "linear", multiplied otherwise. Default: none.
            sampling: "linear", "log" or "reverse_log".
            default: Default: the minimum; without a prior a search then starts in the middle of
                the range.
            parent_name, parent_values: as of `conditional_scope`, for this hyperparameter alone.
            prior: what you believe of the best value; see `kerastune_lite.prior`.

        Example:
            >>> hp.Float("learning_rate", 0.001, 0.1, sampling="log")
            0.001
        """
        return self._declare(
            name,
            lambda: Float(min_value, max_value, step, sampling, default, prior),
            "Float",
            parent_name,
            parent_values,
        )

    def Boolean(
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
        prior: Prior | None = None,
    ) -> Any:
        """Declare True or False.

        Args:
            name: unique within its conditions.
            default: the default.
            parent_name, parent_values: as of `conditional_scope`, for this hyperparameter alone.
            prior: what you believe of the best value; see `kerastune_lite.prior`.

        Example:
            >>> hp.Boolean("batch_norm")
            False
        """
        return self._declare(
            name, lambda: Boolean(default, prior), "Boolean", parent_name, parent_values
        )

    def Fixed(
        self,
        name: str,
        value: Value,
        parent_name: str | None = None,
        parent_values: Value | Iterable[Value] = None,
    ) -> Any:
        """Declare a value that is recorded with the trial but not tuned.

        Args:
            name: unique within its conditions.
            value: the value.
            parent_name, parent_values: as of `conditional_scope`, for this hyperparameter alone.

        Example:
            >>> hp.Fixed("epochs", 10)
            10
        """
        return self._declare(name, lambda: Fixed(value), "Fixed", parent_name, parent_values)

    @abstractmethod
    def _declare(
        self,
        name: str,
        domain: Callable[[], Domain],
        kind: str,
        parent_name: str | None,
        parent_values: Value | Iterable[Value],
    ) -> Value:
        """The value of a hyperparameter.

        Args:
            domain: creates its domain, if it is new.
            kind: the name of the method, for messages.
        """


def choice(
    values: Iterable[Value], ordered: bool | None, default: Any, prior: Prior | None = None
) -> Choice:
    """A Choice whose default is the first value if it is `...`, or None that is no value."""
    domain = Choice(values, ordered, prior=prior)  # type: ignore[arg-type]
    # KerasTuner's signature has default=None for "not given".
    if default is ... or (default is None and None not in domain.values):
        return domain
    return dataclasses.replace(domain, default=default)
