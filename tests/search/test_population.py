"""Population based training on doubles: children go on from the states of their parents."""

import contextlib
import dataclasses
import itertools
import json

import numpy as np
import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.lineage import first_epoch, schedule
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite._src.store.checkpoints import Checkpoints
from kerastune_lite.hyperparameters import Float, Int, Parameter, Space
from kerastune_lite.oracles import BayesianOracle, GridOracle, RandomOracle
from kerastune_lite.schedulers import FullTraining, PopulationBasedTraining
from tests.doubles import MemoryStore, SimulatedRunner, make_search, recorded
from tests.search.test_rungs import Dying, Killed

RATE = Parameter("rate", Float(1e-3, 1.0, sampling="log"))
SPACE = Space([RATE, Parameter("units", Int(1, 4))])
COMPLETED, FAILED = TrialStatus.COMPLETED, TrialStatus.FAILED


class Descent:
    """Gradient descent on x^2 with noisy gradients: the best rate falls during the training.

    The state is x, in the files that the segments name.
    """

    def __init__(self, folder, fails=(), stops=(), noise=1.0):
        self.folder = folder
        self.fails = set(fails)
        self.stops = dict(stops)
        self.noise = noise
        self.segments = []
        self.most_files = 0

    def seed_of(self, number):
        """The seed of a trial."""
        return next(each.seed for each in self.segments if each.trial.number == number)

    def __call__(self, trial, hp, segment, emit):
        self.segments.append(segment)
        rate, _ = hp.get("rate"), hp.get("units")
        if (trial.number, segment.start_epoch) in self.fails:
            raise ValueError("fails here")
        place = np.full(20, 10.0)
        losses = [float("nan")] * segment.start_epoch
        if segment.resume_from is not None:
            state = json.loads((self.folder / segment.resume_from).read_text())
            assert state["epoch"] == segment.start_epoch
            assert segment.inherits is (state["trial"] != trial.number)
            place = np.array(state["place"])
            losses = losses if segment.inherits else state["losses"]
        else:
            assert segment.start_epoch == 0
        end, stopped = segment.end_epoch, False
        for epoch in range(segment.start_epoch, end):
            noise = np.random.default_rng([segment.seed, epoch]).normal(size=20)
            place = place - rate * (place + self.noise * noise)
            losses.append(float(np.mean(place**2)))
            emit(ev.EpochEnded(trial.number, segment.execution, 0, epoch, {"loss": losses[-1]}))
            stopped = self.stops.get(trial.number) == epoch + 1
            if stopped:
                break
        keeps = segment.keep_state is not None and not stopped
        if keeps:
            path = self.folder / segment.keep_state
            path.parent.mkdir(exist_ok=True)
            state = {"epoch": end, "place": list(place), "losses": losses, "trial": trial.number}
            path.write_text(json.dumps(state))
            self.most_files = max(self.most_files, len(list(path.parent.iterdir())))
        return [recorded(segment, losses, keeps, stopped)]


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()


def population(max_epochs=8, size=6, interval=2, **kwargs):
    scheduler = PopulationBasedTraining(max_epochs, size, interval, **kwargs)
    return scheduler.changing(["rate"])


def searched(tmp_path, trainer=None, store=None, space=SPACE, **kwargs):
    trainer, store = trainer or Descent(tmp_path), store or MemoryStore()
    if not store.events:
        store.events.append(ev.SpaceGrown(tuple(space), None))
    kwargs.setdefault("scheduler", population())
    search = make_search(
        GuardedJob(trainer), tmp_path, space=space, store=store, project=store.load(), **kwargs
    )
    search.reason = search.run("p", {})
    return search


def table(search):
    return [
        (t.number, t.values, t.status, t.parent, t.epochs, t.loss, t.best_step)
        for t in search.history
    ]


