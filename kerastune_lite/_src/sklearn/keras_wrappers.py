"""Keras's own estimators in a search: `keras.wrappers.SKLearnClassifier` and the two like it.

Their `clone` forgets `fit_kwargs`, so that GridSearchCV trains for one epoch whatever they say.
Here copies keep them. They may be searched as a whole, or by key: `fit_kwargs__epochs`.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import FeatureUnion, Pipeline

from kerastune_lite._src.sklearn.builders import argument_names, builder_of, is_built

_DICTS = ("fit_kwargs", "model_kwargs")
_PARAMETERS = ("model", "warm_start", *_DICTS)
_PASSED = ("X", "y")
"""What Keras passes to a function that builds a model."""


def wrappers_in(estimator: BaseEstimator) -> dict[str, Any]:
    """Keras's own estimators in an estimator, or it itself, by the prefix of their parameters."""
    keras = sys.modules.get("keras")
    if keras is None:  # Then there are none.
        return {}
    kinds = (
        keras.wrappers.SKLearnClassifier,
        keras.wrappers.SKLearnRegressor,
        keras.wrappers.SKLearnTransformer,
    )
    if isinstance(estimator, kinds):
        return {"": estimator}
    known = estimator.get_params()
    return {f"{name}__": value for name, value in known.items() if isinstance(value, kinds)}


def copied(estimator: BaseEstimator) -> Any:
    """What `clone` gives, with all parameters."""
    copy = clone(estimator)
    keep_arguments(copy, estimator)
    return copy


def keep_arguments(copy: BaseEstimator, original: BaseEstimator) -> None:
    """Give a copy the `fit_kwargs` that `clone` has forgotten."""
    copies = wrappers_in(copy)
    for prefix, wrapper in wrappers_in(original).items():
        # Not the same dict: Keras's `fit` adds its arguments to it.
        copies[prefix].fit_kwargs = clone(wrapper.fit_kwargs, safe=False)


def configured(estimator: BaseEstimator, params: Mapping[str, Any]) -> Any:
    """A copy with other parameters; `fit_kwargs__epochs` is one of them, too.

    Args:
        params: as for `set_params`.
    """
    copy = copied(estimator)
    params = clone(dict(params), safe=False)
    wrappers = wrappers_in(copy)
    keys = {name: _parts(name) for name in params}
    keys = {n: p for n, p in keys.items() if p[0] in wrappers and p[1] in _DICTS}
    copy.set_params(**{name: value for name, value in params.items() if name not in keys})
    for name, (prefix, parameter, key) in keys.items():
        given = getattr(wrappers[prefix], parameter) or {}
        wrappers[prefix].set_params(**{parameter: {**given, key: params[name]}})
    return copy


def _parts(name: str) -> tuple[str, str, str]:
    """`net__fit_kwargs__epochs` as "net__", "fit_kwargs" and "epochs"."""
    before, _, key = name.rpartition("__")
    prefix, _, parameter = before.rpartition("__")
    return f"{prefix}__" if prefix else "", parameter, key


def check_wrappers(estimator: BaseEstimator, names: Collection[str]) -> None:
    """Check that Keras's own estimators can be trained, and with the parameters of a search.

    Args:
        names: of the parameters that vary.

    Raises:
        TypeError, ValueError: one of them cannot.
    """
    directly = dict(_fitted_directly(estimator))
    for prefix, wrapper in wrappers_in(estimator).items():
        varied = [n.removeprefix(prefix) for n in names if n.startswith(prefix)]
        if "model" not in varied:
            _check_model(wrapper, prefix, varied)
        for name in varied:
            _check_name(wrapper, prefix, name)
        if prefix not in directly:
            _check_not_lost(estimator, wrapper, prefix, varied)


