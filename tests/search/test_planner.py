"""What begins together: several workers, and trials that might be trained side by side."""

import itertools

import numpy as np
import pytest

from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space
from kerastune_lite.oracles import BayesianOracle
from kerastune_lite.schedulers import ASHA
from tests.doubles import SimulatedRunner, job_of, make_search

SQUARE = Space([Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))])
NETWORK = Space(
    [
        Parameter("layers", Int(1, 3)),
        Parameter("rate", Float(1e-4, 1.0, sampling="log")),
        Parameter("activation", Choice(("relu", "tanh"))),
        Parameter("momentum", Float(0.0, 1.0)),
    ]
)


def network_loss(values):
    wrong = 0.3 * abs(values["layers"] - 2) + 0.3 * (values["activation"] == "relu")
    return wrong + (np.log10(values["rate"]) + 2) ** 2 / 4 + (values["momentum"] - 0.8) ** 2


def bowl(values):
    return (values["x"] - 0.62) ** 2 + (values["y"] - 0.23) ** 2


def loss_job(loss):
    return job_of(lambda hp, report, segment: loss(hp.values))


def searched(tmp_path, job, space=SQUARE, oracle=None, **kwargs):
    kwargs.setdefault("max_consecutive_failed_trials", 100)
    search = make_search(job, tmp_path, space=space, oracle=oracle or BayesianOracle(), **kwargs)
    search.run("p", {})
    return search.history


def durations(segment):
    """Those of workers that are never in step."""
    return 1.0 + (segment.trial.number * 7 % 5) / 3


class TestSeveralWorkers:
    """The oracle sees running trials, and none of them twice."""

    @pytest.mark.parametrize("workers", [3, 6])
    def test_they_find_the_bottom_and_do_not_crowd(self, tmp_path, workers):
        runner = SimulatedRunner(workers, durations)
        history = searched(tmp_path, loss_job(bowl), runner=runner, max_trials=45)
        assert min(trial.loss for trial in history) < 1e-3
        points = np.array([[t.values["x"], t.values["y"]] for t in history])
        # At most so many were under way at the same time.
        windows = [points[i : i + workers] for i in range(8, len(points) - workers)]
        gaps = [
            min(np.linalg.norm(a - b) for a, b in itertools.combinations(together, 2))
            for together in windows
        ]
        # At the bottom one point may be beside another.
        assert np.mean(np.array(gaps) > 0.004) > 0.9

    def test_what_fails_is_avoided(self, tmp_path):
        def loss(values):
            if values["x"] > 0.55:
                raise ValueError("diverged")
            return bowl(values)

        runner = SimulatedRunner(4, durations)
        history = searched(tmp_path, loss_job(loss), runner=runner, max_trials=48)
        failed = [trial.status is TrialStatus.FAILED for trial in history]
        assert sum(failed[:16]) >= 4, "nearly half of the square"
        assert sum(failed[24:]) <= 8, "of 24"
        assert history.best(1)[0].loss < bowl({"x": 0.55, "y": 0.23}) + 0.01

    def test_a_finite_space_once_each(self, tmp_path):
        space = Space([Parameter("a", Int(0, 4)), Parameter("b", Choice(("u", "v", "w")))])
        history = searched(
            tmp_path,
            loss_job(lambda values: (values["a"] - 3) ** 2 + (values["b"] != "v")),
            space,
            runner=SimulatedRunner(4, durations),
        )
        assert len({tuple(trial.values.values()) for trial in history}) == len(history) == 15

    def test_noisy_repeats(self, tmp_path):
        """The mean of the repeats is what is trusted, and as far as they agree."""
        noise = np.random.default_rng(0)
        job = loss_job(lambda values: bowl(values) + 0.05 * noise.standard_normal())
        runner = SimulatedRunner(4, durations)
        history = searched(tmp_path, job, runner=runner, max_trials=30, executions_per_trial=3)
        assert all(len(trial.completed_executions) == 3 for trial in history)
        assert np.median([bowl(trial.values) for trial in history[20:]]) < 0.04
        assert np.median([bowl(trial.values) for trial in history[:5]]) > 0.08


class Together(GuardedJob):
    """Would like to have eight at once."""

    together = 8

    def __init__(self, loss):
        super().__init__(loss_job(loss)._train)


class Batches(SimulatedRunner):
    """Knows which trials were submitted together."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def submit(self, segments):
        self.batches.append([segment.trial.number for segment in segments])
        super().submit(segments)


def tick(monkeypatch):
    """A clock that counts how often it is looked at, which is as often as something may begin."""
    ticks = itertools.count()
    monkeypatch.setattr("kerastune_lite._src.search.loop.time.monotonic", lambda: next(ticks))


class TestSideBySide:
    """An oracle that learns fills the places beside a trial, if it was given a `batch`."""

    def batches(self, tmp_path, monkeypatch, batch=8, **kwargs):
        runner = Batches()
        tick(monkeypatch)
        kwargs["oracle"] = BayesianOracle(batch=batch)
        history = searched(tmp_path, Together(network_loss), NETWORK, runner=runner, **kwargs)
        return history, [[history[number].values for number in batch] for batch in runner.batches]

    def test_batches_are_alike_and_learn(self, tmp_path, monkeypatch):
        history, batches = self.batches(tmp_path, monkeypatch, max_time=14)
        assert all(len(batch) == 8 for batch in batches)
        assert len(batches) >= 6
        for batch in batches:
            assert len({(values["layers"], values["activation"]) for values in batch}) == 1
            rows = np.array([[np.log10(v["rate"]) / 4, v["momentum"]] for v in batch])
            gaps = [np.linalg.norm(a - b) for a, b in itertools.combinations(rows, 2)]
            assert min(gaps) > 0.003
        assert len({tuple(trial.values.values()) for trial in history}) == len(history)
        best = history.best(1)[0].values
        assert (best["layers"], best["activation"]) == (2, "tanh")
        assert network_loss(best) < 0.02

    @pytest.mark.parametrize("limits", [{"max_trials": 20}, {"max_time": 30}])
    def test_one_by_one_by_default(self, tmp_path, monkeypatch, limits):
        oracle_batch = BayesianOracle().batch
        _, batches = self.batches(tmp_path, monkeypatch, oracle_batch, **limits)
        assert all(len(batch) == 1 for batch in batches)

    def test_no_more_than_there_may_be(self, tmp_path, monkeypatch):
        history, batches = self.batches(tmp_path, monkeypatch, 6, max_trials=15)
        assert len(history) == 15
        assert [len(batch) for batch in batches] == [6, 6, 3]

    def test_rungs_are_filled_one_by_one(self, tmp_path, monkeypatch):
        _, batches = self.batches(tmp_path, monkeypatch, max_time=30, scheduler=ASHA(9))
        assert all(len(batch) == 1 for batch in batches)

    def test_where_nothing_is_a_fraction_they_are_alone(self, tmp_path, monkeypatch):
        tick(monkeypatch)
        space = Space([Parameter("a", Int(0, 99)), Parameter("b", Int(0, 99))])
        runner = Batches()
        job = Together(lambda values: float(values["a"] + values["b"]))
        oracle = BayesianOracle(batch=8)
        history = searched(tmp_path, job, space, oracle, runner=runner, max_time=20)
        assert len(history) > 5
        assert all(len(batch) == 1 for batch in runner.batches)
