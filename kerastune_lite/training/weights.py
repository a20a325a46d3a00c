"""Weights on disk, in Keras's own format, written so that no half of a file is ever seen."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerastune_lite.errors import StoreError
from kerastune_lite.threads import in_turn
from kerastune_lite.training.whole_files import replacing


@in_turn
def save_weights(model: Any, path: Path) -> None:
    """Write the weights of `model` to `path`, atomically.

    Args:
        path: ends in `.weights.h5`; its folder is made.

    Raises:
        StoreError: they could not be written; an earlier file of that name is untouched.
    """
    name = path.name.replace(".weights.h5", ".partial.weights.h5")
    mend = "Free some space (or set keep_checkpoints lower)"
    with replacing(path, name, "The weights", mend) as scratch, warnings.catch_warnings():
        # Between Keras and TensorFlow, about their own conversions to NumPy.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        with _full_disk_as_os_error():
            model.save_weights(scratch)


@contextlib.contextmanager
def _full_disk_as_os_error() -> Iterator[None]:
    """HDF5 reports a failed write by one exception or another, by where it happened."""
    try:
        yield
    except RuntimeError as error:
        # h5py: "Can't decrement id ref count (unable to extend file properly)" and the like.
        if isinstance(error, (NotImplementedError, RecursionError)):
            # Kinds of RuntimeError that say something of the model, not of the disk.
            raise
        raise OSError(str(error)) from error


@in_turn
def load_weights(model: Any, path: Path, build_config: Mapping[str, Any] | None) -> None:
    """Load weights that `save_weights` wrote.

    Args:
        build_config: from `build_config_of`, for a model whose builder leaves it without variables.

    Raises:
        StoreError: the file is missing or does not fit the model.
    """
    with warnings.catch_warnings():
        # The file holds the optimizer's state, too, and the new model's has none to be loaded.
        warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
        # Where that is so, loading fails, and the error below says what to do.
        warnings.filterwarnings("ignore", message=r"(?s).*had a build config, but the model")
        try:
            if not model.built and build_config is not None:
                model.build_from_config(with_tuples(dict(build_config)))
                # As Keras does when it loads a whole model: the layers are built by now, and a
                # subclass without a build() of its own does not notice.
                model.built = True
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            hint = (
                "Has the builder changed since the search?"
                if model.built and build_config is None
                else "Has the builder changed since the search? A subclassed model is safest when "
                "build(hp) creates its variables, by calling it on an example."
            )
            raise StoreError(
                f"The weights {path} cannot be loaded into the model that build(hp) makes: "
                f"{error}. {hint}"
            ) from error


def build_config_of(model: Any) -> dict[str, Any] | None:
    """What the model needs to make its variables again, as far as JSON can hold it."""
    try:
        config = json.loads(json.dumps(model.get_build_config()))
    except (TypeError, ValueError, NotImplementedError):
        # It has none that JSON can hold, or Keras raises: the model is built without it.
        return None
    return config or None


def with_tuples(nested: Any) -> Any:
    """Shapes as the tuples they were before they went through JSON."""
    if isinstance(nested, dict):
        return {name: with_tuples(each) for name, each in nested.items()}
    if isinstance(nested, list):
        is_shape = all(size is None or isinstance(size, int) for size in nested)
        return tuple(nested) if is_shape else [with_tuples(each) for each in nested]
    return nested
