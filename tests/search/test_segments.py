"""What is left to train of a trial, as segments."""

import dataclasses

import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Execution, Outcome, Trial
from kerastune_lite._src.search.segments import Segments
from kerastune_lite._src.store.checkpoints import Checkpoints, midway_name, state_name
from kerastune_lite.oracles import RandomOracle

FAILED = Execution(0, Outcome.FAILED)


@pytest.fixture
def segments(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    checkpoints = Checkpoints(tmp_path, 1)
    return Segments(TrialHistory(), RandomOracle(), checkpoints, 5, 2, False, False, True)


def touch(segments, name):
    (segments.checkpoints.folder / name).touch()
    return name


def test_from_the_start_if_there_is_no_state(segments):
    segment = segments.make(Trial(0, {}), 0)
    assert (segment.start_epoch, segment.resume_from, segment.otherwise) == (0, None, None)
    assert segment.midway


def test_from_the_middle_of_the_training(segments):
    start = segments.make(Trial(0, {}), 0)
    state = touch(segments, midway_name(0, 0, 0, 41))
    segment = segments.make(Trial(0, {}), 0)
    assert (segment.start_epoch, segment.resume_from) == (41, state)
    assert segment.seed == start.seed
    assert segment.otherwise == start
    assert segments.make(Trial(0, {}), 1).start_epoch == 0, "it is another execution"
    assert segments.make(Trial(1, {}), 0).start_epoch == 0, "it is another trial"


def test_a_retry_starts_anew_and_goes_on_from_its_own_state(segments):
    touch(segments, midway_name(0, 0, 0, 41))
    trial = Trial(0, {}, executions=(FAILED,))
    start = segments.make(trial, 0)
    assert (start.attempt, start.start_epoch) == (1, 0)
    touch(segments, midway_name(0, 0, 1, 7))
    segment = segments.make(trial, 0)
    assert (segment.attempt, segment.start_epoch, segment.seed) == (1, 7, start.seed)


@pytest.mark.parametrize(("epoch", "begin"), [(2, 3), (3, 3), (4, 4)])
def test_from_the_rung_or_from_a_later_state(segments, epoch, begin):
    rung = state_name(0, 0, 3)
    reached = Execution(0, Outcome.COMPLETED, epochs=3, loss=1.0, state=rung)
    trial = Trial(0, {}, executions=(reached,), goal=9, resumable=True)
    start = segments.make(trial, 0)
    assert (start.start_epoch, start.resume_from) == (3, rung)
    state = touch(segments, midway_name(0, 0, 0, epoch))
    segment = segments.make(trial, 0)
    assert (segment.start_epoch, segment.resume_from) == (begin, state if begin > 3 else rung)
    assert (segment.seed, segment.keep_state) == (start.seed, start.keep_state)


def test_whole_trials_have_no_state_of_their_own(segments):
    touch(segments, midway_name(0, 0, 0, 41))
    whole = dataclasses.replace(segments, whole_trials=True).make(Trial(0, {}), 0)
    assert (whole.start_epoch, whole.midway) == (0, False)