def test_children_go_on_from_their_parents(tmp_path):
    trainer = Descent(tmp_path)
    search = searched(tmp_path, trainer)
    assert search.reason is StopReason.SCHEDULE
    assert len(search.history) == population().trials == 9
    assert {trial.status for trial in search.history} == {COMPLETED}
    trained = [
        (s.trial.number, epoch)
        for s in trainer.segments
        for epoch in range(s.start_epoch, s.end_epoch)
    ]
    assert len(trained) == len(set(trained)) == population().total_epochs == 48
    children = [trial for trial in search.history if trial.parent is not None]
    assert [child.parent.epoch for child in children] == [2, 4, 6]
    for child in children:
        parent = search.history[child.parent.trial]
        assert child.origin == "parent"
        assert child.values["units"] == parent.values["units"], "is inherited"
        assert child.values["rate"] != parent.values["rate"]
        assert child.best_step >= child.parent.epoch, "its score is that of its own epochs"
        root = schedule(search.history, child)[0].trial
        assert trainer.seed_of(child.number) == trainer.seed_of(root), "it goes on as its parent"


def test_the_tree_of_parents_is_a_schedule(tmp_path):
    trainer = Descent(tmp_path)
    search = searched(tmp_path, trainer)
    best = search.history.best(1)[0]
    pieces = schedule(search.history, best)
    assert len(pieces) > 1
    assert pieces[0].start_epoch == 0
    assert pieces[-1].end_epoch == best.best_step + 1
    assert [p.end_epoch for p in pieces[:-1]] == [p.start_epoch for p in pieces[1:]]
    assert dict(pieces[-1].values) == best.values
    # Trained in one go with this schedule, it is the same.
    place = np.full(20, 10.0)
    seed = trainer.seed_of(pieces[0].trial)
    for piece in pieces:
        for epoch in range(piece.start_epoch, piece.end_epoch):
            noise = np.random.default_rng([seed, epoch]).normal(size=20)
            place = place - piece.values["rate"] * (place + noise)
    assert float(np.mean(place**2)) == pytest.approx(best.loss)


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_several_workers_make_the_same_search(tmp_path, workers):
    runner = SimulatedRunner(workers, lambda s: 1.0 + s.trial.number % 3)
    parallel = searched(tmp_path / "a", runner=runner, trainer=Descent(tmp_path / "a"))
    assert table(parallel) == table(searched(tmp_path / "b", Descent(tmp_path / "b")))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("step", range(0, 150, 7))
def test_a_search_that_dies_goes_on_as_if_it_had_not(tmp_path, step, workers):
    some = {"executions_per_trial": 2, "scheduler": population(6, 4, 2)}
    whole = searched(tmp_path / "a", Descent(tmp_path / "a"), **some)
    store, trainer = Dying(), Descent(tmp_path / "b")
    runners = (SimulatedRunner(workers, lambda s: 1.0 + s.trial.number % 3) for _ in range(2))
    store.left = step
    with contextlib.suppress(Killed):
        searched(tmp_path / "b", trainer, store, runner=next(runners), **some)
    store.left = 10**9
    # As when a project is opened: what a process that died has left is deleted.
    Checkpoints(tmp_path / "b", 10).tidy(TrialHistory(store.load().trials))
    again = searched(tmp_path / "b", trainer, store, runner=next(runners), **some)
    assert table(again) == table(whole)


def test_states_are_kept_as_long_as_they_are_needed(tmp_path):
    trainer = Descent(tmp_path)
    searched(tmp_path, trainer, runner=SimulatedRunner(2, lambda s: 1.0 + s.trial.number % 3))
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert trainer.most_files <= 6 + 2


def test_repeats_have_their_own_states(tmp_path):
    trainer = Descent(tmp_path)
    search = searched(tmp_path, trainer, executions_per_trial=2)
    for trial in search.history:
        assert [e.epochs for e in trial.completed_executions] == [trial.epochs] * 2
    inherited = [s.resume_from for s in trainer.segments if s.inherits]
    assert len(inherited) == 2 * 3
    assert {"execution0" in name for name in inherited} == {True, False}


# ---------------------------------------------------------------------- limits and failures


def test_max_trials_counts_members_and_children(tmp_path):
    search = searched(tmp_path, max_trials=7)
    assert search.reason is StopReason.BUDGET
    assert len(search.history) == 7
    reached = sorted(t.epochs for t in search.history)
    # After the only child the population shrinks.
    assert reached == [2, 4, 6, 8, 8, 8, 8]


