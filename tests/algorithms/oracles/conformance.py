"""What every oracle must do; each one's test file subclasses it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Condition, Float, Int, Parameter, Space

FLAT = Space(
    [
        Parameter("units", Int(32, 256, step=32)),
        Parameter("activation", Choice(("relu", "tanh", None))),
        Parameter("rate", Float(1e-4, 1e-1, sampling="log")),
    ]
)
CONDITIONAL = Space(
    [
        Parameter("kind", Choice(("mlp", "cnn"))),
        Parameter("layers", Int(1, 2), (Condition("kind", ("mlp",)),)),
        Parameter(
            "width", Choice((8, 16)), (Condition("kind", ("mlp",)), Condition("layers", (2,)))
        ),
        Parameter("filters", Choice((4, 8)), (Condition("kind", ("cnn",)),)),
    ]
)
CONDITIONAL_POINTS = 5
"""mlp x 1 layer, mlp x 2 layers x 2 widths, cnn x 2 filters."""


def ended(number, values, space=FLAT, loss=None):
    loss = float(number) if loss is None else loss
    return Trial(number, values, space, TrialStatus.COMPLETED, score=loss, loss=loss)


def run(oracle, space, count, seed=0, history=None, ended=ended):
    """Propose one after the other, each trial ending before the next."""
    history = TrialHistory() if history is None else history
    for _ in range(count):
        rng = np.random.default_rng([seed, len(history)])
        points = oracle.propose(space, history, 1, rng)
        if not points:
            break
        history.add(ended(len(history), points[0], space))
    return history


def ended_with_goals(number, values, space=FLAT, loss=None):
    """A trial of a search with two objectives and a constraint that every third trial violates."""
    trial = ended(number, values, space, loss)
    losses = (trial.loss, float(number * 7 % 5) - trial.loss)
    return dataclasses.replace(trial, losses=losses, excesses=(float(number % 3) - 1.5,))


ENDS = np.array([[0.3, 0.3, 0.5, 0.5], [0.3, 0.7, 0.5, 0.5]])
"""The ends of a front, a line in four dimensions: losses are squared distances from them."""


def far_from_the_front(oracle, space, trials, latest):
    """The mean distance of the latest points of a search from the line between `ENDS`."""
    history = TrialHistory()
    for number in range(trials):
        (values,) = oracle.propose(space, history, 1, np.random.default_rng([3, number]))
        x = np.array(list(values.values()))
        losses = tuple(((x - end) ** 2).sum() for end in ENDS)
        trial = ended(number, values, space, losses[0])
        history.add(dataclasses.replace(trial, losses=losses))
    x = np.array([list(trial.values.values()) for trial in history[-latest:]])
    return np.abs(x[:, [0, 2, 3]] - [0.3, 0.5, 0.5]).mean()


class OracleConformance:
    """Subclass it with a fixture `oracle`."""

    ended = staticmethod(ended)

    def run(self, *args, **kwargs):
        return run(*args, ended=self.ended, **kwargs)

    @pytest.mark.parametrize("space", [FLAT, CONDITIONAL], ids=["flat", "conditional"])
    def test_points_are_complete_and_allowed(self, oracle, space):
        for trial in self.run(oracle, space, 40):
            assert dict(trial.values) == space.complete(trial.values)

    def test_each_point_of_a_finite_space_once_then_none(self, oracle):
        history = self.run(oracle, CONDITIONAL, 50)
        points = [tuple(sorted(t.values.items())) for t in history]
        assert len(points) == len(set(points)) == CONDITIONAL_POINTS
        assert oracle.propose(CONDITIONAL, history, 3, np.random.default_rng(0)) == []

    @pytest.mark.parametrize("tried", [3, 12])
    def test_companions_of_a_trial_differ_in_fractions_alone(self, oracle, tried):
        history = self.run(oracle, FLAT, tried)
        (point,) = oracle.propose(FLAT, history, 1, np.random.default_rng(1))
        history.add(Trial(len(history), point, FLAT))

        def companions():
            return oracle.propose_alike(FLAT, history, point, 5, np.random.default_rng(2))

        assert companions() == companions()
        for other in companions():
            assert {**other, "rate": point["rate"]} == point
            assert FLAT.complete(other) == other
        rates = [point["rate"], *(other["rate"] for other in companions())]
        assert len(set(rates)) == len(rates)

    def test_function_of_history_and_generator(self, oracle):
        first, second = self.run(oracle, FLAT, 12, seed=3), self.run(oracle, FLAT, 12, seed=3)
        assert [dict(t.values) for t in first] == [dict(t.values) for t in second]

    def test_resumes_from_any_prefix(self, oracle):
        whole = self.run(oracle, FLAT, 12, seed=3)
        for cut in (1, 5, 11):
            resumed = self.run(oracle, FLAT, 12 - cut, seed=3, history=TrialHistory(whole[:cut]))
            assert [dict(t.values) for t in resumed] == [dict(t.values) for t in whole]

    def test_one_that_does_not_learn_proposes_the_same_whatever_came_of_the_trials(self, oracle):
        def points(loss):
            history = TrialHistory()
            for number in range(12):
                rng = np.random.default_rng([3, number])
                (values,) = oracle.propose(FLAT, history, 1, rng)
                history.add(self.ended(number, values, loss=loss(number)))
            return [dict(trial.values) for trial in history]

        same = points(lambda number: number) == points(lambda number: -number)
        assert same is not oracle.learns

    def test_batch_holds_no_duplicates(self, oracle):
        points = oracle.propose(CONDITIONAL, TrialHistory(), 4, np.random.default_rng(1))
        assert len({tuple(sorted(p.items())) for p in points}) == len(points) == 4

    def test_does_not_repeat_running_or_failed_trials(self, oracle):
        rng = np.random.default_rng
        history = TrialHistory()
        for number in range(CONDITIONAL_POINTS):
            (point,) = oracle.propose(CONDITIONAL, history, 1, rng(number))
            status = TrialStatus.FAILED if number % 2 else TrialStatus.RUNNING
            history.add(Trial(number, point, CONDITIONAL, status))
        assert oracle.propose(CONDITIONAL, history, 1, rng(9)) == []

    def test_empty_space_is_one_point(self, oracle):
        assert oracle.propose(Space(), TrialHistory(), 5, np.random.default_rng(0)) == [{}]
        history = TrialHistory([self.ended(0, {}, Space())])
        assert oracle.propose(Space(), history, 1, np.random.default_rng(0)) == []

    def test_does_not_change_what_it_is_given(self, oracle):
        history = self.run(oracle, FLAT, 3)
        before = [t.values for t in history]
        oracle.propose(FLAT, history, 2, np.random.default_rng(0))
        assert [t.values for t in history] == before

    def test_python_branches_that_the_space_does_not_know(self, oracle):
        """A builder that asks for `width` only in some branches, with a plain `if`."""
        known = Space([Parameter("layers", Int(1, 3)), Parameter("width", Choice((8, 16)))])
        history = TrialHistory()
        models = []
        for number in range(30):
            points = oracle.propose(known, history, 1, np.random.default_rng(number))
            if not points:
                break
            (point,) = points
            used = {"layers": point["layers"]}
            if point["layers"] == 3:
                used["width"] = point["width"]
            models.append(tuple(used.items()))
            history.add(self.ended(number, used, known))
        assert len(models) == len(set(models)) == 4

    def test_settings_are_json(self, oracle):
        import json

        assert json.loads(json.dumps(oracle.settings())) == oracle.settings()


class GoalsConformance(OracleConformance):
    """The same for a search with several objectives and constraints."""

    ended = staticmethod(ended_with_goals)

    def test_while_no_trial_satisfies_the_constraints(self, oracle):
        history = TrialHistory()
        for number in range(12):
            (values,) = oracle.propose(FLAT, history, 1, np.random.default_rng(number))
            trial = self.ended(number, values)
            excesses = (1.0 + number, float("inf") if number % 2 else 0.5)
            history.add(dataclasses.replace(trial, excesses=excesses))
        assert len(oracle.propose(FLAT, history, 2, np.random.default_rng(0))) == 2

    def test_failed_and_running_trials_among_the_others(self, oracle):
        history = TrialHistory()
        for number in range(16):
            (values,) = oracle.propose(FLAT, history, 1, np.random.default_rng(number))
            status = (TrialStatus.COMPLETED, TrialStatus.FAILED, TrialStatus.RUNNING)[number % 3]
            trial = self.ended(number, values)
            if status is not TrialStatus.COMPLETED:
                trial = Trial(number, values, FLAT, status)
            history.add(trial)
        points = oracle.propose(FLAT, history, 3, np.random.default_rng(0))
        assert len({tuple(point.values()) for point in points}) == 3

    def test_a_space_that_grows(self, oracle):
        small = Space(list(FLAT)[:2])
        history = self.run(oracle, small, 10)
        for trial in self.run(oracle, FLAT, 6, history=history)[10:]:
            assert FLAT.complete(trial.values) == dict(trial.values)
