"""`param_distributions`, as RandomizedSearchCV takes them, as a search space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Domain, Value
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.parameters import Condition, Parameter, Space
from kerastune_lite._src.util.describing import label

_WHICH = "param_distributions"
"""The parameter that selects one of several dicts."""
_EDGE = 2.0**-20
"""How near to 0 and 1 quantiles are taken: at 0 and 1 the value may be infinite."""
_SEEDS = 2**31 - 1

Decode = Callable[[Value], Any]


class Distributions:
    """A space over an estimator's parameters.

    Attributes:
        space: the space.
        grows: whether parameters that are met during the search are tuned, too.
        grid_size: how many points a grid over it has.

    Args:
        given: name -> list of values, frozen distribution of scipy.stats, or domain; or a list of
            such dicts, of which each point uses one.

    Raises:
        TypeError, ValueError: it is something else, or it is empty.
    """

    grows = False

    def __init__(self, given: Any) -> None:
        dicts = list(given) if isinstance(given, (list, tuple)) else [given]
        if not dicts or not all(isinstance(each, Mapping) and each for each in dicts):
            raise TypeError(
                "`param_distributions` must be a dict of names and distributions, a list of such "
                f"dicts, or None for the space of build(hp). Received: {given!r}."
            )
        parameters: list[Parameter] = []
        if len(dicts) > 1:
            parameters.append(Parameter(_WHICH, Choice(tuple(range(len(dicts))))))
        self._decodes: list[dict[str, Decode]] = []
        self.grid_size = 0
        for place, each in enumerate(dicts):
            conditions = (Condition(_WHICH, (place,)),) if len(dicts) > 1 else ()
            decodes: dict[str, Decode] = {}
            points = 1
            for name, distribution in each.items():
                domain, decodes[name] = domain_of(name, distribution)
                parameters.append(Parameter(name, domain, conditions))
                points *= len(domain.grid())
            self._decodes.append(decodes)
            self.grid_size += points
        self.space = Space(parameters)

    @property
    def names(self) -> list[str]:
        """The parameters that may be set."""
        return [name for name in self.space.names if name != _WHICH]

    def params(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """The arguments of `set_params` for a point of the space."""
        decodes = self._decodes[int(values.get(_WHICH) or 0)]
        return {name: decodes[name](values[name]) for name in decodes if name in values}


def domain_of(name: str, given: Any) -> tuple[Domain, Decode]:
    """A domain, and a function from its values to those of the parameter.

    Raises:
        TypeError: `given` is not a distribution.
        ValueError: it is an empty list.
    """
    if isinstance(given, Domain):
        return given, _itself
    if isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, (str, bytes)):
        return _listed(name, list(given))
    if callable(getattr(given, "ppf", None)) and callable(getattr(given, "support", None)):
        return _frozen(given)
    if callable(getattr(given, "rvs", None)):
        # It can only be drawn from: a point of the space is the seed.
        domain = Int(0, _SEEDS)
        return domain, lambda seed: _plain(given.rvs(random_state=seed))
    raise TypeError(
        "A parameter's distribution must be a list of values, a frozen distribution of scipy.stats "
        "(anything with `rvs`), or a domain of kerastune_lite.hyperparameters. Received: "
        f"{name}={given!r}."
    )


def _itself(value: Value) -> Any:
    return value


def _listed(name: str, values: list[Any]) -> tuple[Domain, Decode]:
    if not values:
        raise ValueError(f"A list of values must hold at least one. Received: {name}=[].")
    try:
        choice = Choice(tuple(values))
    except Exception:
        # Objects, or values of several types: each gets a label.
        labels = [f"{place}: {label(value)}" for place, value in enumerate(values)]
        meaning: dict[Value, Any] = dict(zip(labels, values))
        return Choice(tuple(labels)), meaning.__getitem__
    return choice, _itself


def _frozen(given: Any) -> tuple[Domain, Decode]:
    low, high = (_plain(end) for end in given.support())
    name = getattr(getattr(given, "dist", None), "name", "")
    domain: Domain
    if name == "randint":
        domain = Int(int(low), int(high), default=int((low + high) // 2))
        return domain, _itself
    if name == "uniform" and low < high:
        domain = Float(float(low), float(high), default=(low + high) / 2)
        return domain, _itself
    if name in ("loguniform", "reciprocal") and low > 0:
        middle = float(np.sqrt(low * high))
        if np.isclose(given.ppf(0.5), middle):  # else it is shifted
            return Float(float(low), float(high), sampling="log", default=middle), _itself
    whole = callable(getattr(given, "pmf", None))

    def quantile(unit: Value) -> Any:
        value = _plain(given.ppf(unit))
        return int(value) if whole else value

    return Float(_EDGE, 1.0 - _EDGE, default=0.5), quantile


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else value