def test_max_total_epochs_counts_no_epoch_twice(tmp_path):
    for most, together in ((20, False), (30, False), (30, True)):
        store, folder = MemoryStore(), tmp_path / "ab"[together]
        if together:
            searched(folder, Descent(folder), store, max_total_epochs=20)
        trainer = Descent(folder)
        search = searched(folder, trainer, store, max_total_epochs=most)
        epochs = sum(t.epochs - first_epoch(t) for t in search.history)
        assert search.reason is StopReason.EPOCHS
        assert epochs == most


def test_a_search_with_more_epochs_goes_on(tmp_path):
    whole = searched(tmp_path / "a", Descent(tmp_path / "a"))
    store, trainer = MemoryStore(), Descent(tmp_path / "b")
    for most in (10, 14, 22, 40, None):
        search = searched(tmp_path / "b", trainer, store, max_total_epochs=most)
    assert table(search) == table(whole)


def test_who_failed_or_was_stopped_is_replaced(tmp_path):
    trainer = Descent(tmp_path, fails=[(1, 0), (3, 2)], stops={0: 2})
    search = searched(tmp_path, trainer, max_consecutive_failed_trials=9)
    assert search.history[1].status is FAILED
    assert search.history[0].loss < search.history[2].loss, "it was not the worst"
    generations = [
        [t for t in search.history if first_epoch(t) < end <= t.goal and t.number != 1]
        for end in (2, 4, 6, 8)
    ]
    assert [len(members) for members in generations] == [6, 6, 6, 6]
    assert search.history[3].goal == 4, "it failed in the second generation, and ended there"
    parents = [t.parent.epoch for t in search.history if t.parent is not None]
    assert parents.count(2) == 2, "one for the worst, and one for the one that was stopped"


def test_a_child_that_fails_is_tried_again_from_its_parent(tmp_path):
    class Once(Descent):
        def __call__(self, trial, hp, segment, emit):
            try:
                return super().__call__(trial, hp, segment, emit)
            finally:
                self.fails.discard((trial.number, segment.start_epoch))

    trainer = Once(tmp_path, fails=[(6, 2)])
    search = searched(tmp_path, trainer, max_retries_per_trial=1)
    assert search.history[6].status is COMPLETED
    first, second = (s for s in trainer.segments if s.trial.number == 6 and s.start_epoch == 2)
    assert (first.inherits, second.inherits) == (True, True)
    assert first.resume_from == second.resume_from


def test_a_grid_proposes_the_members(tmp_path):
    small = Space([Parameter("rate", Float(0.1, 0.4, step=0.1)), Parameter("units", Int(1, 1))])
    search = searched(tmp_path, space=small, oracle=GridOracle())
    assert len([t for t in search.history if t.parent is None]) == 4
    assert len(search.history) == 4 + 3, "children may have points that were tried"
    assert max(t.epochs for t in search.history) == 8


@pytest.mark.parametrize("oracle", [BayesianOracle(), RandomOracle()])
def test_any_oracle_proposes_the_members(tmp_path, oracle):
    search = searched(tmp_path, oracle=oracle)
    assert [t.parent is None for t in search.history] == [True] * 6 + [False] * 3


# ---------------------------------------------------------------------- what it is good for


def test_it_finds_better_rates_than_constant_ones(tmp_path):
    """With as many epochs as random search, on a problem whose best rate falls."""
    wins = 0
    for seed in range(10):
        found = []
        for scheduler, most in ((population(24, 10, 2), None), (Long(), 10)):
            trainer = Descent(tmp_path)
            search = searched(tmp_path, trainer, scheduler=scheduler, seed=seed, max_trials=most)
            assert sum(s.end_epoch - s.start_epoch for s in trainer.segments) == 240
            found.append(search.history.best(1)[0].loss)
        wins += found[0] < found[1]
    assert wins >= 9


class Long(FullTraining):
    """Trains all trials for 24 epochs."""

    def plan(self, history, free, supply):
        requests = super().plan(history, free, supply)
        return [dataclasses.replace(each, end_epoch=24) for each in requests]


def test_rates_fall_as_the_gradients_do(tmp_path):
    falls = []
    for seed in range(5):
        search = searched(tmp_path, scheduler=population(24, 10, 2), seed=seed)
        pieces = schedule(search.history, search.history.best(1)[0])
        falls.append(pieces[-1].values["rate"] / pieces[0].values["rate"])
        assert all(one.end_epoch == other.start_epoch for one, other in itertools.pairwise(pieces))
    assert np.median(falls) < 0.6
