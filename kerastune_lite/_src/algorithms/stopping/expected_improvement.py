"""End a search when a model of it expects too little of more trials."""

from __future__ import annotations

import dataclasses
import math
import numbers
from abc import abstractmethod
from typing import Any

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.acquisition import log_expected_improvement
from kerastune_lite._src.algorithms.oracles.gp.activity import expected, learned_rules
from kerastune_lite._src.algorithms.oracles.gp.encoding import encoding_of
from kerastune_lite._src.algorithms.oracles.gp.model import Data, Posterior, Priors, fitted
from kerastune_lite._src.algorithms.oracles.gp.observations import observe
from kerastune_lite._src.algorithms.oracles.gp.selection import chosen
from kerastune_lite._src.algorithms.oracles.gp.surface import candidates
from kerastune_lite._src.algorithms.stopping.rule import StoppingRule
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.util.formatting import score_text
from kerastune_lite._src.util.public import public
from kerastune_lite._src.util.threads import one_thread

_LEAST = 16
"""Before so many trials have a loss, a model knows too little."""
_FITTED = 200
_LEADERS = 16
_DELTA = 0.1
_SHRUNK = 5.0
"""By what the width of the confidence bound is divided, as in the paper."""


class _ByModel(StoppingRule):
    """A rule that asks a Gaussian process over the points of the space.

    That takes some hundredths of a second after each trial.
    """

    one_objective = True

    @one_thread()
    def reason(self, history: TrialHistory) -> str | None:
        outlook = _outlook(history)
        return None if outlook is None else self._judge(outlook)

    @abstractmethod
    def _judge(self, outlook: Outlook) -> str | None:
        """Why the search should end, in words, given this `outlook`; None if it should continue."""


@public("kerastune_lite.stopping")
class RegretBelowNoise(_ByModel):
    """End the search if the best trial is as good as the noise of a training allows to tell.

    The distance between a pessimistic estimate of the best trial and an optimistic one of the best
    point of the space bounds what more trials could gain. The search ends when it is below the
    standard deviation of a trial's score (Makarova et al., "Automatic termination for
    hyperparameter optimization", 2022). That is known if trials have several executions
    (`executions_per_trial`); otherwise it is estimated from how neighbouring trials differ. For one
    objective; trials that violate constraints do not count.

    Example:
        >>> import kerastune_lite as kt
        >>> tuner = kt.RandomSearch(
        ...     build,
        ...     "val_loss",
        ...     max_trials=100,
        ...     executions_per_trial=2,
        ...     stopping=kt.stopping.RegretBelowNoise(),
        ...     directory="runs",
        ... )
    """

    def _judge(self, outlook: Outlook) -> str | None:
        if outlook.regret >= outlook.noise:
            return None
        return (
            f"at most {score_text(outlook.regret)} could be gained, less than the noise of a "
            f"trial, {score_text(outlook.noise)}"
        )


@public("kerastune_lite.stopping")
class NotWorthwhile(_ByModel):
    """End the search if the improvement that is expected of more trials is not worth their time.

    The expected improvement of the most promising point, times the trials that are completed in
    `seconds` (by all workers together, as so far), is compared with `improvement`. For one
    objective; trials that violate constraints do not count.

    Args:
        improvement: of the objective, which would be worth
        seconds: of the search.

    Raises:
        ValueError: an argument is not a number above 0.

    Example:
        An accuracy that is 0.001 higher is worth ten minutes:

        >>> import kerastune_lite as kt
        >>> tuner = kt.RandomSearch(
        ...     build,
        ...     "val_accuracy",
        ...     max_trials=None,
        ...     stopping=kt.stopping.NotWorthwhile(0.001, seconds=600),
        ...     directory="runs",
        ... )
    """

    def __init__(self, improvement: float, seconds: float) -> None:
        self.improvement = _above_zero("improvement", improvement)
        self.seconds = _above_zero("seconds", seconds)

    def settings(self) -> dict[str, Value]:
        return {
            **super().settings(),
            "improvement": self.improvement,
            "seconds": self.seconds,
        }

    def _judge(self, outlook: Outlook) -> str | None:
        gain = outlook.improvement * self.seconds / max(outlook.seconds, 1e-6)
        if gain >= self.improvement:
            return None
        return (
            f"{score_text(gain)} is expected of {self.seconds:g} more seconds, less than "
            f"{score_text(self.improvement)}"
        )


