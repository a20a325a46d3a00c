"""The models of trials: built by the user's code, compiled, checked."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable
from typing import Any

from kerastune_lite._src.keras.compat.models import compile_arguments
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.strategies import maybe_distribute
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.errors import FailedTrialError, FatalTypeError, FatalValueError
from kerastune_lite._src.util.threads import in_turn


@dataclasses.dataclass(frozen=True)
class ModelFactory:
    """Builds the models of a search.

    Attributes:
        hypermodel: has `build(hp)`, and `fit(hp, model, ...)` to train with; None: there are no
            models to build.
        optimizer, loss, metrics: override those that the builder compiled with.
        max_model_size: the largest number of parameters; trials with larger models are rejected.
        build_instead: called instead of `hypermodel.build`.
        strategy: a `tf.distribute.Strategy`, in whose scope models are made.
    """

    hypermodel: Any
    optimizer: Any = None
    loss: Any = None
    metrics: Any = None
    max_model_size: int | None = None
    build_instead: Callable[[HyperParameters], Any] | None = None
    strategy: Any = None

    @in_turn
    def build(self, hp: HyperParameters) -> Any:
        """The compiled model for `hp`.

        Raises:
            FatalTypeError: the result is not a Keras model, or an override cannot be copied.
            FatalValueError: an optimizer or a loss is missing.
            FailedTrialError: the model is larger than `max_model_size`.
        """
        load_keras()  # silently, before the builder imports it
        with self.scope():
            model = self.build_unchecked(hp)
            check_is_model(model)
            self._compile(model)
        check_size(model, self.max_model_size)
        return model

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """In it the variables of models and optimizers are made; `fit` enters it by itself."""
        return maybe_distribute(self.strategy)

    def build_unchecked(self, hp: HyperParameters) -> Any:
        """What the user's code returns, of any type."""
        return (self.build_instead or self.hypermodel.build)(hp)

    def described(self) -> Any:
        """The overrides as JSON; None without any."""
        return {name: described(value) for name, value in self._overrides.items()} or None

    @property
    def _overrides(self) -> dict[str, Any]:
        named = {name: getattr(self, name) for name in ("optimizer", "loss", "metrics")}
        return {name: value for name, value in named.items() if value is not None}

    def _compile(self, model: Any) -> None:
        """Compile `model` again if the tuner has its own optimizer, loss or metrics."""
        overrides = self._overrides
        if not overrides:
            return
        compiled = compile_arguments(model)
        compiled.update((name, _fresh(name, value)) for name, value in overrides.items())
        missing = [name for name in ("optimizer", "loss") if compiled.get(name) is None]
        # A builder may compile without a loss on purpose, with its own train_step() or add_loss().
        if missing and not model.compiled:
            raise FatalValueError(
                "A model must be compiled with an optimizer and a loss, by build(hp) or by the "
                f"tuner's own arguments. Missing: {' and '.join(missing)}."
            )
        model.compile(**compiled)


def check_is_model(model: Any) -> None:
    """Raise unless a builder returned a Keras model.

    Raises:
        FatalTypeError: it returned something else.
    """
    if not isinstance(model, load_keras().Model):
        hint = " Did you forget `return model`?" if model is None else ""
        if _is_of_keras_2(model):
            hint = (
                " It must be one of Keras 3. This one is of Keras 2 (the package tf_keras): "
                "import everything from `keras` instead of `tf_keras`; and if it was made with "
                "tf.keras, unset the environment variable TF_USE_LEGACY_KERAS."
            )
        raise FatalTypeError(
            "build(hp) must return a Keras model."
            f"{hint} Received: {model!r} of type {type(model).__name__}."
        )


def _is_of_keras_2(model: Any) -> bool:
    """Whether it is a model of Keras 2, which need not be installed."""
    # Before Keras 3, Keras was a part of TensorFlow, with its code in `keras.engine`.
    packages = ("tf_keras.", "keras.engine.", "tensorflow.python.keras.")
    return any(f"{base.__module__}.".startswith(packages) for base in type(model).__mro__)


def _fresh(name: str, override: Any) -> Any:
    """A copy of the optimizer, loss or metrics, so that trials share no state.

    Raises:
        FatalTypeError: it cannot be copied.
    """
    keras = load_keras()
    if isinstance(override, dict):
        return {key: _fresh(name, each) for key, each in override.items()}
    if isinstance(override, (list, tuple)):
        return [_fresh(name, each) for each in override]
    # Losses are functions of their arguments, without a state.
    if not isinstance(override, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return override
    try:
        return type(override).from_config(override.get_config())
    except (TypeError, ValueError, NotImplementedError) as error:
        # Keras's base class raises the last one if a class has no get_config().
        raise FatalTypeError(
            f"Each model gets a copy of the tuner's `{name}`, made with get_config() and "
            f"from_config(). {type(override).__name__} cannot be copied: {error}. Define its "
            "get_config() so that it returns the arguments of its __init__, or compile with it in "
            "build(hp)."
        ) from error


def check_size(model: Any, max_model_size: int | None) -> None:
    """Raise if the model is too large, counting the variables that exist by now.

    Raises:
        FailedTrialError: it is larger than `max_model_size`.
    """
    if max_model_size is None or not model.weights:
        return
    size = model_size(model)
    if size > max_model_size:
        raise FailedTrialError(
            f"The model has {size:,} parameters, more than the {max_model_size:,} that "
            "max_model_size or a constraint allows."
        )


def model_size(model: Any) -> int:
    """The number of parameters, trainable or not, of the layers that are built by now."""
    return sum(math.prod(weight.shape) for weight in model.weights)


def check_compiled(model: Any) -> None:
    """Raise unless `model.fit` can be called; a `fit` of the model's own may do without `compile`.

    Raises:
        FatalValueError: it was not compiled.
    """
    if not model.compiled and type(model).fit in _fits_of_keras():
        raise FatalValueError(
            "build(hp) must compile its model, or the tuner must receive `optimizer` and `loss`. "
            "Call model.compile(optimizer=..., loss=..., metrics=[...]) before returning it."
        )


def _fits_of_keras() -> set[Any]:
    """The methods `fit` of Keras's own classes of models."""
    keras = load_keras()
    return {keras.Model.fit, keras.Sequential.fit}