def _fitted_directly(estimator: BaseEstimator, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The estimators whose `fit` is called, not that of a copy: the steps of a Pipeline, say."""
    yield prefix, estimator
    steps: Sequence[tuple[str, Any]] = ()
    if isinstance(estimator, Pipeline):
        # With a cache it fits copies of all steps but the last.
        steps = estimator.steps if estimator.memory is None else estimator.steps[-1:]
    elif isinstance(estimator, FeatureUnion):
        steps = estimator.transformer_list
    elif getattr(type(estimator), "_keeps_fit_kwargs", False):
        steps = [("estimator", estimator.estimator)]
    for name, step in steps:
        yield from _fitted_directly(step, f"{prefix}{name}__")


def _check_not_lost(
    estimator: BaseEstimator, wrapper: Any, prefix: str, varied: Sequence[str]
) -> None:
    names = [name for name in varied if name.partition("__")[0] == "fit_kwargs"]
    if wrapper.fit_kwargs or names:
        received = names[0] if names else f"fit_kwargs={wrapper.fit_kwargs!r}"
        raise ValueError(
            f"`fit_kwargs` of Keras's {type(wrapper).__name__} have an effect in the estimator of "
            "a search and in steps of Pipelines without a cache. What else an estimator may be in "
            f"fits copies, and copies of Keras forget them. Received: {prefix}{received} for "
            f"{type(estimator).__name__}. Use kerastune_lite.sklearn.KerasClassifier or "
            "KerasRegressor there, with epochs=10, for example."
        )


def _check_name(wrapper: Any, prefix: str, name: str) -> None:
    parameter, _, key = name.partition("__")
    if key and parameter == "fit_kwargs":
        known = [n for n in _names_of_fit() if n not in ("self", "x", "y")]
        if key not in known:
            raise _unknown(f"{prefix}{name}", key, known, "Model.fit()")
    elif name not in _PARAMETERS and not (key and parameter == "model_kwargs"):
        hint = f" Did you mean {prefix}model_kwargs__{key or name}?"
        raise ValueError(
            f"Keras's {type(wrapper).__name__} has the parameters {', '.join(_PARAMETERS)}; and "
            "`model_kwargs__<name>` is searched for an argument of the function that builds, "
            f"`fit_kwargs__<name>` for one of Model.fit(). Received: {prefix}{name}.{hint}"
        )


def _check_model(wrapper: Any, prefix: str, varied: Sequence[str]) -> None:
    """Check what builds against the arguments that it gets.

    Raises:
        TypeError: it is no function, no model, or a function without `X` and `y`.
        ValueError: it is a model that is not compiled, or does not take one of `model_kwargs`.
    """
    model, kind = wrapper.model, type(wrapper).__name__
    keys = list(wrapper.model_kwargs or {})
    keys += [n.partition("__")[2] for n in varied if n.startswith("model_kwargs__")]
    if is_built(model):
        if not model.compiled:
            raise ValueError(
                f"Keras's {kind} trains a model that is compiled. Received: {prefix}model="
                f"{model!r}, which is not. Call its compile(), with a loss."
            )
        if keys or "model_kwargs" in varied:
            raise ValueError(
                f"`model_kwargs` of Keras's {kind} are for a function that builds the model. "
                f"Received: {prefix}model={model!r}, which is built. Pass a function of X, y and "
                f"{', '.join(keys) or 'more arguments'} that returns a compiled model."
            )
        return
    builder = builder_of(model)
    if builder is None:
        raise TypeError(
            f"`model` of Keras's {kind} must be a compiled Keras model, or a function of X and y "
            f"that returns one. Received: {prefix}model={model!r}."
        )
    known, open_ended = argument_names(builder)
    if open_ended:
        return
    if not set(_PASSED) <= set(known):
        raise TypeError(
            f"Keras's {kind} calls the function that builds with X=..., y=... and `model_kwargs`. "
            f"Received: {prefix}model, a function of {', '.join(known) or 'nothing'}. Give it the "
            "arguments X and y; or, if it is build(hp), use kerastune_lite.sklearn.KerasClassifier "
            "or KerasRegressor."
        )
    for key in keys:
        if key not in known:
            own = [name for name in known if name not in _PASSED]
            raise _unknown(f"{prefix}model_kwargs__{key}", key, own, "the function that builds")


def _names_of_fit() -> list[str]:
    return list(inspect.signature(sys.modules["keras"].Model.fit).parameters)


def _unknown(name: str, key: str, known: Sequence[str], of: str) -> ValueError:
    close = difflib.get_close_matches(key, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return ValueError(
        f"{name} must name an argument of {of}: {', '.join(known) or 'it has no others'}. "
        f"Received: {key!r}.{hint}"
    )
