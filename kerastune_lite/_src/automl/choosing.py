"""The networks that are kept of a search, and how well they do together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.analysis.ensembling import select
from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.automl.scoring import loss_of, score_of
from kerastune_lite._src.automl.searching import KEPT
from kerastune_lite._src.automl.targets import Targets
from kerastune_lite._src.core.trial import Trial


def outputs_of(model: Any, x: np.ndarray) -> np.ndarray:
    """What a model with one output returns for samples: `(n, outputs)`."""
    from kerastune_lite._src.sklearn.prediction import predict

    return np.asarray(predict(model, x, {"verbose": 0}))


class Chosen:
    """The networks that are averaged, and how well they do on the validation rows.

    Args:
        tuner: with the trials.
        task: "classification", "multilabel" or "regression".
        held_out: the validation rows, encoded.
        targets: for what outputs mean.
        several: whether there may be more than one.
        seed: of the choice among them.

    Raises:
        ValueError: no trial was completed; the message says why.
    """

    def __init__(
        self, tuner: Any, task: str, held_out: Rows, targets: Targets, several: bool, seed: int
    ) -> None:
        self._task, self._held_out, self._targets = task, held_out, targets
        self._models: dict[int, Any] = {}
        self.trials: list[Trial] = []
        outputs = []
        tuner.get_best_hyperparameters()  # raises if there is none, with the reason
        for trial in tuner.get_best_trials(KEPT if several else 1):
            model = tuner.load_model(trial)
            predicted = targets.probabilities(outputs_of(model, held_out.x))
            if np.isfinite(predicted).all():
                self._models[len(self.trials)] = model
                self.trials.append(trial)
                outputs.append(predicted)
        y, weights = held_out.y, held_out.weights

        def loss_on(rows: np.ndarray, predicted: np.ndarray) -> float:
            of_rows = None if weights is None else weights[rows]
            return loss_of(task, y[rows], predicted, of_rows)

        self.losses = [loss_of(task, y, each, weights) for each in outputs]
        self.scores = [score_of(task, y, each, weights) for each in outputs]
        self.weights: Mapping[int, float] = select(outputs, loss_on, seed)
        mean = np.sum([weight * outputs[i] for i, weight in self.weights.items()], axis=0)
        self.loss = loss_of(task, y, mean, weights)
        self.score = score_of(task, y, mean, weights)

    def loss_of(self, model: Any) -> float:
        """The loss of a model on the validation rows; infinite if its outputs are not finite."""
        predicted = self._targets.probabilities(outputs_of(model, self._held_out.x))
        if not np.isfinite(predicted).all():
            return np.inf
        return loss_of(self._task, self._held_out.y, predicted, self._held_out.weights)

    @property
    def members(self) -> list[Trial]:
        """The trials that are averaged, the heaviest first."""
        return [self.trials[place] for place in self.weights]

    def models(self) -> list[Any]:
        """Their models, as the search trained them."""
        return [self._models[place] for place in self.weights]
