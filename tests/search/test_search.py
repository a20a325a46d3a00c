"""The loop, on doubles: no TensorFlow, no disk, a virtual clock."""

import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import Outcome, TrialStatus
from kerastune_lite._src.util.errors import FailedTrialError, FatalValueError, StoreError
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space
from kerastune_lite.oracles import BayesianOracle, GridOracle
from tests.doubles import (
    MemoryStore,
    RecordingView,
    SimulatedRunner,
    StopAfter,
    job_of,
    make_search,
)

SPACE = Space([Parameter("x", Float(-1.0, 1.0)), Parameter("n", Int(1, 10))])
SMALL = Space([Parameter("n", Int(1, 4))])


def square(hp, report, segment):
    return hp.get("x") ** 2 + hp.get("n")


def values(history):
    return [dict(trial.values) for trial in history]


def test_budget(tmp_path):
    search = make_search(job_of(square), tmp_path, space=SPACE, max_trials=7)
    assert search.run("p", {}) is StopReason.BUDGET
    assert len(search.history) == 7
    assert all(t.status is TrialStatus.COMPLETED for t in search.history)
    best = min(search.history, key=lambda t: t.score)
    assert search.history.best(1) == [best]


@pytest.mark.parametrize("workers", [1, 3])
def test_small_space_ends_when_it_is_exhausted_and_not_before(tmp_path, workers):
    view = RecordingView()
    search = make_search(
        job_of(lambda hp, report, segment: float(hp.get("n"))),
        tmp_path,
        space=SMALL,
        runner=SimulatedRunner(workers),
        views=[view],
        max_trials=50,
    )
    assert search.run("p", {}) is StopReason.EXHAUSTED
    assert sorted(t.values["n"] for t in search.history) == [1, 2, 3, 4]
    (end,) = view.of(ev.SearchEnded)
    assert "every point of the space was tried" in end.message


def test_same_seed_same_search_other_seed_other_search(tmp_path):
    def run(seed):
        search = make_search(job_of(square), tmp_path, space=SPACE, seed=seed, max_trials=10)
        search.run("p", {})
        return values(search.history)

    assert run(0) == run(0)
    assert run(0) != run(1)


WRITES = 26
"""Of the search below, all of them; the test counts."""


@pytest.mark.parametrize("cut", range(WRITES))
def test_resumed_equals_never_stopped(tmp_path, cut):
    """The process dies at the cut-th write; what follows is as if it had not."""

    def flaky(hp, report, segment):
        report({"loss": 1.0})
        if hp.get("n") == 3 and segment.attempt == 0:
            raise ValueError("once")
        return square(hp, report, segment)

    options = {"max_trials": 4, "executions_per_trial": 2, "max_retries_per_trial": 1}

    class Dying(MemoryStore):
        left = -1  # never

        def record(self, events):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            super().record(events)

    undisturbed = Dying()
    whole = make_search(job_of(flaky), tmp_path, space=SPACE, store=undisturbed, seed=5, **options)
    whole.run("p", {})
    assert -1 - undisturbed.left == WRITES

    store = Dying()
    store.left = cut
    store.events.append(ev.SpaceGrown(tuple(SPACE), None))
    first = make_search(job_of(flaky), tmp_path, space=SPACE, store=store, seed=5, **options)
    with pytest.raises(KeyboardInterrupt):
        first.run("p", {})
    store.left = -1
    second = make_search(
        job_of(flaky), tmp_path, store=store, project=store.load(), seed=5, **options
    )
    assert second.run("p", {}) is StopReason.BUDGET
    assert values(second.history) == values(whole.history)
    assert [t.score for t in second.history] == [t.score for t in whole.history]
    ended = [e.trial.number for e in store.events if isinstance(e, ev.TrialEnded)]
    assert sorted(ended) == [0, 1, 2, 3]


def test_executions_are_averaged(tmp_path):
    search = make_search(
        job_of(lambda hp, report, segment: float(segment.execution)),
        tmp_path,
        space=SMALL,
        max_trials=1,
        executions_per_trial=3,
    )
    search.run("p", {})
    (trial,) = search.history
    assert trial.score == 1.0
    assert [e.index for e in trial.executions] == [0, 1, 2]


