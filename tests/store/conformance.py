"""What every store must do; each one's test file subclasses it."""

from __future__ import annotations

import dataclasses
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.confirmation import Round, Split
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.store.store import Epoch, Session
from kerastune_lite.hyperparameters import Choice, Condition, Float, Int, Parameter, Space

SPACE = Space(
    [
        Parameter("kind", Choice(("mlp", None))),
        Parameter("units", Int(1, 512, sampling="log"), (Condition("kind", ("mlp",)),)),
        Parameter("rate", Float(0.0, 1.0, step=0.1)),
    ]
)


def started(space=SPACE, settings=None):
    return ev.SearchStarted(
        "digits",
        Objective("val_accuracy", "max"),
        space,
        10,
        (),
        settings or {"seed": 3, "objective": {"name": "val_accuracy", "direction": "max"}},
        1000.0,
    )


def execution(index=0, attempt=0, outcome=Outcome.COMPLETED, score=0.5, **kwargs):
    return Execution(
        index, outcome, attempt, score, -score, {"val_accuracy": score}, 3, 5, 0.25, **kwargs
    )


def trial(number=0, status=TrialStatus.RUNNING, values=None, **kwargs):
    values = {"kind": "mlp", "units": 64, "rate": 0.3} if values is None else values
    return Trial(number, values, SPACE, status, started=1001.0, **kwargs)


