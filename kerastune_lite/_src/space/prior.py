"""What the user believes of where the best value of a hyperparameter is."""

from __future__ import annotations

import dataclasses
import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kerastune_lite._src.util.public import public

Array = npt.NDArray[np.float64]

_CERTAIN = 0.9
"""The part of the density that is the user's; the rest is uniform, in case that he is wrong."""

_ROOT_2PI = math.sqrt(2.0 * math.pi)


class Scale(Protocol):
    """What a prior needs to know of a domain."""

    @property
    def has_order(self) -> bool: ...
    def to_unit(self, value: Any) -> float: ...
    def coerce(self, value: Any) -> Any: ...
    def members(self) -> list[Any] | None: ...
    def describe(self) -> str: ...


class Prior(ABC):
    """A density of the position in a domain, which is 1 in the mean over [0, 1]."""

    @abstractmethod
    def check(self, domain: Scale) -> None:
        """Raise a ValueError if it is no prior of this domain."""

    @abstractmethod
    def mode(self, domain: Scale) -> Any:
        """The most probable value."""

    @abstractmethod
    def quantile(self, domain: Scale, share: float) -> float:
        """The position that this share of the user's belief is below."""

    @abstractmethod
    def log_density(self, domain: Scale, units: Array) -> tuple[Array, Array]:
        """At positions `(m,)`, with its slope, each `(m,)`."""

    @abstractmethod
    def describe(self) -> str:
        """A few words, for tables."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """As JSON; `prior_from_json` is the inverse."""


@dataclasses.dataclass(frozen=True)
class Around(Prior):
    """A normal distribution on the scale of the domain, cut off at its ends.

    Attributes:
        value: its mode.
        spread: its standard deviation, as a part of the range.
    """

    value: float
    spread: float

    def check(self, domain: Scale) -> None:
        if not domain.has_order:
            raise ValueError(
                "`prior.around(...)` needs a number or an ordered Choice. Received it for "
                f"{domain.describe()}. Use prior.weights({{value: weight}})."
            )
        try:
            domain.to_unit(self.value)
        except ValueError as error:
            raise ValueError(f"`prior.around(...)` needs a value of the domain: {error}") from None

    def mode(self, domain: Scale) -> Any:
        return domain.coerce(self.value)

    def quantile(self, domain: Scale, share: float) -> float:
        from scipy import special  # here, because spaces are read in places that must be quick

        mode = domain.to_unit(self.value)
        low, high = self._ends(mode)
        unit = mode + self.spread * float(special.ndtri(low + share * (high - low)))
        return min(max(unit, 0.0), 1.0)

    def log_density(self, domain: Scale, units: Array) -> tuple[Array, Array]:
        mode = domain.to_unit(self.value)
        low, high = self._ends(mode)
        z = (units - mode) / self.spread
        height = _CERTAIN / (self.spread * _ROOT_2PI * (high - low))
        bell = height * np.exp(-0.5 * z * z)
        density = bell + (1.0 - _CERTAIN)
        return np.log(density), -bell * z / self.spread / density

    def _ends(self, mode: float) -> tuple[float, float]:
        """The shares of the whole distribution below the ends of the domain."""
        from scipy import special

        low, high = special.ndtr(np.array([-mode, 1.0 - mode]) / self.spread)
        return float(low), float(high)

    def describe(self) -> str:
        return f"around {self.value:g} +- {self.spread:.0%}"

    def to_json(self) -> dict[str, Any]:
        return {"around": self.value, "spread": self.spread}


@dataclasses.dataclass(frozen=True)
class Weights(Prior):
    """A weight for each of some values; all others have the weight 1.

    Attributes:
        pairs: values and their weights.
    """

    pairs: tuple[tuple[Any, float], ...]

    def check(self, domain: Scale) -> None:
        members = domain.members() or []
        # Whole numbers on a logarithmic scale without a step have cells of different widths.
        if not members or abs(domain.to_unit(members[0]) * len(members) - 0.5) > 1e-6:
            raise ValueError(
                "`prior.weights(...)` needs a list of values. Received it for "
                f"{domain.describe()}. Use prior.around(value)."
            )
        for value, _ in self.pairs:
            try:
                domain.to_unit(value)
            except ValueError as error:
                raise ValueError(
                    f"`prior.weights(...)` needs values of the domain: {error}"
                ) from None

    def _shares(self, domain: Scale) -> Array:
        """The probability of each value of the domain, in its order."""
        count = len(domain.members() or ())
        weights = np.ones(count)
        for value, weight in self.pairs:
            weights[min(int(domain.to_unit(value) * count), count - 1)] = weight
        return weights / weights.sum()

    def mode(self, domain: Scale) -> Any:
        return (domain.members() or [None])[int(self._shares(domain).argmax())]

    def quantile(self, domain: Scale, share: float) -> float:
        shares = self._shares(domain)
        index = int(np.searchsorted(shares.cumsum(), share, side="right"))
        return (min(index, len(shares) - 1) + 0.5) / len(shares)

    def log_density(self, domain: Scale, units: Array) -> tuple[Array, Array]:
        shares = self._shares(domain)
        codes = np.minimum((units * len(shares)).astype(int), len(shares) - 1)
        density = _CERTAIN * len(shares) * shares[codes] + (1.0 - _CERTAIN)
        return np.log(density), np.zeros(len(units))

    def describe(self) -> str:
        return ", ".join(f"{value} x{weight:g}" for value, weight in self.pairs)

    def to_json(self) -> dict[str, Any]:
        # Names of JSON's objects are texts; values may be numbers.
        return {"weights": [list(pair) for pair in self.pairs]}


@public("kerastune_lite.prior")
def around(value: float, spread: float = 0.15) -> Prior:
    """The belief that the best value is near `value`.

    It is a normal distribution on the scale of the domain: with `sampling="log"`, of the logarithm.

    Args:
        value: a number in the domain.
        spread: the standard deviation, as a part of the range: with 0.15, two of three values are
            in the 30 % of the range around `value`.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `spread` is not above 0; where it is declared: `value` is not in the domain, or
            the domain has no order.

    Example:
        >>> from kerastune_lite import prior
        >>> hp.Float("rate", 1e-5, 1e-1, sampling="log", prior=prior.around(1e-3))
        1e-05
    """
    for name, number in (("value", value), ("spread", spread)):
        if isinstance(number, bool) or not isinstance(number, numbers.Real):
            other = " For texts there is prior.weights({value: weight})."
            raise TypeError(
                f"`{name}` of prior.around() must be a number. Received: {number!r}."
                f"{other if isinstance(number, str) else ''}"
            )
    if not 0.0 < spread < math.inf:
        raise ValueError(f"`spread` must be greater than 0. Received: {spread!r}.")
    return Around(value.item() if isinstance(value, np.generic) else value, float(spread))


@public("kerastune_lite.prior")
def weights(by_value: Mapping[Any, float]) -> Prior:
    """The belief that some values of a Choice, Boolean, or short list of numbers are better.

    Args:
        by_value: for some of the values how many times more probable they are than the others,
            whose weight is 1.

    Raises:
        TypeError: `by_value` is not a dict, or a weight is not a number.
        ValueError: it is empty, or a weight is not above 0; where it is declared: a value is not in
            the domain.

    Example:
        >>> from kerastune_lite import prior
        >>> hp.Choice("activation", ["relu", "tanh", "selu"], prior=prior.weights({"tanh": 4}))
        'relu'
    """
    if not isinstance(by_value, Mapping):
        raise TypeError(f"`by_value` must be a dict of weights by value. Received: {by_value!r}.")
    if not by_value:
        raise ValueError("`by_value` must have the weight of at least one value. Received: {}.")
    for value, weight in by_value.items():
        if isinstance(weight, bool) or not isinstance(weight, numbers.Real):
            raise TypeError(f"The weight of {value!r} must be a number. Received: {weight!r}.")
        if not 0.0 < weight < math.inf:
            raise ValueError(f"The weight of {value!r} must be above 0. Received: {weight!r}.")
    plain = [v.item() if isinstance(v, np.generic) else v for v in by_value]
    return Weights(tuple(zip(plain, map(float, by_value.values()))))


def checked_prior(prior: Any, domain: Scale) -> Prior | None:
    """`prior`, or None.

    Raises:
        TypeError: it is no prior.
        ValueError: it does not fit the domain.
    """
    if isinstance(prior, Mapping):
        prior = prior_from_json(prior)
    if prior is None:
        return None
    if not isinstance(prior, Prior):
        raise TypeError(
            "`prior` must be kt.prior.around(value) or kt.prior.weights({value: weight}). "
            f"Received: {prior!r}."
        )
    prior.check(domain)
    return prior


def prior_from_json(data: Mapping[str, Any]) -> Prior:
    """The prior that `to_json` converted to `data`."""
    if "around" in data:
        return Around(data["around"], data["spread"])
    return Weights(tuple((value, weight) for value, weight in data["weights"]))
