"""Trials are plain, frozen data."""

import dataclasses
import json

import pytest

from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment, Trial, TrialStatus
from kerastune_lite.hyperparameters import Choice, Condition, Int, Parameter, Space

SPACE = Space(
    [
        Parameter("kind", Choice(["a", "b"])),
        Parameter("units", Int(1, 9), (Condition("kind", ("b",)),)),
    ]
)


def test_statuses_are_strings():
    assert [str(status) for status in TrialStatus] == ["RUNNING", "PAUSED", "COMPLETED", "FAILED"]
    assert json.dumps(TrialStatus.RUNNING) == '"RUNNING"'
    assert TrialStatus("FAILED") is TrialStatus.FAILED
    assert Outcome("REJECTED") is Outcome.REJECTED


def test_a_trial_is_frozen():
    trial = Trial(3, {"kind": "a"})
    assert trial.status is TrialStatus.RUNNING
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.score = 1.0


def test_ids_sort_as_numbers_do():
    ids = [Trial(number, {}).trial_id for number in (2, 10, 100, 1000)]
    assert ids == sorted(ids) == ["0002", "0010", "0100", "1000"]


def test_hyperparameters_are_what_builders_take():
    trial = Trial(0, {"kind": "b", "units": 3}, SPACE)
    hp = trial.hyperparameters
    assert hp is trial.hyperparameters
    assert hp.Choice("kind", ["a", "b"]) == "b"
    assert hp.Int("units", 1, 9, parent_name="kind", parent_values=["b"]) == 3
    hp.values["units"] = 9
    assert trial.values == {"kind": "b", "units": 3}
    later = dataclasses.replace(trial, values={"kind": "a"})
    assert later.hyperparameters.values == {"kind": "a"}


def test_the_space_is_no_part_of_equality():
    assert Trial(0, {"kind": "a"}, SPACE) == Trial(0, {"kind": "a"})
    assert "space" not in repr(Trial(0, {}, SPACE))


def test_seconds_need_both_ends():
    assert Trial(0, {}, started=10.0, finished=12.5).seconds == 2.5
    assert Trial(0, {}, started=10.0).seconds is None
    assert Trial(0, {}, finished=10.0).seconds is None
    assert Trial(0, {}, started=0.0, finished=0.0).seconds == 0.0


def test_the_path_is_that_of_its_executions():
    def trial(*paths):
        executions = [Execution(i, Outcome.COMPLETED, path=path) for i, path in enumerate(paths)]
        return Trial(0, {}, executions=tuple(executions))

    assert trial().path is None
    assert trial(None).path is None
    assert trial("shared trace", None, "shared trace").path == "shared trace"
    assert trial("own trace", "shared trace", "own trace").path == "own trace, shared trace"
    assert trial("shared trace", "model.fit, shared trace").path == "shared trace, model.fit"


KERAS_ERROR = """Traceback (most recent call last):
  File "a.py", line 1, in fit
    raise ValueError(
ValueError: Exception encountered when calling Sequential.call().

Input 0 of layer 'dense' is incompatible with the layer.

Arguments received by Sequential.call():
  - training=True
"""


def test_the_failure_of_a_long_message_is_its_beginning():
    assert Trial(0, {}, message=KERAS_ERROR).failure == (
        "ValueError: Exception encountered when calling Sequential.call(). "
        "Input 0 of layer 'dense' is incompatible with the layer."
    )
    assert Trial(0, {}, message="stopped by hand\n").failure == "stopped by hand"


def test_the_failure_is_the_error_at_the_end_of_the_message():
    message = "Traceback (most recent call last):\n  ...\nValueError: too wide\n\n"
    assert Trial(0, {}, message=message).failure == "ValueError: too wide"
    assert Trial(0, {}).failure is None
    assert Trial(0, {}, message=" \n").failure is None


def test_segments_and_reports_say_all_in_their_defaults():
    trial = Trial(0, {"kind": "a"})
    segment = Segment(trial)
    assert (segment.execution, segment.attempt, segment.start_epoch) == (0, 0, 0)
    assert segment.end_epoch is None
    assert segment.keep_below is None
    report = Report(segment, (Execution(0, Outcome.COMPLETED, score=0.5),), trial.values)
    assert report.added == ()
    assert report.fatal is None
    assert report.executions[0].metrics == {}
