"""The best models of a search, averaged, and what that brings."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.automatic_names import named_as_in_trials
from kerastune_lite._src.tuner.evaluating import score_of


@dataclasses.dataclass(frozen=True, repr=False)
class Ensemble:
    """An average of models, with its scores beside those of the best single model; prints both.

    Attributes:
        model: one Keras model, with the loss and the metrics of the one of the largest weight.
        weights: trial number -> weight in the average, the largest first; their sum is 1.
        objective: of the scores.
        best: the number of the best trial.
        validation: the score of the best trial's model, and that of the average, on the data by
            which the average was chosen.
        held_out: the same on held-out data; None if there are none.
        left_out: the trials whose inputs or outputs have other shapes than those of the best.
    """

    model: Any
    weights: Mapping[int, float]
    objective: Objective
    best: int
    validation: tuple[float, float]
    held_out: tuple[float, float] | None = None
    left_out: tuple[int, ...] = ()

    def __str__(self) -> str:
        shares = ", ".join(f"{number} ({weight:.2f})" for number, weight in self.weights.items())
        lines = [f"{self.objective.name} of the average of trials (weights) {shares}"]
        columns = {"validation": self.validation}
        if self.held_out is not None:
            columns["held-out"] = self.held_out
        lines.append(" " * 16 + "".join(f"{title:>12}" for title in columns))
        for row, title in enumerate((f"trial {self.best}", "average")):
            scores = [column[row] for column in columns.values()]
            lines.append(f"{title:<16}" + "".join(f"{score:>12.4f}" for score in scores))
        if self.left_out:
            numbers = ", ".join(map(str, self.left_out))
            lines.append(f"Left out, as their inputs or outputs have other shapes: {numbers}.")
        lines.append(
            "The average was chosen by the validation data: its score there is optimistic."
        )
        if self.held_out is None:
            lines.append("Data that were not used before judge it: held_out=(x_test, y_test).")
        return "\n".join(lines)

    __repr__ = __str__


Samples = tuple[Any, Any, Any]
"""Samples, their targets and their weights. Those of a dataset are in it, and None here."""


def with_targets(name: str, given: Any) -> Samples:
    """Samples, their targets and weights, which are None if there are none.

    Args:
        name: of the samples, for the message.
        given: samples, targets and perhaps weights, or a dataset that brings them.

    Raises:
        ValueError: there are samples without targets.
    """
    several = isinstance(given, (tuple, list)) and len(given) in (2, 3)
    x, y, weight = (*given, None)[:3] if several else (given, None, None)
    # Arrays, tensors and frames have a shape; datasets do not.
    if y is None and (hasattr(x, "shape") or isinstance(x, (tuple, list, dict))):
        raise ValueError(
            f"ensemble() needs the targets of all samples. Received {name} without them: "
            f"{type(x).__name__}. Write tuner.ensemble(x_val, y_val, held_out=(x_test, y_test)), "
            "or pass a dataset of samples and targets."
        )
    return x, y, weight


def ensemble_of(
    trials: Sequence[Trial],
    objective: Objective,
    load: Callable[[Trial], Any],
    data: Samples,
    held_out: Samples | None,
    size: int,
) -> Ensemble:
    """Choose which models are averaged, and average them.

    Args:
        trials: with weights, the best first.
        objective: of one goal.
        load: returns the trained model of a trial.
        data: samples that no model was trained on.
        held_out: the same, for the scores alone.
        size: how many models are drawn, the same ones several times.

    Raises:
        ValueError: there are no samples, or `evaluate` does not report the objective.
    """
    from kerastune_lite._src.keras.ensembling import ensemble, shapes

    def score(model: Any, of: Samples) -> float:
        x, y, weight = of
        reported = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
        return score_of(objective, reported, "ensemble")

    # The objective may be named after an output or a metric that Keras numbered.
    models = [named_as_in_trials(functools.partial(load, trial)) for trial in trials]
    parts = [data] if held_out is None else [data, held_out]
    of_best = [score(models[0], part) for part in parts]
    alike = [place for place, model in enumerate(models) if shapes(model) == shapes(models[0])]
    x, y, weight = data
    among = [models[place] for place in alike]
    model, weights = ensemble(among, x, y, size, seed=0, weight=weight)
    pairs = [(alone, score(model, part)) for alone, part in zip(of_best, parts)]
    return Ensemble(
        model,
        {trials[alike[place]].number: weight for place, weight in weights.items()},
        objective,
        trials[0].number,
        pairs[0],
        None if held_out is None else pairs[1],
        tuple(trial.number for place, trial in enumerate(trials) if place not in alike),
    )