def test_seeds_differ_between_trials_executions_and_attempts(tmp_path):
    seeds = []

    def train(hp, report, segment):
        seeds.append(segment.seed)
        if segment.attempt == 0:
            raise ValueError
        return 0.0

    search = make_search(
        job_of(train),
        tmp_path,
        space=SMALL,
        max_trials=3,
        executions_per_trial=2,
        max_retries_per_trial=1,
    )
    search.run("p", {})
    assert len(seeds) == len(set(seeds)) == 12
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_retry_that_succeeds_is_a_success_and_keeps_finished_executions(tmp_path):
    runs = []

    def train(hp, report, segment):
        runs.append((segment.execution, segment.attempt))
        if segment.execution == 1 and segment.attempt < 2:
            raise ValueError("not yet")
        return 1.0

    search = make_search(
        job_of(train),
        tmp_path,
        space=SMALL,
        max_trials=1,
        executions_per_trial=2,
        max_retries_per_trial=2,
    )
    search.run("p", {})
    (trial,) = search.history
    assert trial.status is TrialStatus.COMPLETED
    assert runs == [(0, 0), (1, 0), (1, 1), (1, 2)]
    assert [e.outcome for e in trial.executions].count(Outcome.FAILED) == 2


def test_rejected_values_are_not_retried(tmp_path):
    runs = []

    def train(hp, report, segment):
        runs.append(segment.attempt)
        raise FailedTrialError("too large")

    search = make_search(
        job_of(train), tmp_path, space=SMALL, max_trials=2, max_retries_per_trial=5
    )
    with pytest.raises(RuntimeError, match=r"All trials \(2\) were rejected"):
        search.run("p", {})
    assert runs == [0, 0]
    assert all(t.failure.endswith("FailedTrialError: too large") for t in search.history)


def test_failures_in_a_row_stop_the_search_and_are_on_record(tmp_path):
    store = MemoryStore()
    store.events.append(ev.SpaceGrown(tuple(SPACE), None))

    def train(hp, report, segment):
        raise ValueError("broken builder")

    search = make_search(job_of(train), tmp_path, space=SPACE, store=store, max_trials=20)
    with pytest.raises(RuntimeError, match=r"(?s)3 trials in a row failed.*broken builder"):
        search.run("p", {})
    project = store.load()
    assert [t.status for t in project.trials] == [TrialStatus.FAILED] * 3
    # Fixed and run again, the search goes on at once.
    again = make_search(job_of(square), tmp_path, store=store, project=project, max_trials=5)
    assert again.run("p", {}) is StopReason.BUDGET
    assert len(again.history) == 5


def test_a_space_whose_every_point_failed_is_an_error(tmp_path):
    def train(hp, report, segment):
        raise ValueError("broken at once")

    search = make_search(
        job_of(train),
        tmp_path,
        space=Space([SMALL[0]]),
        oracle=GridOracle(),
        max_trials=20,
        max_consecutive_failed_trials=9,
    )
    with pytest.raises(RuntimeError, match=r"(?s)All 4 points of the space failed.*broken at once"):
        search.run("p", {})


def test_a_first_failure_does_not_exhaust_an_unknown_space(tmp_path):
    """It failed before it asked for anything; the space was empty until then."""

    def train(hp, report, segment):
        if segment.trial.number == 0:
            raise MemoryError
        return float(hp.Int("n", 1, 3))

    search = make_search(job_of(train), tmp_path, max_trials=20)
    assert search.run("p", {}) is StopReason.EXHAUSTED
    assert sorted(t.score for t in search.history if t.score) == [1, 2, 3]


def test_successes_in_between_reset_the_count(tmp_path):
    def train(hp, report, segment):
        if segment.trial.number % 3:
            raise ValueError
        return 0.0

    search = make_search(job_of(train), tmp_path, space=SPACE, max_trials=9)
    assert search.run("p", {}) is StopReason.BUDGET
    assert search.history.failed == 6


def test_fatal_error_stops_at_once_and_leaves_the_trial_to_be_run_again(tmp_path):
    view, store = RecordingView(), MemoryStore()

    def train(hp, report, segment):
        raise FatalValueError("wrong data")

    search = make_search(job_of(train), tmp_path, space=SPACE, store=store, views=[view])
    with pytest.raises(FatalValueError, match="wrong data"):
        search.run("p", {})
    assert store.load().trials[0].status is TrialStatus.RUNNING
    (end,) = view.of(ev.SearchEnded)
    assert end.message == "stopped by FatalValueError: wrong data"
    assert view.closed == 1


def test_queue_goes_first_and_duplicates_are_skipped(tmp_path):
    store = MemoryStore()
    store.record([ev.SpaceGrown(tuple(SMALL), None)])
    store.record([ev.Enqueued(i, {"n": n}) for i, n in enumerate([3, 1, 3])])
    search = make_search(
        job_of(lambda hp, report, segment: float(hp.get("n"))),
        tmp_path,
        oracle=GridOracle(),
        store=store,
        project=store.load(),
    )
    search.run("p", {})
    assert [t.values["n"] for t in search.history] == [3, 1, 2, 4]
    assert [t.origin for t in search.history] == ["enqueued", "enqueued", "oracle", "oracle"]


