"""A study of Optuna that follows the history of a search.

Some of Optuna's samplers (CMA-ES, NSGA-II, QMC) write notes for later into the study when they are
asked. So the study is not only filled with the trials of the history: the sampler is asked for each
of them again, at its place in the order of events, and its answer is replaced by the values that
were tried.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerastune_lite._src.algorithms.oracles.optuna_values import (
    Params,
    encoded,
    optuna_parameters,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.scored_trials import at_the_end
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.util.generators import seed_generators
from kerastune_lite._src.util.optuna_package import load_optuna

_WITHOUT_NOTES = ("RandomSampler", "TPESampler", "GPSampler")
"""Samplers that use nothing but the parameters and the results of trials: they need not be asked
again, which for many trials takes long."""


@dataclasses.dataclass(frozen=True)
class Started:
    """A trial began; `params` in the order in which Optuna was asked for them."""

    number: int
    params: tuple[tuple[str, Any], ...]
    enqueued: bool


@dataclasses.dataclass(frozen=True)
class Ended:
    """A trial ended.

    Attributes:
        state: the name of Optuna's state.
        losses: of all objectives, if it is COMPLETE.
        curve: the steps and their losses, if it is PRUNED.
        excesses: of the constraints.
    """

    number: int
    state: str
    losses: tuple[float, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    excesses: tuple[float, ...] = ()


def events(space: Space, history: TrialHistory) -> Iterator[Started | Ended]:
    """What has happened to the trials of a history, as far as a sampler may know, in order."""
    full = at_the_end(history)
    several = any(len(trial.losses) > 1 for trial in history)
    open_trials: dict[int, Trial] = {}
    for trial in [*history, None]:
        for number, other in list(open_trials.items()):
            if trial is None or _before(other, trial):
                yield _ended(history, open_trials.pop(number), number in full, several)
        if trial is not None:
            params = tuple(encoded(space, trial.values).items())
            yield Started(trial.number, params, trial.origin != "oracle")
            if trial.status is not TrialStatus.RUNNING:
                open_trials[trial.number] = trial


def _before(ended: Trial, trial: Trial) -> bool:
    """Whether the one had ended when the other started; what is not known counts as before."""
    if ended.finished is None or trial.started is None:
        return True
    return ended.finished <= trial.started


def _ended(history: TrialHistory, trial: Trial, full: bool, several: bool) -> Ended:
    losses = trial.losses or (() if trial.loss is None else (trial.loss,))
    finite = bool(losses) and all(map(math.isfinite, losses))
    if trial.status is TrialStatus.FAILED or not finite or several > bool(trial.losses):
        return Ended(trial.number, "FAIL")
    if full:
        return Ended(trial.number, "COMPLETE", losses, excesses=trial.excesses)
    curve = () if several else _curve(history, trial, losses[0])
    return Ended(trial.number, "PRUNED", curve=curve, excesses=trial.excesses)


def _curve(history: TrialHistory, trial: Trial, loss: float) -> tuple[tuple[int, float], ...]:
    steps = enumerate(history.curve(trial.number), 1)
    known = tuple((step, each) for step, each in steps if math.isfinite(each))
    return known or ((max(trial.epochs, 1), loss),)


class FollowedStudy:
    """A study in which the events of a history are repeated.

    Args:
        sampler: of the user; it is copied.
        space: of all parameters, as known now.
        seed: of the search.
        objectives: how many there are.
    """

    def __init__(self, sampler: Any, space: Space, seed: int, objectives: int) -> None:
        self._optuna = load_optuna()
        self._space = space
        self._seed = seed
        self._template = copy.deepcopy(sampler)
        self._sampler = _repeating(self._optuna)(copy.deepcopy(sampler), space)
        known = [getattr(self._optuna.samplers, name) for name in _WITHOUT_NOTES]
        self._asks_again = type(sampler) not in known  # subclasses may write notes
        self._study = self._optuna.create_study(
            directions=["minimize"] * objectives, sampler=self._sampler
        )
        self._done: list[Started | Ended] = []
        self._trials: dict[int, Any] = {}

    def follow(self, happened: Sequence[Started | Ended]) -> bool:
        """Repeat all events that were not repeated yet; false if others were."""
        before = len(self._done)
        if [*happened[:before]] != self._done:
            return False
        if before or self._asks_again:
            for event in happened[before:]:
                if isinstance(event, Started):
                    self._start(event)
                elif event.number in self._trials:
                    self._end(event)
                else:
                    return False
        else:
            self._fill(happened)
        self._done = list(happened)
        return True

    @property
    def asks_again(self) -> bool:
        """Whether the sampler writes notes into the study when it is asked."""
        return self._asks_again

    def trials(self) -> list[Any]:
        """Copies of Optuna's trials."""
        found: list[Any] = self._study.get_trials()
        return found

    def ask(self, number: int, attempt: int) -> dict[str, Value]:
        """A point for trial `number`, with values for all its active parameters."""
        known = {each.parameter.identity: each for each in optuna_parameters(self._space)}
        trial = self._trials[number] = self._asked(number, attempt)

        def choose(parameter: Parameter) -> Value:
            found = known.get(parameter.identity)
            return parameter.domain.from_unit(0.5) if found is None else found.suggested(trial)

        self._sampler.answers = None
        return self._space.walk(choose)

    def keep(self, number: int, values: Mapping[str, Value]) -> None:
        """The point that was asked for last will be tried."""
        params = tuple(encoded(self._space, values).items())
        self._done.append(Started(number, params, enqueued=False))

    def discard(self, number: int) -> None:
        """The point that was asked for last will not be tried."""
        self._study.tell(self._trials.pop(number), state=self._optuna.trial.TrialState.FAIL)

    def _asked(self, number: int, attempt: int = 0) -> Any:
        if not self._asks_again:
            # What GPSampler keeps of earlier fits would be missing when the search is resumed.
            self._sampler.sampler = copy.deepcopy(self._template)
        self._sampler.reseed_rng()  # makes generators that are not made yet
        seed_generators(self._sampler.sampler, [self._seed, number, attempt])
        return self._study.ask()

    def _start(self, event: Started) -> None:
        answers = dict(event.params)
        if event.enqueued:
            self._study.enqueue_trial(answers)
        trial = self._trials[event.number] = self._asked(event.number)
        self._sampler.answers = answers
        for each in optuna_parameters(self._space):
            if each.name in answers:
                each.suggested(trial)

    def _end(self, event: Ended) -> None:
        trial = self._trials.pop(event.number)
        for step, loss in event.curve:
            trial.report(loss, step)
        for name, excess in enumerate(event.excesses):
            trial.set_constraint(str(name), excess)
        state = self._optuna.trial.TrialState[event.state]
        self._study.tell(trial, list(event.losses) or None, state)

    def _fill(self, happened: Sequence[Started | Ended]) -> None:
        """Add all trials as they are now, without asking the sampler."""
        kinds = self._sampler.kinds
        ends = {event.number: event for event in happened if isinstance(event, Ended)}
        for event in happened:
            if isinstance(event, Started):
                end = ends.get(event.number, Ended(event.number, "RUNNING"))
                distributions = {n: kinds[n].distribution(self._optuna) for n, _ in event.params}
                values = [end.curve[-1][1]] if end.curve else end.losses
                self._study.add_trial(
                    self._optuna.trial.create_trial(
                        state=self._optuna.trial.TrialState[end.state],
                        values=values or None,
                        params=dict(event.params),
                        distributions=distributions,
                        intermediate_values=dict(end.curve),
                        constraints={str(n): excess for n, excess in enumerate(end.excesses)},
                    )
                )


@functools.cache
def _repeating(optuna: Any) -> Any:
    """The class of samplers that ask another one, and give the answers that were used."""

    class Repeating(optuna.samplers.BaseSampler):
        def __init__(self, sampler: Any, space: Space) -> None:
            self.sampler = sampler
            self.answers: Params | None = None
            self.kinds = {each.name: each for each in optuna_parameters(space)}

        def reseed_rng(self) -> None:
            self.sampler.reseed_rng()

        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return self.sampler.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            found = self.sampler.sample_relative(study, trial, search_space)
            if self.answers is None:
                return {name: self.kinds[name].settled(param) for name, param in found.items()}
            return {name: self.answers.get(name, param) for name, param in found.items()}

        def sample_independent(self, study: Any, trial: Any, name: str, kind: Any) -> Any:
            found = self.sampler.sample_independent(study, trial, name, kind)
            return self.kinds[name].settled(found) if self.answers is None else self.answers[name]

        def before_trial(self, study: Any, trial: Any) -> None:
            self.sampler.before_trial(study, trial)

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            self.sampler.after_trial(study, trial, state, values)

    return Repeating