class StoreConformance:
    """Subclass it with fixtures `store`, an empty one, and `reopen`, a function store -> store."""

    def test_empty(self, store):
        project = store.load()
        assert (project.trials, project.queue, list(project.space)) == ((), {}, [])
        assert store.epochs(0) == []

    def test_a_search_comes_back(self, store, reopen):
        done = trial(
            status=TrialStatus.COMPLETED,
            score=0.5,
            loss=-0.5,
            metrics={"val_accuracy": 0.5},
            best_step=3,
            executions=(execution(weights="checkpoints/a.weights.h5", build_config={"a": [1]}),),
            finished=1002.0,
        )
        store.record([started(), ev.SpaceGrown(tuple(SPACE), None)])
        store.record([ev.TrialStarted(trial()), ev.SegmentStarted(0, 0, 0, 0, None, 1001.0)])
        store.record([ev.EpochEnded(0, 0, 0, 0, {"loss": 1.5, "val_accuracy": 0.5})])
        store.record([ev.ExecutionEnded(0, done.executions[0]), ev.TrialEnded(done)])
        project = reopen(store).load()
        assert project.name == "digits"
        assert project.settings["seed"] == 3
        assert project.space == SPACE
        assert project.trials == (done,)
        assert list(project.trials[0].values) == ["kind", "units", "rate"]
        assert reopen(store).epochs(0) == [Epoch(0, 0, 0, {"loss": 1.5, "val_accuracy": 0.5})]

    def test_former_projects_come_back(self, store, reopen):
        former = Former(
            "old", SPACE, ({"kind": "mlp", "units": 8}, {"kind": None}), (0.5, math.inf)
        )
        store.record([started(), ev.Remembered((former,))])
        (again,) = reopen(store).load().former
        assert again.to_json() == former.to_json()
        assert again.losses == (0.5, math.inf)

    def test_weights_of_an_ended_trial_come_back(self, store, reopen):
        store.record([started(), ev.TrialStarted(trial()), ev.ExecutionEnded(0, execution())])
        kept = execution(weights="checkpoints/again.weights.h5")
        store.record([ev.WeightsKept(0, kept)])
        assert reopen(store).load().trials[0].executions == (kept,)

    def test_rounds_come_back(self, store, reopen):
        done = Round(
            4,
            1,
            9,
            2**32 - 5,
            Split(0.25, 0.2),
            Outcome.COMPLETED,
            0.5,
            {"val_accuracy": 0.5, "model_size": 77.0},
            3,
            0.25,
        )
        failed = Round(
            4, 0, None, 7, Split(0.5, 0.2), Outcome.FAILED, message="Traceback\nValueError: no"
        )
        store.record([started(), ev.RoundEnded(done), ev.RoundEnded(failed)])
        assert reopen(store).load().rounds == (failed, done)
        again = dataclasses.replace(done, score=0.75)
        store.record([ev.RoundStarted(2, 10, 5, 6), ev.RoundEnded(again)])
        assert reopen(store).load().rounds == (failed, again)

    def test_rounds_with_other_data_do_not_come_back(self, store, reopen):
        old = [
            Round(trial, number, None, number, Split(0.1 * number, 0.2), Outcome.COMPLETED, 0.5)
            for trial in (1, 2)
            for number in range(3)
        ]
        new = Round(2, 0, None, 0, None, Outcome.COMPLETED, 0.75)
        store.record([started(), *map(ev.RoundEnded, old)])
        assert reopen(store).load().rounds == tuple(old)
        store.record([ev.RoundEnded(new)])
        assert reopen(store).load().rounds == (new,)

    def test_a_trial_between_two_rungs_comes_back(self, store, reopen):
        first = execution(state="checkpoints/a.state.zip")
        paused = trial(
            status=TrialStatus.PAUSED,
            score=0.5,
            loss=-0.5,
            metrics={"val_accuracy": 0.5},
            executions=(first,),
            bracket=2,
            goal=5,
            resumable=True,
        )
        store.record([started(), ev.SpaceGrown(tuple(SPACE), None), ev.TrialStarted(trial())])
        store.record([ev.ExecutionEnded(0, first), ev.TrialPaused(paused)])
        assert reopen(store).load().trials == (paused,)
        resumed = dataclasses.replace(paused, status=TrialStatus.RUNNING, goal=15, resumable=False)
        store.record([ev.TrialResumed(resumed)])
        assert reopen(store).load().trials == (resumed,)
        second = dataclasses.replace(first, epochs=15, score=0.75, loss=-0.75, stopped=True)
        store.record([ev.ExecutionEnded(0, second)])
        assert reopen(store).load().trials[0].executions == (second,)

    def test_the_parent_of_a_trial_comes_back(self, store, reopen):
        parent, child = trial(), trial(1, origin="parent", parent=Parent(0, 5))
        events = [ev.TrialStarted(parent), ev.TrialStarted(child)]
        store.record([started(), ev.SpaceGrown(tuple(SPACE), None), *events])
        assert reopen(store).load().trials == (parent, child)

    def test_order_of_values_is_kept(self, store, reopen):
        values = {"rate": 0.3, "kind": None}
        store.record([started(), ev.TrialStarted(trial(values=values))])
        assert list(reopen(store).load().trials[0].values.items()) == list(values.items())

    def test_running_trial_keeps_its_finished_executions(self, store, reopen):
        store.record([started(), ev.TrialStarted(trial())])
        store.record([ev.ExecutionEnded(0, execution(0)), ev.SegmentStarted(0, 1, 0, 0, None, 1.0)])
        (found,) = reopen(store).load().trials
        assert found.status is TrialStatus.RUNNING
        assert found.executions == (execution(0),)

    def test_epochs_of_a_segment_that_begins_again_are_forgotten(self, store, reopen):
        segment = ev.SegmentStarted(0, 0, 0, 0, None, 1.0)
        store.record([started(), ev.TrialStarted(trial()), segment])
        for epoch in range(5):
            store.record([ev.EpochEnded(0, 0, 0, epoch, {"loss": float(epoch)})])
        store.record([ev.SegmentStarted(0, 0, 0, 2, None, 1.0)])
        assert [row.epoch for row in store.epochs(0)] == [0, 1]
        store.record([segment, ev.EpochEnded(0, 0, 0, 0, {"loss": 9.0})])
        assert reopen(store).epochs(0) == [Epoch(0, 0, 0, {"loss": 9.0})]

    def test_the_path_of_an_execution_and_its_reason(self, store, reopen):
        store.record([started(), ev.TrialStarted(trial())])
        ways = [
            {"path": "model.fit", "path_reason": "generator input"},
            {"path": "shared trace"},
            {},
        ]
        executions = tuple(execution(index, **way) for index, way in enumerate(ways))
        store.record([ev.ExecutionEnded(0, each) for each in executions])
        (found,) = reopen(store).load().trials
        assert found.executions == executions
        assert found.path == "model.fit, shared trace"

    def test_attempts_and_executions_are_apart(self, store, reopen):
        store.record([started(), ev.TrialStarted(trial())])
        places = [(0, 0), (0, 1), (1, 0)]
        for place in places:
            store.record([ev.EpochEnded(0, *place, 0, {"loss": 1.0})])
        assert [(e.execution, e.attempt) for e in reopen(store).epochs(0)] == places

    def test_non_finite_metrics(self, store, reopen):
        store.record([ev.EpochEnded(0, 0, 0, 0, {"a": math.nan, "b": math.inf, "c": -math.inf})])
        (row,) = reopen(store).epochs(0)
        assert math.isnan(row.metrics["a"])
        assert (row.metrics["b"], row.metrics["c"]) == (math.inf, -math.inf)

    def test_queue(self, store, reopen):
        store.record([ev.Enqueued(0, {"rate": 0.1}), ev.Enqueued(1, {"rate": 0.2})])
        store.record([ev.TrialStarted(trial(values={"rate": 0.1}), queued=0)])
        project = reopen(store).load()
        assert project.queue == {1: {"rate": 0.2}}
        assert project.enqueued == 2

    def test_space_grows_and_widens(self, store, reopen):
        store.record([ev.SpaceGrown((Parameter("a", Int(1, 4)),), None)])
        store.record([ev.SpaceGrown((Parameter("b", Int(1, 4)),), 7)])
        store.record([ev.SpaceGrown((Parameter("a", Int(1, 9)),), None)])
        assert reopen(store).load().space == Space(
            [Parameter("a", Int(1, 9)), Parameter("b", Int(1, 4))]
        )

    def test_failure_keeps_its_traceback(self, store, reopen):
        message = 'Traceback "quoted"\n  über\nValueError: no'
        failed = trial(status=TrialStatus.FAILED, message=message, finished=2000.0)
        store.record([started(), ev.TrialStarted(trial()), ev.TrialEnded(failed)])
        assert reopen(store).load().trials == (failed,)

    def test_later_settings_replace_earlier_ones(self, store, reopen):
        store.record([started(settings={"max_trials": 5, "versions": {"keras": "3.12"}})])
        store.record([started(settings={"max_trials": 9, "versions": {"keras": "3.15"}})])
        project = reopen(store).load()
        assert project.settings == {"max_trials": 9}
        assert project.versions == {"keras": "3.15"}

    def test_the_latest_search_and_why_it_ended(self, store, reopen):
        assert store.load().session is None
        store.record([started(), ev.SearchEnded(ev.StopReason.INTERRUPTED, "interrupted", 1001.0)])
        ended = Session(1000.0, 1001.0, ev.StopReason.INTERRUPTED, "interrupted")
        assert reopen(store).load().session == ended
        store.record([started()])
        assert reopen(store).load().session == Session(1000.0)

    def test_any_values_come_back(self, store):
        scalars = (
            st.none()
            | st.booleans()
            | st.integers(-(2**60), 2**60)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text()
        )

        @settings(max_examples=25, deadline=None)
        @given(st.dictionaries(st.text(min_size=1), scalars))
        def check(values):
            store.record([ev.TrialStarted(trial(values=values))])
            found = store.load().trials[0].values
            assert found == values
            assert [type(v) for v in found.values()] == [type(v) for v in values.values()]

        check()
