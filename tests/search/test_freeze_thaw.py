"""Freeze-thaw on doubles: which training goes on, with workers, deaths and growing spaces."""

import contextlib

import numpy as np
import pytest

from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite.hyperparameters import Choice, Condition, Float, Parameter, Space
from kerastune_lite.oracles import FreezeThawOracle
from kerastune_lite.schedulers import FreezeThaw
from tests.doubles import SimulatedRunner
from tests.search.test_rungs import Dying, Killed, Trainer, searched, table

CONDITIONAL = Space(
    [
        Parameter("kind", Choice(("a", "b"))),
        Parameter("x", Float(0.0, 1.0)),
        Parameter("y", Float(0.0, 1.0), (Condition("kind", ("b",)),)),
    ]
)


def thawed(tmp_path, trainer=None, store=None, **kwargs):
    kwargs.setdefault("oracle", FreezeThawOracle(9, seed=1))
    kwargs.setdefault("max_trials", 16)
    return searched(tmp_path, trainer, store, scheduler=FreezeThaw(9), **kwargs)


def test_it_finds_the_best_and_trains_it_to_the_end(tmp_path):
    trainer = Trainer()
    search = thawed(tmp_path, trainer)
    assert search.reason is StopReason.BUDGET
    assert {trial.status for trial in search.history} == {TrialStatus.COMPLETED}
    best = search.history.best(1)[0]
    assert best.epochs == 9
    assert abs(best.values["x"] - 0.3) < 0.15
    trained = [
        (s.trial.number, epoch)
        for s in trainer.segments
        for epoch in range(s.start_epoch, s.end_epoch)
    ]
    assert len(trained) == len(set(trained)) == sum(t.epochs for t in search.history)
    assert len(trained) < 16 * 9 / 2, "bad trials do not go on"


def test_proposals_of_the_model_are_near_the_best_and_not_where_others_are(tmp_path):
    search = thawed(tmp_path, max_trials=24)
    places = np.sort([trial.values["x"] for trial in search.history])
    assert np.abs(places - 0.3).min() < 0.03
    # The first eight do not know of each other.
    late = [trial.values["x"] for trial in search.history[8:]]
    assert min(np.sort(np.abs(places - x))[1] for x in late) > 0.005


@pytest.mark.parametrize("step", range(3, 100, 16))
def test_a_search_that_dies_goes_on_as_if_it_had_not(tmp_path, step):
    whole, store = thawed(tmp_path), Dying()
    store.left = step
    with contextlib.suppress(Killed):
        thawed(tmp_path, store=store)
    store.left = 10**9
    assert table(thawed(tmp_path, store=store)) == table(whole)


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_train_different_trials(tmp_path, workers):
    trainer = Trainer(fails={(3, 0), (6, 1)}, stops={5: 2})
    runner = SimulatedRunner(workers, lambda s: 1.0 + s.trial.number % 3)
    search = thawed(tmp_path, trainer, runner=runner)
    assert len({trial.values["x"] for trial in search.history}) == len(search.history) == 16
    assert search.history.best(1)[0].epochs in (2, 9)
    assert search.history[3].status is TrialStatus.FAILED


def test_a_budget_of_epochs(tmp_path):
    search = thawed(tmp_path, max_trials=None, max_total_epochs=40)
    assert sum(trial.epochs for trial in search.history) >= 40
    assert len(search.history) > 8


def test_spaces_with_conditions(tmp_path):
    class Both(Trainer):
        def __call__(self, trial, hp, segment, emit):
            if hp.get("kind") == "b":
                hp.get("y")
            return super().__call__(trial, hp, segment, emit)

    search = thawed(tmp_path, Both(), space=CONDITIONAL)
    assert {trial.values["kind"] for trial in search.history} == {"a", "b"}
    assert all(("y" in t.values) == (t.values["kind"] == "b") for t in search.history)


def test_losses_below_zero(tmp_path):
    trainer = Trainer(curve=lambda x, epoch: abs(x - 0.3) - epoch / 10)
    search = thawed(tmp_path, trainer)
    assert search.history.best(1)[0].epochs == 9
