from __future__ import annotations

import dataclasses

import pytest

from kerastune_lite._src.core.trial import TRAINING_PATHS, Execution, Outcome, Trial
from kerastune_lite._src.views.training_paths import paths_line
from tests.views.streams import completed, failed, on_path, repeated, trial


def trained(path: str | None, reason: str | None = None, count: int = 1) -> list[Trial]:
    """Completed trials on one path."""
    return [on_path(completed(number, 0.9), path, reason) for number in range(count)]


def test_nothing_is_said_where_no_path_is_known() -> None:
    assert paths_line([]) is None
    assert paths_line([trial(0), failed(1), *trained(None)]) is None


@pytest.mark.parametrize(
    ("path", "one", "several"),
    [
        ("model.fit", "1 trial with model.fit", "2 trials with model.fit"),
        ("own trace", "1 trial on a trace of its own", "2 trials on a trace of their own"),
        ("shared trace", "1 trial on a shared trace", "2 trials on a shared trace"),
        ("NumPy", "1 trial in NumPy", "2 trials in NumPy"),
        ("stacked", "1 trial side by side (stacked)", "2 trials side by side (stacked)"),
    ],
)
def test_one_path(path: str, one: str, several: str) -> None:
    assert paths_line(trained(path)) == f"Trained: {one}"
    assert paths_line(trained(path, count=2)) == f"Trained: {several}"


def test_from_the_fastest_path_on() -> None:
    trials = [each for path in TRAINING_PATHS for each in trained(path)]
    assert paths_line(trials) == (
        "Trained: 1 trial side by side (stacked), 1 in NumPy, 1 on a shared trace, "
        "1 on a trace of its own, 1 with model.fit"
    )


def test_reasons_are_given_for_the_slower_paths() -> None:
    trials = [
        *trained("shared trace", "not stacked", 41),
        *trained("own trace", "a GRU layer"),
        *trained("model.fit", "generator input", 2),
    ]
    assert paths_line(trials) == (
        "Trained: 41 trials on a shared trace, 1 on a trace of its own (a GRU layer), "
        "2 with model.fit (generator input)"
    )


def test_several_reasons_are_counted() -> None:
    some = [*trained("model.fit", "batch hooks of Mine"), *trained("model.fit", "a", 2)]
    assert paths_line(some) == "Trained: 3 trials with model.fit (2× a; 1× batch hooks of Mine)"
    some = [*trained("model.fit"), *trained("model.fit", "a")]
    assert paths_line(some) == "Trained: 2 trials with model.fit (1× a)"


def test_the_three_commonest_reasons_are_named() -> None:
    counts = {"a": 1, "b": 4, "c": 2, "d": 3}
    trials = [each for why, count in counts.items() for each in trained("model.fit", why, count)]
    assert paths_line(trials) == (
        "Trained: 10 trials with model.fit (4× b; 3× d; 2× c; 1 for another reason)"
    )
    assert paths_line([*trials, *trained("model.fit", "e")]) == (
        "Trained: 11 trials with model.fit (4× b; 3× d; 2× c; 2 for other reasons)"
    )


def test_a_trial_counts_once_for_its_slowest_path() -> None:
    both = repeated(0, [0.8, 0.9])
    first, second = both.executions
    executions = (
        dataclasses.replace(first, path="own trace", path_reason="the first of its kind"),
        dataclasses.replace(second, path="shared trace", path_reason="not stacked"),
    )
    mixed = dataclasses.replace(both, executions=executions)
    expected = "Trained: 1 trial on a trace of its own (the first of its kind)"
    assert paths_line([mixed]) == expected
    fitted_twice = on_path(completed(1, 0.9), "shared trace, model.fit", "sample weights")
    assert paths_line([fitted_twice]) == "Trained: 1 trial with model.fit (sample weights)"


def test_an_attempt_that_failed_does_not_count() -> None:
    fine = on_path(completed(0, 0.9), "shared trace")
    failure = Execution(0, Outcome.FAILED, message="ValueError: no")
    retried = dataclasses.replace(fine, executions=(failure, *fine.executions))
    assert paths_line([retried]) == "Trained: 1 trial on a shared trace"


def test_paths_of_other_versions_are_shown_as_they_are() -> None:
    assert paths_line(trained("magic")) == 'Trained: 1 trial by "magic"'
