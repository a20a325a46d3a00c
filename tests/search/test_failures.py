"""Which trials count as failures, when a search gives up, and what it says at its end."""

import logging

import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.failures import shortened
from kerastune_lite._src.util.errors import FailedTrialError
from kerastune_lite.hyperparameters import Float, Int, Parameter, Space
from kerastune_lite.oracles import GridOracle
from tests.doubles import MemoryStore, RecordingView, SimulatedRunner, job_of, make_search

SPACE = Space([Parameter("x", Float(-1.0, 1.0))])
SMALL = Space([Parameter("n", Int(1, 4))])


def script(word):
    """A job whose n-th trial does what the n-th letter says; the last letter goes on for ever.

    C: completes; F: fails; R: is rejected.
    """

    def train(hp, report, segment):
        letter = word[min(segment.trial.number, len(word) - 1)]
        if letter == "R":
            raise FailedTrialError(f"number {segment.trial.number} is too large")
        if letter == "F":
            raise ValueError(f"number {segment.trial.number} is broken")
        return 0.0

    return job_of(train)


def letters(history):
    return "".join("R" if t.rejected else str(t.status)[0] for t in history)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "word",
    [
        "CRRRRRRRRR",  # however many, once anything has completed
        "RRRRRRRRC",  # and a good many before that
        "RCRRRRCRRRRR",
        "CFFRRCFFRRRRRC",  # a success in between ends a row of failures
    ],
)
def test_rejected_trials_are_skipped(tmp_path, caplog, word, workers):
    search = make_search(
        script(word),
        tmp_path,
        space=SPACE,
        max_trials=len(word),
        runner=SimulatedRunner(workers),
    )
    with caplog.at_level(logging.WARNING):
        assert search.run("p", {}) is StopReason.BUDGET
    assert letters(search.history) == word
    (said,) = [r.getMessage() for r in caplog.records if r.name.startswith("kerastune_lite")]
    count = word.count("R")
    assert said.startswith(f"{count} of {len(word)} trials were rejected (max_model_size, ")
    assert said.endswith(f"number {word.rindex('R')} is too large")


@pytest.mark.parametrize(
    ("word", "ends_after"),
    [("FFF", 3), ("FRFRF", 5), ("CFRRRFRF", 8), ("RRFFRF", 6), ("CRFFCRFFF", 9)],
)
def test_a_rejection_neither_adds_to_the_failures_in_a_row_nor_ends_them(
    tmp_path, word, ends_after
):
    search = make_search(script(word), tmp_path, space=SPACE, max_trials=50)
    with pytest.raises(RuntimeError, match=r"3 trials in a row failed(?s:.*)is broken"):
        search.run("p", {})
    assert letters(search.history) == word[:ends_after]


@pytest.mark.parametrize(("most", "count"), [(3, 30), (1, 10)])
def test_a_space_in_which_everything_is_rejected_is_given_up(tmp_path, most, count):
    search = make_search(
        script("R"),
        tmp_path,
        space=SPACE,
        max_trials=500,
        max_consecutive_failed_trials=most,
    )
    expected = rf"{count} trials were rejected .*before any was completed(?s:.*)is too large"
    with pytest.raises(RuntimeError, match=expected):
        search.run("p", {})
    assert letters(search.history) == "R" * count


def test_rejections_count_on_after_the_process_has_died(tmp_path, caplog):
    store = MemoryStore()
    store.record([ev.SpaceGrown(tuple(SPACE), None)])
    first = make_search(script("CRRRR"), tmp_path, space=SPACE, store=store, max_trials=4)
    first.run("p", {})
    caplog.clear()
    again = make_search(
        script("CRRRRRR"), tmp_path, store=store, project=store.load(), max_trials=7
    )
    assert again.run("p", {}) is StopReason.BUDGET
    assert "6 of 7 trials were rejected" in caplog.text
    assert [t.rejected for t in store.load().trials] == [False, *[True] * 6]