def test_several_workers_find_what_one_finds(tmp_path):
    def run(workers):
        runner = SimulatedRunner(workers, duration=lambda s: 1 + s.seed % 7)
        search = make_search(
            job_of(lambda hp, report, segment: float(hp.get("n"))),
            tmp_path,
            space=SMALL,
            runner=runner,
            max_trials=50,
        )
        search.run("p", {})
        return sorted(t.values["n"] for t in search.history)

    assert run(1) == run(3) == [1, 2, 3, 4]


def test_parameters_met_on_the_way_join_the_space(tmp_path):
    def train(hp, report, segment):
        if hp.get("n") > 2:
            return hp.Float("late", 0.0, 1.0)
        return 5.0

    store, view = MemoryStore(), RecordingView()
    search = make_search(
        job_of(train), tmp_path, space=SMALL, store=store, views=[view], max_trials=30
    )
    search.run("p", {})
    assert search.space.names == ["n", "late"]
    assert [g.added[0].name for g in view.of(ev.SpaceGrown)] == ["late"]
    for trial in search.history:
        assert set(trial.values) == ({"n", "late"} if trial.values["n"] > 2 else {"n"})
    late = [t.values["late"] for t in search.history if "late" in t.values]
    # Random search draws it in the very trial that meets it, too.
    assert len(late) == len(set(late)) > 5
    assert 0.0 not in late


def test_what_the_first_trial_meets_is_in_the_middle_of_its_range(tmp_path):
    def train(hp, report, segment):
        return hp.get("n") + hp.Float("late", 0.0, 1.0)

    search = make_search(
        job_of(train), tmp_path, space=SMALL, oracle=BayesianOracle(), max_trials=2
    )
    search.run("p", {})
    assert search.history[0].values["late"] == 0.5


def test_new_entries_are_not_tuned_when_told_so(tmp_path):
    def train(hp, report, segment):
        return hp.get("n") + hp.Float("late", 0.0, 1.0)

    search = make_search(
        job_of(train), tmp_path, space=SMALL, max_trials=30, tune_new_entries=False
    )
    assert search.run("p", {}) is StopReason.EXHAUSTED
    assert search.space == SMALL
    assert [t.values["late"] for t in search.history] == [0.0] * 4


def test_scheduler_stops_a_trial(tmp_path):
    def train(hp, report, segment):
        epochs = 0
        while report({"loss": 1.0}):
            epochs += 1
        return float(epochs)

    search = make_search(job_of(train), tmp_path, space=SMALL, scheduler=StopAfter(3), max_trials=2)
    search.run("p", {})
    assert [t.executions[0].epochs for t in search.history] == [3, 3]


def test_max_time_finishes_the_trial_under_way(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def train(hp, report, segment):
        now[0] += 4.0
        return 0.0

    search = make_search(job_of(train), tmp_path, space=SPACE, max_trials=50, max_time=10)
    assert search.run("p", {}) is StopReason.TIME
    assert len(search.history) == 3
    assert search.history.running == []


def test_a_view_that_raises_is_switched_off(tmp_path, caplog):
    class Broken(RecordingView):
        def on_event(self, event):
            super().on_event(event)
            raise OSError("no space")

    broken, good = Broken(), RecordingView()
    search = make_search(job_of(square), tmp_path, space=SPACE, views=[broken, good], max_trials=3)
    assert search.run("p", {}) is StopReason.BUDGET
    assert len(broken.events) == 1
    assert len(good.of(ev.TrialEnded)) == 3
    assert "Broken failed and is switched off" in caplog.text


def test_a_store_that_fails_stops_the_search_with_its_error(tmp_path):
    class Full(MemoryStore):
        def record(self, events):
            if any(isinstance(e, ev.TrialEnded) for e in events):
                raise StoreError("disk is full")
            super().record(events)

    view, store = RecordingView(), Full()
    search = make_search(job_of(square), tmp_path, space=SPACE, store=store, views=[view])
    with pytest.raises(StoreError, match="disk is full"):
        search.run("p", {})
    assert view.of(ev.TrialEnded) == [], "nobody is shown what is not safe"
    assert view.closed == 1


def test_conditional_choice_values_reach_the_builder(tmp_path):
    space = Space([Parameter("kind", Choice((None, "a")))])
    seen = []
    search = make_search(
        job_of(lambda hp, report, segment: float(bool(seen.append(hp.get("kind"))))),
        tmp_path,
        space=space,
    )
    search.run("p", {})
    assert sorted(map(str, seen)) == ["None", "a"]
