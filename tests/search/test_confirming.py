"""The race after a search, on doubles: no TensorFlow, no disk, a virtual clock."""

import dataclasses

import numpy as np
import pytest

from kerastune_lite._src.analysis.racing import LEAST, MOST
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import Outcome
from kerastune_lite._src.search.confirming import Confirm
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite._src.search.seeds import round_seed, split_place
from kerastune_lite._src.util.errors import FatalValueError
from kerastune_lite.hyperparameters import Choice, Int, Parameter, Space
from tests.doubles import MemoryStore, RecordingView, SimulatedRunner, job_of, make_search

SPACE = Space([Parameter("n", Int(1, 40, default=40))])
WHOLE = Confirm()


class Splitting(GuardedJob):
    """A job whose rounds have validation samples of their own."""

    validation_share = 0.2

    def __init__(self, job):
        super().__init__(job._train)


def noisy(seconds=lambda segment: 1.0, scale=20.0):
    """A job whose scores vary with the seed; by default as much as the best candidates differ."""

    def function(hp, report, segment):
        report({"loss": 1.0})
        noise = np.random.default_rng([segment.seed, hp.get("n")]).normal()
        return hp.get("n") + scale * noise

    job = job_of(function)
    train = job._train

    def timed(trial, hp, segment, emit):
        (execution,) = train(trial, hp, segment, emit)
        metrics = {**execution.metrics, "model_size": float(hp.get("n"))}
        return [dataclasses.replace(execution, seconds=seconds(segment), metrics=metrics)]

    return Splitting(GuardedJob(timed))


def by_place(rounds):
    return sorted(rounds, key=lambda each: (each.trial, each.number))


def run(tmp_path, job=None, trials=12, confirm=WHOLE, **kwargs):
    if kwargs.get("project") is None and "store" in kwargs:
        kwargs["store"].record([ev.SpaceGrown(tuple(SPACE), None)])
    search = make_search(
        job or noisy(), tmp_path, space=SPACE, confirm=confirm, max_trials=trials, **kwargs
    )
    search.run("p", {})
    return search


def ended(view):
    (event,) = view.of(ev.SearchEnded)
    return event.confirmation


def test_the_winner_of_the_race_comes_first(tmp_path):
    view = RecordingView()
    search = run(tmp_path, views=[view])
    found = ended(view)
    assert found.fresh
    assert search.history.best(1)[0].number == found.winner
    assert search.history.best(1)[0].confirmed
    losses = [trial.loss for trial in search.history.best()[1:]]
    assert losses == sorted(losses)
    assert search.history.rank(search.history[found.winner]) == 0


def test_all_candidates_of_a_round_have_one_seed_and_one_split(tmp_path):
    search = run(tmp_path)
    assert {each.number for each in search.rounds} >= set(range(LEAST))
    for each in search.rounds:
        assert each.seed == round_seed(0, each.number)
        assert each.split.place == split_place(0, each.number)
        assert each.split.share == 0.2
    assert len({each.seed for each in search.rounds}) == len({e.number for e in search.rounds})


def test_what_segments_of_rounds_are_like(tmp_path):
    seen = []

    def function(hp, report, segment):
        seen.append(segment)
        return float(hp.get("n"))

    run(tmp_path, Splitting(job_of(function)), trials=6)
    races = [segment for segment in seen if segment.race]
    assert races
    assert all(segment.keep_below == float("-inf") for segment in races)
    assert all(segment.end_epoch is None and segment.start_epoch == 0 for segment in races)
    assert all(segment.place == split_place(0, segment.execution) for segment in races)


def test_epochs_and_trials_of_the_search_are_left_alone(tmp_path):
    store, plain = MemoryStore(), MemoryStore()
    raced, alone = run(tmp_path, store=store), run(tmp_path, store=plain, confirm=None)
    scores = [[(t.values, t.score, t.status) for t in each.history] for each in (raced, alone)]
    assert scores[0] == scores[1]
    assert [store.epochs(n) for n in range(12)] == [plain.epochs(n) for n in range(12)]
    assert alone.rounds == []


def test_without_a_race_the_order_is_that_of_the_search(tmp_path):
    view = RecordingView()
    search = run(tmp_path, confirm=None, views=[view])
    assert ended(view) is None
    assert not any(trial.confirmed for trial in search.history)


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_change_nothing(tmp_path, workers):
    def duration(segment):
        return 1.0 + (segment.trial.number * 7 + segment.execution * 3) % 5

    store = MemoryStore()
    alone = run(tmp_path, store=store)
    store.events = [event for event in store.events if not isinstance(event, ev.RoundEnded)]
    runner = SimulatedRunner(workers, duration)
    several = run(tmp_path, runner=runner, project=store.load())
    assert by_place(alone.rounds) == by_place(several.rounds)
    assert alone.rounds


def test_same_seed_same_race(tmp_path):
    first, second, other = run(tmp_path), run(tmp_path), run(tmp_path, seed=1)
    assert first.rounds == second.rounds
    assert first.rounds != other.rounds


