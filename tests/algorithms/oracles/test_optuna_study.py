"""The order of events in a study, and what Optuna is told of each trial."""

import dataclasses

import optuna

from kerastune_lite._src.algorithms.oracles.optuna_study import (
    Ended,
    FollowedStudy,
    Started,
    events,
)
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import Float, Parameter, Space

LINE = Space([Parameter("x", Float(0.0, 2.0))])


def trial(number, status=TrialStatus.COMPLETED, loss=0.5, **more):
    scored = {} if loss is None else {"loss": loss, "score": loss}
    return Trial(number, {"x": number / 4}, LINE, status, **scored, **more)


def numbers(history):
    return [(type(event).__name__, event.number) for event in events(LINE, TrialHistory(history))]


def ends(history):
    return [event for event in events(LINE, history) if isinstance(event, Ended)]


def test_one_after_the_other():
    assert numbers([trial(0), trial(1), trial(2, TrialStatus.RUNNING, None)]) == [
        ("Started", 0),
        ("Ended", 0),
        ("Started", 1),
        ("Ended", 1),
        ("Started", 2),
    ]


def test_side_by_side_in_the_order_of_their_times():
    times = [(0.0, 5.0), (1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    history = [trial(n, started=s, finished=f) for n, (s, f) in enumerate(times)]
    assert numbers(history) == [
        ("Started", 0),
        ("Started", 1),
        ("Ended", 1),
        ("Started", 2),
        ("Ended", 0),
        ("Ended", 2),
        ("Started", 3),
        ("Ended", 3),
    ]


def test_positions_are_told_and_who_enqueued_them():
    first, *_, second = [
        event
        for event in events(LINE, TrialHistory([trial(0), trial(1, origin="enqueued")]))
        if isinstance(event, Started)
    ]
    assert (first.params, first.enqueued) == ((("x", 0.0),), False)
    assert (second.params, second.enqueued) == ((("x", 0.125),), True)


def test_what_a_scheduler_stopped_is_pruned_with_its_curve():
    history = TrialHistory([trial(0, goal=3), trial(1, TrialStatus.PAUSED, goal=1), trial(2)])
    for epoch, loss in enumerate((0.9, float("nan"), 0.7)):
        history.note(0, 0, epoch, loss)
    assert ends(history) == [
        Ended(0, "PRUNED", curve=((1, 0.9), (3, 0.7))),
        Ended(1, "PRUNED", curve=((1, 0.5),)),
        Ended(2, "COMPLETE", (0.5,)),
    ]


def test_objectives_and_constraints():
    trials = [
        dataclasses.replace(trial(0), losses=(0.5, 3.0), excesses=(0.1, -0.2)),
        dataclasses.replace(trial(1, goal=1), losses=(0.4, 2.0)),
        trial(2, TrialStatus.FAILED, None),
    ]
    assert ends(TrialHistory(trials)) == [
        Ended(0, "COMPLETE", (0.5, 3.0), excesses=(0.1, -0.2)),
        Ended(1, "PRUNED"),
        Ended(2, "FAIL"),
    ]


class Watching(optuna.samplers.RandomSampler):
    """Has a copy of the study at each question."""

    seen: list[list[optuna.trial.FrozenTrial]] = []  # noqa: RUF012

    def infer_relative_search_space(self, study, trial):
        self.seen.append(study.get_trials())
        return {}


def test_a_sampler_sees_what_has_happened_by_then():
    Watching.seen.clear()
    times = [(0.0, 5.0), (1.0, 2.0), (3.0, 4.0)]
    history = TrialHistory(trial(n, started=s, finished=f) for n, (s, f) in enumerate(times))
    study = FollowedStudy(Watching(), LINE, 0, 1)
    assert study.follow(list(events(LINE, history)))
    study.ask(3, 0)
    states = [[each.state.name for each in seen] for seen in Watching.seen]
    assert states == [
        ["RUNNING"],
        ["RUNNING", "RUNNING"],
        ["RUNNING", "COMPLETE", "RUNNING"],
        ["COMPLETE", "COMPLETE", "COMPLETE", "RUNNING"],
    ]
    assert [each.params for each in Watching.seen[-1][:3]] == [
        {"x": 0.0},
        {"x": 0.125},
        {"x": 0.25},
    ]


def test_a_filled_study_is_one_that_was_asked():
    history = TrialHistory(
        [
            trial(0),
            dataclasses.replace(trial(1, goal=2), excesses=(0.3,)),
            trial(2, TrialStatus.FAILED, None),
            trial(3, TrialStatus.RUNNING, None),
        ]
    )
    history.note(1, 0, 0, 0.8)
    found = []
    for sampler in (optuna.samplers.RandomSampler(), Watching()):
        Watching.seen.clear()
        study = FollowedStudy(sampler, LINE, 0, 1)
        assert study.follow(list(events(LINE, history)))
        assert study.asks_again is isinstance(sampler, Watching)
        found.append(study.trials())
    for filled, asked in zip(*found, strict=True):
        for name in ("number", "state", "params", "distributions", "values", "constraints"):
            assert getattr(filled, name) == getattr(asked, name)
        assert filled.intermediate_values == asked.intermediate_values


def test_another_past_is_not_followed():
    first = [trial(0), trial(1)]
    for sampler in (optuna.samplers.RandomSampler(), Watching()):
        study = FollowedStudy(sampler, LINE, 0, 1)
        assert study.follow(list(events(LINE, TrialHistory(first))))
        assert study.follow(list(events(LINE, TrialHistory([*first, trial(2)]))))
        assert not study.follow(list(events(LINE, TrialHistory([first[0], trial(1, loss=9.0)]))))


class Remembering(optuna.samplers.RandomSampler):
    """Proposes another place each time it is asked."""

    asked = 0

    def sample_independent(self, study, trial, name, kind):
        self.asked += 1
        return self.asked / 10


def test_what_a_sampler_keeps_besides_the_study_follows_from_the_history(monkeypatch):
    history = TrialHistory([trial(0), trial(1)])
    for asks_again, place in ((True, 0.3), (False, 0.1)):
        if not asks_again:
            monkeypatch.setattr(optuna.samplers, "RandomSampler", Remembering)
        sampler = Remembering()
        for _ in range(2):
            study = FollowedStudy(sampler, LINE, 0, 1)
            assert study.asks_again is asks_again
            assert study.follow(list(events(LINE, history)))
            assert study.ask(2, 0) == {"x": 2 * place}
        assert sampler.asked == 0
