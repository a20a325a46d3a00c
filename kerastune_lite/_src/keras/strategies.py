"""TensorFlow's distribution strategies: a model is made in the scope of one, on all its devices."""

from __future__ import annotations

import contextlib
from typing import Any

from kerastune_lite._src.keras.loading import first_import_of, load_keras
from kerastune_lite._src.util.public import public


@public("kerastune_lite.engine.tuner")
def maybe_distribute(distribution_strategy: Any) -> contextlib.AbstractContextManager[Any]:
    """The scope of a `tf.distribute.Strategy`; nothing changes in it if there is none (None).

    Args:
        distribution_strategy: the strategy, or None.

    Example:
        >>> from kerastune_lite.engine.tuner import maybe_distribute
        >>> with maybe_distribute(None):
        ...     model = keras.Sequential([keras.layers.Dense(1)])
    """
    if distribution_strategy is None:
        return contextlib.nullcontext()
    scope: contextlib.AbstractContextManager[Any] = distribution_strategy.scope()
    return scope


def checked_strategy(strategy: Any) -> Any:
    """The argument `distribution_strategy` of a tuner, if models can be trained with it.

    Raises:
        TypeError: it is none of TensorFlow's strategies.
        ValueError: it is one of several machines, or Keras has another backend.
    """
    if strategy is None:
        return None
    backend = load_keras().backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            "`distribution_strategy` needs Keras's TensorFlow backend. Received: "
            f"{strategy!r}, with the {backend} backend. Set the environment variable "
            "KERAS_BACKEND=tensorflow, or call keras.distribution.set_distribution(...) before the "
            "search."
        )
    with first_import_of("tensorflow"):
        import tensorflow as tf
    if not isinstance(strategy, tf.distribute.Strategy):
        raise TypeError(
            "`distribution_strategy` is a tf.distribute.Strategy, or None. Received: "
            f"{strategy!r} of type {type(strategy).__name__}. Write "
            "distribution_strategy=tf.distribute.MirroredStrategy(), for example."
        )
    of_several = tf.distribute.MultiWorkerMirroredStrategy, tf.distribute.ParameterServerStrategy
    if isinstance(strategy, of_several):
        raise ValueError(
            "`distribution_strategy` uses the devices of one machine. Received: "
            f"{strategy!r}, a strategy for several processes (TF_CONFIG). Use "
            "tf.distribute.MirroredStrategy(), or train trials side by side: with "
            "search(workers=...) on one machine, with search(runner='ray') on several "
            "(docs/scaling.md)."
        )
    return strategy
