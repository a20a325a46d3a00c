"""The learning curves of a history as observations of a process, and a model of them."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.activity import Rule, expected, learned_rules
from kerastune_lite._src.algorithms.oracles.gp.curve_process import CurveProcess, Curves, fitted
from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices
from kerastune_lite._src.algorithms.oracles.gp.kernel import squared_distances
from kerastune_lite._src.algorithms.oracles.gp.selection import refitted_at
from kerastune_lite._src.algorithms.oracles.gp.surface import candidates
from kerastune_lite._src.algorithms.oracles.gp.targets import Targets
from kerastune_lite._src.algorithms.schedulers.rungs import ended_itself
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus

_FITTED = 100
"""The largest number of observations to which the settings are fitted,"""
_CONDITIONED = 350
"""and that of the posterior."""
_LEADERS = 5
"""Of how many of the best trials candidates are mutations."""
_GROWTH = 1.5
"""The ratio of the epochs of neighbouring pauses, from the third on."""
_SETTLED = 3
"""The settings are fitted to epochs whose ratio is this, so that they are fitted less often."""

_STEPS = (-1.0, 0.3)
"""The range of the logarithm, to base 10, of the improvement that is hoped for, in standard
deviations of the losses."""
_REACH = 2.0
"""How many standard deviations better than expected a training may be, at most;"""
_LEAST_STEP = 1e-3
"""if there is none that improves by as much as this, this is hoped for."""
_ROOM = 0.02
"""The smallest distance of the row of a new point from those of all trials."""
_REFINED, _VARIANTS = 6, 32
"""Of how many candidates variants are compared, and how many of each."""
_NUMBERS_CHANGED, _OTHERS_CHANGED = 0.5, 0.08
"""The share of continuous and of discrete parameters in which a variant differs."""


class Hope(NamedTuple):
    """What a decision is made for: an improvement by a step within some epochs."""

    epochs: int
    step: float


class Promise(NamedTuple):
    """By how much trainings are expected to improve on the best loss, and how sure that is.

    Attributes:
        gains: expected targets below that of the best loss, `(n,)`.
        deviations: their standard deviations, `(n,)`.
    """

    gains: Array
    deviations: Array

    def chances(self, hope: Hope) -> Array:
        """By how many deviations more than hoped each is expected to improve, `(n,)`.

        The larger, the more probable is the improvement. What nothing can reach is not hoped for:
        it would lead to where the least is known, and nowhere else.
        """
        reachable = float((self.gains + _REACH * self.deviations).max())
        step = min(hope.step, max(reachable, _LEAST_STEP)) if hope.step else 0.0
        chances: Array = (self.gains - step) / self.deviations
        return chances

    def order(self, hope: Hope) -> Indices:
        """The indices, the best chance first."""
        return np.argsort(-self.chances(hope), kind="stable")

    def with_more(self, more: Promise) -> Promise:
        """These, then `more`."""
        return Promise(*(np.concatenate(pair) for pair in zip(self, more)))


def hope_of(history: TrialHistory, slot: int, longest: int) -> Hope:
    """That of the next decision; both are drawn, as in ifBO (Rakotoarison and others, 2024).

    A function of the history, so that the oracle proposes what the scheduler has in mind.

    Args:
        slot: of decisions that are made at once, which.
        longest: the epochs of a full training.
    """
    epochs = sum(trial.goal or trial.epochs for trial in history)
    rng = np.random.default_rng([len(history), epochs, slot])
    return Hope(int(rng.integers(1, longest + 1)), float(10.0 ** rng.uniform(*_STEPS)))


def pauses(max_epochs: int) -> list[int]:
    """The epochs after which trials pause, ascending: 1, 2, 3, then times `_GROWTH`."""
    ends = [1]
    while ends[-1] < max_epochs:
        following = max(ends[-1] + 1, int(ends[-1] * _GROWTH)) if ends[-1] > 2 else ends[-1] + 1
        ends.append(min(following, max_epochs))
    return ends


@dataclasses.dataclass(frozen=True)
class CurveModel:
    """What the curves of a history teach.

    Attributes:
        encoding, rules: how points are converted to rows.
        process: of the logarithms of losses if these are positive, compressed.
        best: the target of the best loss so far.
        longest: the epochs of a full training.
        leaders: units of the best trials, `(l, p)`.
        tried: rows of all trials, `(n, d)`.
    """

    encoding: Encoding
    rules: list[Rule]
    process: CurveProcess
    best: float
    longest: int
    leaders: Array
    tried: Array

    def of_new(self, hope: Hope, rng: np.random.Generator) -> tuple[Array, Promise]:
        """Units of new points, `(m, p)`, the most promising first, and what they promise."""
        units = candidates(self.encoding, self.leaders, rng)
        best = units[self._of_points(units, hope).order(hope)[:_REFINED]]
        units = np.concatenate([units, self._variants(best, rng)])
        # Where a trial is paused, or was given up, another one teaches nothing.
        away = squared_distances(self._rows(units), self.tried).min(1) > _ROOM**2
        units = units[away] if away.any() else units
        promise = self._of_points(units, hope)
        order = promise.order(hope)
        return units[order], Promise(promise.gains[order], promise.deviations[order])

    def of_trials(self, trials: Sequence[Trial], hope: Hope) -> Promise:
        """What trials promise if they go on."""
        points = [self.encoding.units(trial.values) for trial in trials]
        rows = self.encoding.rows(*(np.array(each) for each in zip(*points)))
        numbers = np.array([trial.number for trial in trials])
        reached = np.array([trial.epochs for trial in trials])
        epochs = np.minimum(reached + hope.epochs, self.longest)
        mean, deviation = self.process.predict(
            Curves(rows, times_of(epochs, self.longest), numbers)
        )
        return Promise(self.best - mean, deviation)

    def _of_points(self, units: Array, hope: Hope) -> Promise:
        rows = self._rows(units)
        times = times_of(np.full(len(rows), hope.epochs), self.longest)
        places = Curves(rows, times, -1 - np.arange(len(rows)))
        # With what is a trial's own, another one at the same point would be worth a try.
        mean, deviation = self.process.predict(places, shared=True)
        return Promise(self.best - mean, deviation)

    def _rows(self, units: Array) -> Array:
        return self.encoding.rows(units, expected(self.encoding, self.rules, units))

    def _variants(self, units: Array, rng: np.random.Generator) -> Array:
        """Points near `units`, `(k, p)`: `_VARIANTS` of each."""
        parents = np.repeat(units, _VARIANTS, axis=0)
        steps = 10.0 ** rng.uniform(-2.5, -0.7, (len(parents), 1))
        moved = np.clip(parents + steps * rng.standard_normal(parents.shape), 0.0, 1.0)
        fresh = rng.random(parents.shape)
        discrete = np.array([axis.members is not None for axis in self.encoding.axes], dtype=bool)
        share = np.where(discrete, _OTHERS_CHANGED, _NUMBERS_CHANGED)
        changed = rng.random(parents.shape) < share
        return self.encoding.snapped(np.where(changed, np.where(discrete, fresh, moved), parents))


def times_of(epochs: Array | Indices, longest: int) -> Array:
    """The times of epochs, counted from 1, in [0, 1]."""
    times: Array = np.log(epochs) / max(math.log(longest), 1e-9)
    return times


def curve_model(
    history: TrialHistory, encoding: Encoding, ends: Sequence[int]
) -> CurveModel | None:
    """The model of a history; None if it has no finite loss.

    Running trials count with the curve they had when they began, and with the loss that the model
    expects at their goals (Ginsbourger et al. 2010, the kriging believer).

    Args:
        ends: the epochs at which trials may pause, ascending.
    """
    trials = [trial for trial in history if trial.values or trial.status is not TrialStatus.FAILED]
    curves = {trial.number: best_so_far(history, trial, ends[-1]) for trial in trials}
    known = [loss for curve in curves.values() for loss in curve if math.isfinite(loss)]
    if not known:
        return None
    points = [encoding.units(trial.values) for trial in trials]
    width = len(encoding.axes)
    units = np.array([each for each, _ in points]).reshape(len(trials), width)
    active = np.array([each for _, each in points], dtype=bool).reshape(len(trials), width)
    used = [trial.status in (TrialStatus.COMPLETED, TrialStatus.PAUSED) for trial in trials]
    rules = learned_rules(encoding, units[used], active[used])
    every = encoding.rows(units, active)
    rows = dict(zip(curves, every))
    scale = math.log if min(known) > 0.0 else float
    observed, losses = _observed(trials, rows, curves, ends, scale)
    theta = _settings(history, observed, losses, ends, encoding)
    targets = Targets(losses)
    kept = _chosen(observed, losses, _CONDITIONED)
    data, z = observed.at(kept), targets(losses)[kept]
    process = _process(_Data(data, z, encoding.groups, theta))
    running = [trial for trial in trials if trial.status is TrialStatus.RUNNING]
    if running:
        goals = np.array([trial.goal or ends[-1] for trial in running])
        pending = Curves(
            np.array([rows[trial.number] for trial in running]),
            times_of(np.minimum(goals, ends[-1]), ends[-1]),
            np.array([trial.number for trial in running]),
        )
        believed = np.concatenate([z, process.predict(pending)[0]])
        process = _process(_Data(data.with_more(pending), believed, encoding.groups, theta))
    order = sorted((curve[-1], number) for number, curve in curves.items() if len(curve))
    places = {number: place for place, number in enumerate(curves)}
    leaders = [units[places[number]] for _, number in order[:_LEADERS]]
    best = float(targets(np.array([scale(min(known))]))[0])
    return CurveModel(encoding, rules, process, best, ends[-1], np.array(leaders), every)


def best_so_far(history: TrialHistory, trial: Trial, longest: int) -> list[float]:
    """The best loss up to each epoch of the rungs that a trial has ended; infinite before any.

    Args:
        longest: the epochs of a trial that does not say how many it had.
    """
    known = trial.loss is not None and math.isfinite(trial.loss)
    epochs = trial.epochs or (trial.goal or longest if known else 0)
    curve = np.array(history.curve(trial.number)[:epochs], dtype=float)
    if epochs and not len(curve):
        # Its epochs were not reported: the loss is that of its last rung.
        return [math.inf] * (epochs - 1) + [float(trial.loss or 0.0)] if known else []
    best = np.fmin.accumulate(np.where(np.isfinite(curve), curve, np.inf))
    return [float(loss) for loss in best]


def _observed(
    trials: Sequence[Trial],
    rows: dict[int, Array],
    curves: dict[int, list[float]],
    ends: Sequence[int],
    scale: Callable[[float], float],
) -> tuple[Curves, Array]:
    """The observations, and their losses on `scale`; infinite for failed trials."""
    found: list[tuple[int, int, float]] = []
    for trial in trials:
        curve = curves[trial.number]
        if trial.status is TrialStatus.FAILED:
            found.append((trial.number, 1, math.inf))
            continue
        length = min(len(curve), ends[-1])
        epochs = [end for end in ends if end < length] + [length] * (length > 0)
        for epoch in epochs:
            if math.isfinite(curve[epoch - 1]):
                found.append((trial.number, epoch, scale(curve[epoch - 1])))
        # A callback ended it: its loss counts at all later epochs.
        if ended_itself(trial) and 0 < length < ends[-1] and math.isfinite(curve[-1]):
            found.append((trial.number, ends[-1], scale(curve[-1])))
    numbers = np.array([number for number, _, _ in found])
    times = times_of(np.array([epoch for _, epoch, _ in found]), ends[-1])
    losses = np.array([loss for _, _, loss in found])
    return Curves(np.array([rows[number] for number in numbers]), times, numbers), losses


def _settings(
    history: TrialHistory,
    observed: Curves,
    losses: Array,
    ends: Sequence[int],
    encoding: Encoding,
) -> Array:
    """The settings, fitted to observations that change seldom."""
    settled = [1]
    while settled[-1] < ends[-1]:
        settled.append(min(settled[-1] * _SETTLED, ends[-1]))
    nearest = {ends[int(np.searchsorted(ends, epoch))] for epoch in settled}
    times = times_of(np.array(sorted(nearest)), ends[-1])
    old = observed.trials < refitted_at(len(history))
    early = np.isclose(observed.times[:, None], times, atol=1e-9).any(1)
    few = np.flatnonzero(old & early)
    if not len(few) or not np.isfinite(losses[few]).any():
        few = np.arange(len(losses))
    few = few[_chosen(observed.at(few), losses[few], _FITTED)]
    return _fitted(_Data(observed.at(few), Targets(losses[few])(losses[few]), encoding.groups))


def _chosen(observed: Curves, losses: Array, limit: int) -> Indices:
    """The indices, ascending, of at most `limit` observations.

    The lowest losses are half of them; then come the last ones of each trial, the best trials
    first, and then the rest.
    """
    if len(losses) <= limit:
        return np.arange(len(losses))
    last = np.ones(len(losses), dtype=bool)
    last[:-1] = observed.trials[1:] != observed.trials[:-1]
    lowest = np.argsort(losses, kind="stable")
    kept = np.zeros(len(losses), dtype=bool)
    kept[lowest[: limit // 2]] = True
    others = lowest[np.argsort(~last[lowest], kind="stable")]
    others = others[~kept[others]]
    kept[others[: limit - int(kept.sum())]] = True
    return np.flatnonzero(kept)


class _Data:
    """What a process is made of; equal for equal data.

    Args:
        theta: the logarithms of its settings; None: to be fitted.
    """

    def __init__(
        self, curves: Curves, targets: Array, groups: Indices, theta: Array | None = None
    ) -> None:
        self.curves, self.targets, self.groups = curves, targets, groups
        self.theta = np.zeros(0) if theta is None else theta
        arrays = (curves.rows, curves.times, curves.trials, targets, groups, self.theta)
        self._key = tuple(np.ascontiguousarray(each).tobytes() for each in arrays)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Data) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


# Cached, because the scheduler and the oracle need the same ones, one after the other.
@functools.lru_cache(maxsize=16)
def _fitted(data: _Data) -> Array:
    return fitted(data.curves, data.targets, data.groups)


@functools.lru_cache(maxsize=4)
def _process(data: _Data) -> CurveProcess:
    return CurveProcess(data.curves, data.targets, data.groups, data.theta)