def test_the_reason_of_a_rejection_counts_for_a_trial_with_other_failures(tmp_path):
    def train(hp, report, segment):
        if segment.trial.number:
            return 0.0
        if segment.attempt == 0:
            raise ValueError("once")
        raise FailedTrialError("never")

    search = make_search(
        job_of(train), tmp_path, space=SPACE, max_trials=2, max_retries_per_trial=3
    )
    search.run("p", {})
    first = search.history[0]
    assert (first.rejected, first.status) == (True, TrialStatus.FAILED)
    assert first.failure.endswith("never")


# ---------------------------------------------------------------------- nothing came of it


def over(clock):
    """Each call makes it three seconds later."""

    def later():
        clock[0] += 3.0
        return clock[0]

    return later


@pytest.mark.parametrize("word", ["F", "FR", "RF", "R"])
@pytest.mark.parametrize(
    ("limits", "space", "advice"),
    [
        ({"max_trials": 2}, SPACE, "max_trials above 2"),
        ({"max_trials": 20, "oracle": GridOracle()}, SMALL, "overwrite=True"),
        ({"max_time": 10}, SPACE, "run the script again"),
    ],
    ids=["budget", "exhausted", "time"],
)
def test_a_search_in_which_everything_failed_says_so(
    tmp_path, monkeypatch, word, limits, space, advice
):
    monkeypatch.setattr("time.monotonic", over([0.0]))
    view, store = RecordingView(), MemoryStore()
    search = make_search(
        script(word),
        tmp_path,
        space=space,
        store=store,
        views=[view],
        max_consecutive_failed_trials=99,
        **limits,
    )
    with pytest.raises(RuntimeError, match=r"^All ") as caught:
        search.run("p", {})
    said = str(caught.value)
    latest = search.history[-1]
    assert advice in said
    assert f"number {latest.number} is" in said
    assert f"trial {latest.number}" in said
    assert ("rejected" in said.split("\n")[0]) == ("R" in word)
    assert store.load().trials == tuple(search.history)
    (end,) = view.of(ev.SearchEnded)
    assert (end.reason, end.message[:22]) == (StopReason.FAILED, "stopped by RuntimeErro")


def test_so_does_the_next_search_that_finds_nothing_left_to_do(tmp_path):
    store = MemoryStore()
    for _ in range(2):
        search = make_search(
            script("F"), tmp_path, space=SPACE, store=store, project=store.load(), max_trials=2
        )
        with pytest.raises(RuntimeError, match=r"All 2 trials failed(?s:.*)number 1 is broken"):
            search.run("p", {})
    mended = make_search(
        script("FFC"), tmp_path, space=SPACE, store=store, project=store.load(), max_trials=3
    )
    assert mended.run("p", {}) is StopReason.BUDGET


def test_one_trial_is_enough_and_none_says_nothing(tmp_path):
    search = make_search(script("F"), tmp_path, space=SPACE, max_trials=1)
    with pytest.raises(RuntimeError, match=r"^The trial failed\. "):
        search.run("p", {})
    assert make_search(script("F"), tmp_path, space=SPACE, max_time=0).run("p", {}) is (
        StopReason.TIME
    )


def test_an_interrupt_is_no_failure_of_all(tmp_path):
    def train(hp, report, segment):
        if segment.trial.number:
            raise KeyboardInterrupt
        raise ValueError("broken")

    search = make_search(job_of(train), tmp_path, space=SPACE, max_trials=9)
    assert search.run("p", {}) is StopReason.INTERRUPTED


def test_a_traceback_without_the_frames_of_libraries():
    message = """Traceback (most recent call last):
  File "/env/lib/python3/site-packages/keras/model.py", line 3, in fit
    deep()
    ~~~~^^
  File "/env/lib/python3/site-packages/keras/layer.py", line 4, in deep
    call()
  File "/home/me/script.py", line 7, in call
    raise ValueError("no")
ValueError: no
  with a second line
"""
    assert shortened(message).splitlines() == [
        "Traceback (most recent call last):",
        "  (2 frames of libraries)",
        '  File "/home/me/script.py", line 7, in call',
        '    raise ValueError("no")',
        "ValueError: no",
        "  with a second line",
    ]
    assert shortened(None) == ""
    assert shortened(message.replace("/home/me/", "/env/site-packages/")).splitlines()[1:3] == [
        "  (2 frames of libraries)",
        '  File "/env/site-packages/script.py", line 7, in call',
    ]