@pytest.mark.parametrize("cut", range(20, 68, 4))
def test_resumed_equals_never_stopped(tmp_path, cut):
    """The process dies at a write in the race; nothing that was trained is trained again."""
    whole = run(tmp_path, trials=6)

    class Dying(MemoryStore):
        left = cut

        def record(self, events):
            events = list(events)
            self.left -= 1
            if self.left < 0:
                raise SystemExit
            super().record(events)

    store = Dying()
    with pytest.raises(SystemExit):
        run(tmp_path, trials=6, store=store)
    trained = []

    def counted(segment):
        trained.append((segment.trial.number, segment.execution, segment.race))
        return 1.0

    after = MemoryStore()
    after.events = store.events
    known = {(each.trial, each.number) for each in after.load().rounds}
    again = run(tmp_path, noisy(counted), trials=6, store=after, project=after.load())
    assert by_place(again.rounds) == by_place(whole.rounds)
    assert again.history.best(1)[0].number == whole.history.best(1)[0].number
    assert not known & {(trial, number) for trial, number, race in trained if race}


def test_a_race_that_has_ended_is_not_run_again(tmp_path):
    store = MemoryStore()
    first = run(tmp_path, store=store)
    rounds = len(first.rounds)
    before = len([e for e in store.events if isinstance(e, ev.RoundEnded)])
    again = run(tmp_path, store=store, project=store.load())
    assert len(again.rounds) == rounds
    assert len([e for e in store.events if isinstance(e, ev.RoundEnded)]) == before
    assert again.history.best(1)[0].number == first.history.best(1)[0].number


def test_a_longer_search_races_again_with_the_rounds_that_are_known(tmp_path):
    store, view = MemoryStore(), RecordingView()
    first = run(tmp_path, store=store, trials=8)
    again = run(tmp_path, store=store, trials=20, project=store.load(), views=[view])
    new = [each.round for each in view.of(ev.RoundEnded)]
    known = {(each.trial, each.number) for each in first.rounds}
    assert new
    assert not known & {(each.trial, each.number) for each in new}
    assert ended(view).winner == again.history.best(1)[0].number


def test_the_oracle_never_sees_who_was_confirmed(tmp_path):
    from kerastune_lite.oracles import RandomOracle

    class Looking(RandomOracle):
        def propose(self, space, history, count, rng):
            assert not any(trial.confirmed for trial in history)
            losses = [trial.loss for trial in history.best()]
            assert losses == sorted(losses)
            return super().propose(space, history, count, rng)

    store = MemoryStore()
    run(tmp_path, store=store, trials=8)
    run(tmp_path, store=store, trials=16, project=store.load(), oracle=Looking())


# ---------------------------------------------------------------------- how long


def test_auto_races_only_if_the_first_rounds_cost_little(tmp_path):
    def costs(best):
        return lambda segment: best if segment.trial.values["n"] <= 20 else 1.0

    view = RecordingView()
    dear = run(tmp_path, noisy(costs(1.0)), trials=20, confirm=Confirm(0.1), views=[view])
    assert dear.rounds == []
    assert ended(view) is None
    cheap = run(tmp_path, noisy(costs(0.001), 0.5), trials=40, confirm=Confirm(0.2))
    assert cheap.rounds
    spent = sum(e.seconds for t in cheap.history for e in t.executions)
    assert sum(each.seconds for each in cheap.rounds) <= 0.2 * spent


def test_auto_stops_when_the_rounds_take_longer_than_expected(tmp_path):
    def seconds(segment):
        return 1.5 if segment.race else 1.0

    search = run(tmp_path, noisy(seconds, 90.0), trials=30, confirm=Confirm(1.0))
    numbers = {each.number for each in search.rounds}
    assert LEAST - 1 in numbers
    assert MOST - 1 not in numbers
    assert sum(each.seconds for each in search.rounds) <= 30.0
    whole = run(tmp_path, noisy(seconds, 90.0), trials=30)
    assert MOST - 1 in {each.number for each in whole.rounds}


def test_one_trial_needs_no_race(tmp_path):
    assert run(tmp_path, trials=1).rounds == []


# ---------------------------------------------------------------------- failures


def test_a_candidate_whose_training_fails_leaves(tmp_path):
    def function(hp, report, segment):
        if segment.race and segment.trial.number == best and segment.execution == 1:
            raise ValueError("no")
        return float(hp.get("n"))

    best = min(run(tmp_path, confirm=None).history, key=lambda t: t.values["n"]).number
    view = RecordingView()
    search = run(tmp_path, job_of(function), views=[view])
    found = ended(view)
    assert found.failed == (best,)
    assert found.winner != best
    (failed,) = [each for each in search.rounds if each.outcome is not Outcome.COMPLETED]
    assert "ValueError: no" in failed.message
    assert search.history[best].score is not None  # The trial itself has not failed.