@dataclasses.dataclass(frozen=True)
class Outlook:
    """What a model expects of more trials, in units of the loss.

    Attributes:
        improvement: expected of the most promising point.
        regret: how far the best trial is at most from the best point.
        noise: the standard deviation of a trial's loss.
        seconds: of wall clock in which one trial is completed.
    """

    improvement: float
    regret: float
    noise: float
    seconds: float


def _outlook(history: TrialHistory) -> Outlook | None:
    """None if there are too few trials."""
    if len(history) < _LEAST:
        return None
    encoding = encoding_of(history[-1].space)
    seen = observe(history, encoding)
    allowed = seen.allowed
    if int(allowed.sum()) < _LEAST or not encoding.axes:
        return None
    losses = seen.losses[allowed]
    # Bad trials say where not to look; by how much they are worse than the median does not matter.
    clipped = np.minimum(losses, np.median(losses))
    scale = float(clipped.std())
    if scale == 0.0:
        return None
    rules = learned_rules(encoding, seen.units[seen.used], seen.active[seen.used])
    rows = encoding.rows(seen.units[allowed], seen.active[allowed])
    targets = (clipped - clipped.mean()) / scale
    kept = chosen(targets, _FITTED)
    data = Data(rows[kept], targets[kept], np.zeros(len(kept)), encoding.groups)
    theta = fitted(data, Priors())
    posterior = Posterior(data, theta)
    mean, deviation = posterior.predict(rows)
    width = _width(len(losses), len(encoding.axes))
    leaders = seen.units[allowed][np.argsort(mean, kind="stable")[:_LEADERS]]
    units = candidates(encoding, leaders, np.random.default_rng(len(losses)))
    found = posterior.predict(encoding.rows(units, expected(encoding, rules, units)))
    gain = np.exp(log_expected_improvement(*found, float(mean.min())).value).max()
    lows = np.concatenate([found[0] - width * found[1], mean - width * deviation])
    regret = float((mean + width * deviation).min() - lows.min())
    repeats = [seen.repeats[place] for place in np.flatnonzero(allowed)]
    noise = _noise_of(repeats)
    return Outlook(
        improvement=scale * float(gain),
        regret=scale * regret,
        noise=scale * math.exp(0.5 * float(theta[-1])) if noise is None else noise,
        seconds=_seconds_of_one(history),
    )


def _seconds_of_one(history: TrialHistory) -> float:
    """The wall clock in which one trial is completed; several that train side by side share it."""
    completed = sum(trial.status is TrialStatus.COMPLETED for trial in history)
    spans = sorted(
        (trial.started, trial.finished)
        for trial in history
        if trial.started is not None and trial.finished is not None
    )
    spent, end = 0.0, -math.inf
    for started, finished in spans:
        # Time without any trial, between two calls of search(), does not count.
        spent += max(0.0, finished - max(started, end))
        end = max(end, finished)
    return spent / max(completed, 1)


def _width(count: int, dimensions: int) -> float:
    """How many standard deviations wide the confidence bound is (Makarova et al., section 4)."""
    beta = 2.0 * math.log(dimensions * count**2 * math.pi**2 / (6.0 * _DELTA))
    return math.sqrt(beta / _SHRUNK)


def _noise_of(repeats: list[list[float]]) -> float | None:
    """The standard deviation of a mean of repeats; None if there are none."""
    several = [np.array(losses) for losses in repeats if len(losses) > 1]
    if not several:
        return None
    squares = sum(float(((each - each.mean()) ** 2).sum()) for each in several)
    freedom = sum(len(each) - 1 for each in several)
    return math.sqrt(squares / freedom / float(np.median([len(each) for each in several])))


def _above_zero(name: str, value: Any) -> float:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0.0 < float(value) < math.inf:
        raise ValueError(f"`{name}` must be a number above 0. Received: {value!r}.")
    return float(value)
