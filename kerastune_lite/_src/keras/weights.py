"""Weights on disk, in Keras's own format, written atomically."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.keras.build_configs import build_from
from kerastune_lite._src.keras.compat.saving import quick_walks
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.threads import in_turn
from kerastune_lite._src.util.whole_files import replacing


@in_turn
def save_weights(model: Any, path: Path) -> None:
    """Write the weights of `model` to `path`, atomically.

    Args:
        path: ends in `.weights.h5`; its folder is created.

    Raises:
        StoreError: they could not be written; an earlier file of that name is unchanged.
    """
    name = path.name.replace(".weights.h5", ".partial.weights.h5")
    mend = "Free some space (or set keep_checkpoints lower)"
    with replacing(path, name, "The weights", mend) as scratch, warnings.catch_warnings():
        # A warning of NumPy about conversions by Keras and TensorFlow.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        with _full_disk_as_os_error(), _taken_for_built(model), quick_walks():
            model.save_weights(scratch)


@contextlib.contextmanager
def _taken_for_built(model: Any) -> Iterator[None]:
    """Mark a model with variables as built in the body, even if it was never called.

    Keras saves only built models, and a user's own train_step may call only parts of the model.
    """
    built = model.built
    model.built = built or bool(model.weights)
    try:
        yield
    finally:
        model.built = built


@contextlib.contextmanager
def _full_disk_as_os_error() -> Iterator[None]:
    """Raise OSError if HDF5 cannot write; its exception depends on where it failed."""
    try:
        yield
    except RuntimeError as error:
        # h5py: "Can't decrement id ref count (unable to extend file properly)", for example.
        if isinstance(error, (NotImplementedError, RecursionError)):
            # These kinds of RuntimeError are about the model, not the disk.
            raise
        raise OSError(str(error)) from error


@in_turn
def assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Set variables to arrays of their shapes and dtypes."""
    in_tensorflow = load_keras().backend.backend() == "tensorflow"
    for variable, value in zip(variables, values, strict=True):
        if in_tensorflow:
            # Keras's own takes three times as long: it makes a tensor, and casts it to its dtype.
            variable.value.assign(value, read_value=False)
        else:
            variable.assign(value)


@in_turn
def load_weights(model: Any, path: Path, build_config: Mapping[str, Any] | None) -> None:
    """Load weights that `save_weights` wrote.

    Args:
        build_config: from `build_config_of`, for a model whose builder leaves it without variables.

    Raises:
        StoreError: the file is missing or does not fit the model.
    """
    with warnings.catch_warnings():
        # The file has the optimizer's state, too, but the new optimizer has no variables for it.
        warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
        failure = None if build_config is None else build_from(model, build_config)
        # Permanently: it has all variables that it will get.
        model.built = model.built or bool(model.weights)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            hint = (
                "Has the builder changed since the search?"
                if model.weights and build_config is None
                else "Has the builder changed since the search? A subclassed model is safest when "
                "build(hp) creates its variables, by calling it on an example."
            )
            raise StoreError(
                f"The weights {path} cannot be loaded into the model that build(hp) makes: "
                f"{failure or error}. {hint}"
            ) from error


def build_optimizer(model: Any) -> None:
    """Create the variables of an optimizer that has none, as a training would do.

    Otherwise Keras warns when the user saves this model and loads it again.
    """
    optimizer = getattr(model, "optimizer", None)  # it may not be compiled
    if optimizer is not None and not optimizer.built and model.trainable_variables:
        optimizer.build(model.trainable_variables)