def test_a_race_in_which_all_fail_is_told_of(tmp_path):
    def function(hp, report, segment):
        if segment.race:
            raise OSError("the callback's file exists")
        return float(hp.get("n"))

    view = RecordingView()
    run(tmp_path, job_of(function), views=[view])
    assert ended(view) is None
    (event,) = view.of(ev.SearchEnded)
    assert event.message.endswith("no winner was confirmed: OSError: the callback's file exists")


def test_a_fatal_error_in_the_race_ends_the_search_and_keeps_what_was_trained(tmp_path):
    def function(hp, report, segment):
        if segment.race and segment.execution == 2:
            raise FatalValueError("the script is wrong")
        return float(hp.get("n"))

    store = MemoryStore()
    with pytest.raises(FatalValueError, match="the script is wrong"):
        run(tmp_path, job_of(function), store=store)
    assert {each.number for each in store.load().rounds} == {0, 1}


def test_ctrl_c_ends_the_race_and_what_is_finished_counts(tmp_path):
    def function(hp, report, segment):
        if segment.race and segment.execution == LEAST + 1:
            raise KeyboardInterrupt
        return hp.get("n") / 100 + 2.0 * np.random.default_rng(segment.seed + hp.get("n")).normal()

    view = RecordingView()
    search = make_search(
        job_of(function), tmp_path, space=SPACE, confirm=WHOLE, max_trials=8, views=[view]
    )
    assert search.run("p", {}) is StopReason.BUDGET
    (event,) = view.of(ev.SearchEnded)
    assert event.message.endswith("; the race to confirm the winner was interrupted")
    assert event.confirmation.rounds == LEAST + 1
    assert search.history.best(1)[0].number == event.confirmation.winner


def test_there_is_no_race_after_an_interrupted_search(tmp_path):
    def function(hp, report, segment):
        if segment.trial.number == 4:
            raise KeyboardInterrupt
        return float(hp.get("n"))

    search = make_search(job_of(function), tmp_path, space=SPACE, confirm=WHOLE, max_trials=8)
    assert search.run("p", {}) is StopReason.INTERRUPTED
    assert search.rounds == []


def test_lost_trainings_are_submitted_once_more(tmp_path):
    class Losing(SimulatedRunner):
        """Loses the first training of each round once, and one training always."""

        def __init__(self):
            super().__init__()
            self.seen = {}

        def wait(self, more=True):
            reports = []
            for report in super().wait(more):
                segment = report.segment
                place = segment.trial.number, segment.execution
                self.seen[place] = self.seen.get(place, 0) + segment.race
                always = place[1] == 2 and segment.race and place[0] == self.always
                once = self.seen[place] == 1 and place[1] == 0
                if segment.race and (always or once):
                    report = dataclasses.replace(report, executions=(), lost="The worker ended.")
                reports.append(report)
            return reports

    best = min(run(tmp_path, confirm=None).history, key=lambda t: t.loss).number
    runner = Losing()
    runner.always = best
    search = run(tmp_path, runner=runner)
    failed = [each for each in search.rounds if each.outcome is not Outcome.COMPLETED]
    assert [(each.trial, each.number) for each in failed] == [(best, 2)]
    assert failed[0].message == "The worker ended."
    assert runner.seen[best, 2] == 2


def test_rounds_of_a_trial_are_offered_as_companions_where_stacks_are_made(tmp_path):
    class Stacking(Splitting):
        together = 8

    lists = []

    class Noting(SimulatedRunner):
        def submit(self, segments):
            lists.append(segments)
            super().submit(segments)

    plain = run(tmp_path)
    search = run(tmp_path, Stacking(noisy()), runner=Noting())
    first = next(segments for segments in lists if segments[0].race)
    assert len(first) == len({each.trial for each in plain.rounds})
    assert all(len(segment.companions) == LEAST - 1 for segment in first)
    assert by_place(search.rounds) == by_place(plain.rounds)


def test_views_are_told_of_each_round_once(tmp_path):
    view = RecordingView()
    run(tmp_path, views=[view])
    numbers = [event.number for event in view.of(ev.RoundStarted)]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 2
    assert all(event.left <= event.candidates for event in view.of(ev.RoundStarted))


def test_the_race_is_stored_before_it_is_shown(tmp_path):
    store = MemoryStore()

    class Checking(RecordingView):
        def on_event(self, event):
            if isinstance(event, ev.RoundEnded):
                assert event in store.events
            super().on_event(event)

    view = Checking()
    run(tmp_path, store=store, views=[view])
    assert view.of(ev.RoundEnded)


def test_several_searches_with_a_space_of_choices(tmp_path):
    space = Space([Parameter("n", Choice((3, 1, 2)))])
    search = make_search(noisy(), tmp_path, space=space, confirm=WHOLE, max_trials=9)
    assert search.run("p", {}) is StopReason.EXHAUSTED
    assert {each.trial for each in search.rounds} == {0, 1, 2}


def test_places_of_rounds_are_spread():
    places = sorted(split_place(5, number) for number in range(MOST))
    gaps = np.diff([*places, places[0] + 1])
    assert gaps.max() < 2.7 / MOST
    assert all(0 <= place < 1 for place in places)
    assert split_place(5, 0) != split_place(6, 0)
