"""What a search varies: the hyperparameters of `build(hp)`, or parameters with distributions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Union

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from kerastune_lite._src.sklearn.assignment import Assignment
from kerastune_lite._src.sklearn.builders import (
    SCIKERAS_ARGUMENTS,
    argument_names,
    builder_of,
    check_allowed,
    check_is_model,
    takes_hp,
)
from kerastune_lite._src.sklearn.distributions import Distributions
from kerastune_lite._src.sklearn.estimator_parameters import PREFIX, given_names
from kerastune_lite._src.sklearn.keras_wrappers import check_wrappers, copied
from kerastune_lite._src.space.domains import Fixed, Value, plain
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.space.reading import read_space


def built_step(estimator: BaseEstimator) -> tuple[str, Any] | None:
    """The estimator that may be built from `hp`, and the prefix of its parameters.

    It is the estimator itself, or the last step of a pipeline. Other wrappers fit copies.
    """
    if hasattr(type(estimator), "_assignment"):
        return "", estimator
    if not isinstance(estimator, Pipeline) or not estimator.steps:
        return None
    name, last = estimator.steps[-1]
    found = built_step(last)
    return None if found is None else (f"{name}__{found[0]}", found[1])


def keras_step(estimator: BaseEstimator) -> tuple[str, Any] | None:
    """The same, if it is a Keras estimator."""
    # Recognised by a method: importing its class would load TensorFlow.
    step = built_step(estimator)
    return step if step is not None and hasattr(type(step[1]), "_fit_keras_model") else None


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """The space of `build(hp)`.

    Attributes:
        prefix: of the Keras estimator's parameters.
        space: read off the builder.
        grows: whether parameters that are met during the search are tuned, too.
    """

    prefix: str
    space: Space
    grows = True

    def params(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """The arguments of `set_params` for a point of the space."""
        return {f"{self.prefix}{PREFIX}{name}": value for name, value in values.items()}


Candidates = Union[Hyperparameters, Distributions]


def candidates_of(estimator: BaseEstimator, distributions: Any, X: Any, y: Any) -> Candidates:
    """What a search varies.

    Args:
        estimator: not fitted.
        distributions: `param_distributions`; None: the space of `build(hp)`.
        X, y: data for a builder that takes `meta`.

    Raises:
        TypeError, ValueError: there is nothing to vary, the estimator does not have a parameter, or
            a given value is not allowed.
    """
    if distributions is not None:
        given = Distributions(distributions)
        _check_known(estimator, given)
        return given
    step = built_step(estimator)
    if step is None or not takes_hp(step[1]._builds_from, given_names(step[1])):
        raise TypeError(
            "A search needs to know what to vary. It can read that off build(hp) if the estimator "
            "is KerasClassifier(build) or KerasRegressor(build), or a Pipeline that ends in one. "
            f"Received: {type(estimator).__name__} without `param_distributions`. Pass them, as "
            'to RandomizedSearchCV: {"name": [1, 2, 3], ...}.'
        )
    prefix, net = step
    fixed = {name: plain(value) for name, value in (net.hyperparameters or {}).items()}
    known = Space(Parameter(name, Fixed(value), given=True) for name, value in fixed.items())
    build = _probe(estimator, net, X, y)
    if fixed:
        _check_given(build, fixed)
    space = read_space(build, known)
    if not len(space):
        raise ValueError(
            "A search needs something to vary. build(hp) asks `hp` for nothing: replace a number "
            'in it with hp.Int("units", 8, 64), for example.'
        )
    return Hyperparameters(prefix, space)


def _check_given(build: Any, given: Mapping[str, Value]) -> None:
    """Check the user's values against the ranges of `build`, which they replace in the space.

    Raises:
        ValueError: `build` does not allow one of them.
    """
    hp = HyperParameters(values=given)
    try:
        build(hp)
    finally:
        check_allowed(hp, given)


def _check_known(estimator: BaseEstimator, given: Distributions) -> None:
    known = estimator.get_params()
    check_wrappers(estimator, given.names)
    step = keras_step(estimator)
    for name in given.names:
        outer = name.rpartition("__")[0]
        # A step may be replaced, with its parameters; Keras estimators check their own.
        of_keras = step is not None and name.startswith(step[0])
        if name not in known and not of_keras and outer not in known:
            raise ValueError(
                "`param_distributions` must name parameters of the estimator, as get_params() "
                f"lists them. Received: {name!r} for {type(estimator).__name__}, which has: "
                f"{', '.join(sorted(known))}."
            )


def _probe(estimator: BaseEstimator, net: Any, X: Any, y: Any) -> Any:
    """A function of `hp` that builds the model of a Keras estimator."""
    builder = builder_of(net._builds_from)
    if builder is not None:
        names, open_ended = argument_names(builder)
        told = given_names(net) or any(name in names for name in SCIKERAS_ARGUMENTS)
        if not told and not open_ended:
            is_keras = keras_step(net) is not None
            return lambda hp: check_is_model(builder(hp)) if is_keras else builder(hp)
    prepared: list[Any] = []

    def build(hp: HyperParameters) -> None:
        if not prepared:
            prepared.append(_transformed(estimator, X, y))
        copy = clone(net)
        copy._assignment = Assignment(hp, seed=0)
        copy.initialize(prepared[0], y)

    return build


def _transformed(estimator: BaseEstimator, X: Any, y: Any) -> Any:
    """The samples as the last step receives them."""
    if not isinstance(estimator, Pipeline):
        return X
    if len(estimator.steps) > 1:
        X = copied(estimator[:-1]).fit_transform(X, y)
    return _transformed(estimator.steps[-1][1], X, y)
