"""The user's model as a class: `build(hp)` makes it, `fit(hp, model, ...)` trains it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.errors import FatalTypeError
from kerastune_lite._src.util.public import public


def _honouring_tunable(build: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(build)
    def wrapper(self: Any, hp: HyperParameters, *args: Any, **kwargs: Any) -> Any:
        if not self.tunable:
            # Not hp.copy(): it fills in new parameters as the search does, perhaps with random
            # values.
            hp = HyperParameters(hp.space, hp.values)
        return build(self, hp, *args, **kwargs)

    return wrapper


@public("kerastune_lite")
class HyperModel:
    """A model with hyperparameters. Subclass it, or pass a plain function `build(hp)` to a tuner.

    Args:
        name: for the user's own use.
        tunable: if false, `build` gets a copy of `hp`: what it declares keeps its default and does
            not enter the search.

    Example:
        >>> class Classifier(kt.HyperModel):
        ...     def build(self, hp):
        ...         return build(hp)  # as in `RandomSearch`
        ...
        ...     def fit(self, hp, model, *args, **kwargs):
        ...         return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)
        >>> tuner = kt.RandomSearch(Classifier(), "val_loss", max_trials=3, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, epochs=2, verbose=0)
    """

    name: str | None = None
    tunable: bool = True

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:
        self.name = name
        self.tunable = tunable

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "build" in cls.__dict__:
            cls.build = _honouring_tunable(cls.__dict__["build"])  # type: ignore[method-assign]

    def build(self, hp: HyperParameters) -> Any:
        """A compiled Keras model for the hyperparameters `hp`."""
        raise NotImplementedError(f"{type(self).__name__} must define build(self, hp).")

    def fit(self, hp: HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train `model`; override it to train in another way.

        Args:
            hp: hyperparameters may be declared here, too.
            model: what `build` returned.
            *args, **kwargs: the arguments of `search()`, and `callbacks`. Pass the callbacks to
                `model.fit`, or call their `on_epoch_end(epoch, logs)` in your own loop.

        Returns:
            A History, a dict of metrics, or the objective's value as a float.
        """
        return model.fit(*args, **kwargs)

    def declare_hyperparameters(self, hp: HyperParameters) -> None:
        """Declare hyperparameters in `hp` before the first `build`. Does nothing by default."""


class FunctionHyperModel(HyperModel):
    """A HyperModel around a function.

    Args:
        function: called with `hp`, returns a compiled model.
    """

    def __init__(self, function: Callable[[HyperParameters], Any]) -> None:
        super().__init__(name=getattr(function, "__name__", None))
        self.function = function

    def build(self, hp: HyperParameters) -> Any:
        return self.function(hp)


def get_hypermodel(given: Any) -> Any:
    """A HyperModel from what users pass: an instance, a function, or None.

    Raises:
        TypeError: it is none of these.
    """
    if given is None or isinstance(given, HyperModel):
        return given
    if isinstance(given, type):
        raise TypeError(
            f"`hypermodel` must be an instance. Received the class {given.__name__}: write "
            f"{given.__name__}(...)."
        )
    # Keras need not be loaded to recognise one of its models.
    if any(k.__name__ == "Model" and k.__module__.startswith("keras") for k in type(given).__mro__):
        raise TypeError(
            "`hypermodel` must be a function build(hp) that makes a model: each trial trains a new "
            f"one. Received a model: {given!r}. Write def build(hp): ... return model, and pass "
            "build, without calling it."
        )
    if callable(getattr(given, "build", None)) and callable(getattr(given, "fit", None)):
        return given
    if callable(given):
        return FunctionHyperModel(given)
    raise TypeError(
        "`hypermodel` must be a function build(hp) that returns a compiled model, or a "
        f"HyperModel. Received: {given!r} of type {type(given).__name__}."
    )


def overrides_fit(hypermodel: Any) -> bool:
    """Whether `fit` is the user's own."""
    own = getattr(hypermodel, "__dict__", {})
    return "fit" in own or getattr(type(hypermodel), "fit", None) is not HyperModel.fit


def accepts(function: Callable[..., Any], name: str) -> bool:
    """Whether a user's function accepts the keyword `name`."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
    )


def has_parameter(function: Callable[..., Any], name: str) -> bool:
    """Whether a user's function has a parameter of its own called `name`."""
    return name in inspect.signature(function).parameters


def check_takes_callbacks(hypermodel: Any) -> None:
    """Raise if the user's own `fit` does not accept `callbacks`.

    Raises:
        FatalTypeError: it does not accept them.
    """
    if overrides_fit(hypermodel) and not accepts(hypermodel.fit, "callbacks"):
        raise FatalTypeError(
            "HyperModel.fit() receives `callbacks`: they report each epoch and keep the best "
            f"weights. {type(hypermodel).__name__}.fit() does not take them: write "
            "def fit(self, hp, model, *args, callbacks=None, **kwargs) and pass them to "
            "model.fit(callbacks=callbacks), or call their on_epoch_end(epoch, logs)."
        )
