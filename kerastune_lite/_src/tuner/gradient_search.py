"""Gradient search under a name of its own."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.algorithms.oracles.gradient import GradientOracle
from kerastune_lite._src.algorithms.oracles.oracle import Oracle
from kerastune_lite._src.core.goals import ObjectiveLike
from kerastune_lite._src.tuner.presets import refuse_part
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.public import public


@public("kerastune_lite")
class GradientSearch(Tuner):
    """Gradient descent on continuous hyperparameters of training (Maclaurin et al., 2015).

    For learning rate, momentum, weight decay, L1 and L2, dropout rate, label smoothing: the
    gradient of the validation loss through all steps of each training, by forward mode (Franceschi
    et al., 2017), and a descent with restarts on the scales of the domains; see `GradientOracle`.
    The gradient of a trial is among its metrics, as "gradient/<name>".

    The objective must have a derivative: "val_loss", not "val_accuracy". Models are Sequential or
    functional ones of Keras's own layers, trained on arrays with SGD, Adam, AdamW, Adamax, Nadam,
    RMSprop, Adagrad or Adadelta.

    Args:
        steps: the largest number of steps of a descent.
        starts: how many descents are started before the best one goes on.
        structure: an oracle for units, layers and whatever is discrete; it proposes the starts.
            None: discrete hyperparameters are refused.

    The other arguments are those of `Tuner`.

    Raises:
        ValueError: from `search()`, if a hyperparameter or the objective has no derivative.

    Example:
        >>> def build_with_rates(hp):
        ...     layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
        ...     model = keras.Sequential([keras.Input((4,)), *layers])
        ...     rate = hp.Float("lr", 1e-4, 1e-1, sampling="log")
        ...     optimizer = keras.optimizers.SGD(rate, hp.Float("momentum", 0.1, 0.95))
        ...     model.compile(optimizer, "binary_crossentropy")
        ...     return model
        >>> tuner = kt.GradientSearch(build_with_rates, "val_loss", max_trials=5, directory="runs")
        >>> tuner.search(x, y, validation_split=0.25, epochs=2, verbose=0)
        >>> sorted(name for name in tuner.trials[0].metrics if name.startswith("gradient/"))
        ['gradient/lr', 'gradient/momentum']
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: ObjectiveLike = None,
        max_trials: int | None = 10,
        steps: int = 10,
        starts: int = 3,
        structure: Oracle | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_part("oracle", kwargs, "GradientSearch")
        refuse_part("scheduler", kwargs, "GradientSearch")
        super().__init__(
            hypermodel,
            objective,
            max_trials,
            oracle=GradientOracle(steps, starts, structure),
            **kwargs,
        )
