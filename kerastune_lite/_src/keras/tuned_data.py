"""Data that depends on hyperparameters: the argument `data` of `search()`."""

from __future__ import annotations

import inspect
import random
import sys
import types
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.keras.data_cache import DataCache
from kerastune_lite._src.space.asked import Asked
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError
from kerastune_lite._src.util.generators import kept_generators
from kerastune_lite._src.util.threads import in_turn

_SEED = 0
"""Of the global generators while data is made: the same hyperparameters give the same data."""


class TunedData:
    """Makes the data of trials, each value of it once.

    Args:
        function: `make_data(hp)`; see `Tuner.search`. None: the data is the same for all trials.
        folder: that of the project.

    Raises:
        TypeError: it is not a function.
    """

    def __init__(self, function: Callable[[HyperParameters], Any] | None, folder: Path) -> None:
        if function is not None:
            _check_function(function)
        self.function = function
        self._folder = folder
        self.cache = DataCache(folder)
        self._asked: Asked[Hashable] = Asked()
        self._made = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return TunedData, (self.function, self._folder)

    def relocated(self, folder: Path) -> TunedData:
        """The same for a machine on which the project's folder is `folder`."""
        return TunedData(self.function, folder)

    @in_turn
    def made(self, hp: HyperParameters) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The data for the hyperparameters `hp`, as arguments of `fit`.

        It may declare some, whether it is made or was kept.

        Raises:
            FatalTypeError, FatalValueError: the function returned something else.
            Exception: what the function raises.
        """
        hp.steps = self.cache
        function = self.function
        if function is None:
            return (), {}
        key = self._asked.find(hp)
        if key is None:
            key = ("data", self._made)
            self._made += 1
            with hp.recorded() as questions:
                returned = _called(function, hp)
            self._asked.keep(questions, key)
            return self.cache.get(key, lambda: returned)
        return self.cache.get(key, lambda: _called(function, hp))

    def has_made(self, hp: HyperParameters) -> bool:
        """Whether it has made the data for `hp`, for these or for other hyperparameters."""
        return self._asked.find(hp) is not None

    def close(self) -> None:
        """Forget all data."""
        self.cache.close()


def _check_function(function: Any) -> None:
    rule = "`data` is a function make_data(hp) that returns what fit() takes, such as (x, y)."
    if not callable(function):
        raise TypeError(
            f"{rule} Received: an object of type {type(function).__name__}. Pass the function "
            "without calling it: search(data=make_data). Data that is the same for all trials is "
            "passed as to fit(): search(x, y)."
        )
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise TypeError(
            f"{rule} Received: {getattr(function, '__qualname__', function)}"
            f"{inspect.signature(function)}, which cannot be called with `hp` alone. Data without "
            "hyperparameters is passed as to fit(): search(x, y)."
        ) from None
    except ValueError:
        return  # a builtin without a signature


def _called(
    function: Callable[[HyperParameters], Any], hp: HyperParameters
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    with kept_generators():
        random.seed(_SEED)
        np.random.seed(_SEED)
        if "keras" in sys.modules:
            from kerastune_lite._src.keras.session import seed_all

            seed_all(_SEED)
        return arguments_from(function(hp), "make_data(hp)")


def arguments_from(returned: Any, source: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a function of the user's returned, as arguments of `fit`.

    Args:
        source: the function, in messages.

    Raises:
        FatalTypeError, FatalValueError: it cannot be used.
    """
    if returned is None:
        raise FatalTypeError(
            f"{source} must return what fit() takes: (x, y), (x, y, validation), a dataset, or a "
            "dict of its arguments. It returned None. Did you forget `return x, y`?"
        )
    if isinstance(returned, Mapping) and "x" in returned:
        _check_lasting(source, *returned.values())
        return (), dict(returned)
    if not isinstance(returned, (tuple, list)):
        _check_lasting(source, returned)
        return (returned,), {}
    _check_lasting(source, *returned)
    if len(returned) == 2:
        return _pair(*returned)
    if len(returned) == 3:
        x, y, validation = returned
        if isinstance(validation, (tuple, list)) or _brings_batches(validation):
            return (x, y), {"validation_data": validation}
        raise FatalTypeError(
            f"{source} may return (x, y, validation), where `validation` is (x, y), too, or a "
            f"dataset. Received for `validation`: {type(validation).__name__}. Sample weights have "
            'a name: return {"x": x, "y": y, "sample_weight": weights}.'
        )
    raise FatalValueError(
        f"{source} must return (x, y), (x, y, validation), a dataset, or a dict of arguments "
        f"of fit(). It returned a {type(returned).__name__} of {len(returned)} items."
    )


def _pair(first: Any, second: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(x, y); or datasets to train and to validate."""
    if _brings_batches(first) and _brings_batches(second):
        return (first,), {"validation_data": second}
    return (first, second), {}


def _brings_batches(value: Any) -> bool:
    if "keras" not in sys.modules:
        return False
    from kerastune_lite._src.keras.data_checks import brings_batches

    return brings_batches(value)


def _check_lasting(source: str, *parts: Any) -> None:
    if any(isinstance(part, types.GeneratorType) for part in parts):
        raise FatalTypeError(
            f"{source} must return data that can be used again: several trials have the same. "
            "It returned a generator, which is used up once. Return arrays, a tf.data.Dataset, or "
            "a PyDataset."
        )
