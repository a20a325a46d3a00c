"""Freeze-thaw: after each rung, a model of all learning curves says which training goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.curve_observations import (
    CurveModel,
    Hope,
    best_so_far,
    curve_model,
    hope_of,
    pauses,
)
from kerastune_lite._src.algorithms.oracles.gp.encoding import encoding_of
from kerastune_lite._src.algorithms.schedulers.rungs import (
    best_paused,
    last_rung,
    level_of,
    next_rung,
    whole_number,
)
from kerastune_lite._src.algorithms.schedulers.scheduler import (
    Decision,
    Scheduler,
    Supply,
    TrainingRequest,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.threads import one_thread

_INITIAL = 8
"""The number of trials that are begun before the model decides."""
_HOPELESS = -4.0
"""A trial is given up if the best is better than what is expected of it by so many standard
deviations,"""
_UNLIKELY = -1.65
"""and by so many if no new trial can begin."""
_IN_THE_END = Hope(2**31, 0.0)
"""To be better than the best when fully trained."""


@public("kerastune_lite.schedulers")
class FreezeThaw(Scheduler):
    """Freeze-thaw optimisation: which training goes on is decided again and again, by a model.

    Trials pause after 1, 2, 3, 4, 6, 9, ... epochs. Then a Gaussian process over all learning
    curves, with the points and the training time as inputs (similar to Swersky, Snoek and Adams,
    2014, "Freeze-thaw Bayesian optimization"), says whether to go on with a paused trial, and with
    which one, or to begin a new one. Chosen is what most probably improves on the best loss by a
    certain step within a certain number of epochs; both are drawn anew for each decision (the
    random-horizon acquisition of Rakotoarison and others, 2024, "In-context freeze-thaw Bayesian
    optimization"), but no step is larger than what may be reached. The larger the step, the more is
    a new trial preferred. There are no brackets,
    and no share of trials that has to continue.

    The oracle proposes the values of new trials: `kt.oracles.FreezeThawOracle` by the same model,
    or any other one. When no new trial can start, those continue that may still become the best,
    and the best of all is trained to `max_epochs`. A trial without a chance is completed before, so
    that its state can be deleted. The model is that of one loss: several objectives, or
    constraints, are refused. A trial that a callback stopped keeps its loss.

    Args:
        max_epochs: the largest number of epochs of a trial.

    Raises:
        TypeError: `max_epochs` is not a whole number.
        ValueError: it is below 1.

    Example:
        >>> from kerastune_lite.schedulers import FreezeThaw
        >>> FreezeThaw(max_epochs=27).rungs
        [1, 2, 3, 4, 6, 9, 13, 19, 27]
    """

    reads_curves: ClassVar[bool] = True
    stops_trials: ClassVar[bool] = False
    fills_stacks: ClassVar[bool] = False
    takes_several_goals: ClassVar[bool] = False
    default_trials: ClassVar[int | None] = 50

    def __init__(self, max_epochs: int = 100) -> None:
        self.max_epochs = whole_number("max_epochs", max_epochs, 1)
        self._ends = pauses(self.max_epochs)

    @property
    def rungs(self) -> list[int]:
        """The epochs after which trials pause; the last is `max_epochs`."""
        return list(self._ends)

    @property
    def decides_epochs(self) -> bool:
        return True

    @one_thread()
    def plan(self, history: TrialHistory, free: int, supply: Supply) -> list[TrainingRequest]:
        new = TrainingRequest(None, 0, self._ends[0], resumable=len(self._ends) > 1)
        begun = sum(trial.status is not TrialStatus.FAILED for trial in history)
        count = 0 if supply.exhausted else min(free, max(0, _INITIAL - begun))
        requests = [new] * count
        waiting = self._waiting(history)
        if len(requests) == free or not (waiting or not supply.exhausted):
            return requests or last_rung(history, self._ends)
        model = self._model(history)
        if model is None:
            return requests + ([] if supply.exhausted else [new] * (free - count))
        if supply.exhausted and waiting:
            chances = model.of_trials(waiting, _IN_THE_END).chances(_IN_THE_END)
            waiting = [t for t, chance in zip(waiting, chances) if chance > _UNLIKELY]
        for slot in range(free - count):
            hope = hope_of(history, slot, self.max_epochs)
            rng = np.random.default_rng([len(history), slot])
            chosen = self._choice(model, waiting, not supply.exhausted, hope, rng)
            if chosen is None and supply.exhausted:
                break
            if chosen is None:
                requests.append(new)
            else:
                waiting.remove(chosen)
                requests.append(next_rung(chosen, self._ends, level_of(chosen, self._ends) + 1))
        return requests or last_rung(history, self._ends)

    def judge(self, history: TrialHistory, trial: int, losses: Sequence[float]) -> Decision:
        return Decision.CONTINUE

    @one_thread()
    def finished(self, history: TrialHistory, supply: Supply) -> list[int]:
        waiting = self._waiting(history)
        able = {trial.number for trial in waiting}
        best = best_paused(history)
        given_up = {trial.number for trial in history.paused} - able
        model = self._model(history) if waiting else None
        if model is not None:
            least = _UNLIKELY if supply.exhausted else _HOPELESS
            chances = model.of_trials(waiting, _IN_THE_END).chances(_IN_THE_END)
            given_up |= {t.number for t, chance in zip(waiting, chances) if chance <= least}
        return sorted(given_up - ({best.number} if best is not None else set()))

    def settings(self) -> dict[str, Value]:
        return {**super().settings(), "max_epochs": self.max_epochs}

    # ------------------------------------------------------------------ the model

    def _waiting(self, history: TrialHistory) -> list[Trial]:
        """The paused trials that may go on, in the order of their numbers."""
        return [
            trial
            for trial in history.paused
            if level_of(trial, self._ends) < len(self._ends) - 1
            and any(math.isfinite(loss) for loss in best_so_far(history, trial, self.max_epochs))
        ]

    def _model(self, history: TrialHistory) -> CurveModel | None:
        """What the curves teach, over the space of the latest trial."""
        if not len(history):
            return None
        return curve_model(history, encoding_of(history[-1].space), self._ends)

    def _choice(
        self,
        model: CurveModel,
        waiting: Sequence[Trial],
        new: bool,
        hope: Hope,
        rng: np.random.Generator,
    ) -> Trial | None:
        """The trial that most probably fulfils a hope; None for a new one, or if there is none."""
        if not waiting:
            return None
        promise = model.of_trials(waiting, hope)
        if new:
            promise = promise.with_more(model.of_new(hope, rng)[1])
        best = int(promise.order(hope)[0])
        return waiting[best] if best < len(waiting) else None
