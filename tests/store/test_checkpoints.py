import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.store.checkpoints import (
    Checkpoints,
    best_execution,
    midway_name,
    state_name,
    weights_name,
)


@pytest.fixture
def checkpoints(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    return Checkpoints(tmp_path, keep=2)


def files(checkpoints):
    return sorted(p.name for p in (checkpoints.folder / "checkpoints").iterdir())


def end(checkpoints, history, losses, status=TrialStatus.COMPLETED):
    """A trial with an execution per loss ends, its weights written."""
    number = len(history)
    executions = []
    for index, loss in enumerate(losses):
        name = weights_name(number, index)
        (checkpoints.folder / name).touch()
        executions.append(Execution(index, Outcome.COMPLETED, loss=loss, weights=name))
    loss = sum(losses) / len(losses)
    trial = Trial(number, {"n": number}, status=status, loss=loss, executions=tuple(executions))
    if status is TrialStatus.FAILED:
        trial = Trial(number, {"n": number}, status=status, executions=tuple(executions))
    history.add(trial)
    checkpoints.prune(history, trial)
    return trial


def test_the_best_trials_keep_theirs(checkpoints):
    history = TrialHistory()
    for loss in (3.0, 2.0, 5.0, 1.0, 4.0):
        end(checkpoints, history, [loss])
    assert files(checkpoints) == [
        "trial_0001_execution0.weights.h5",
        "trial_0003_execution0.weights.h5",
    ]


def test_of_several_executions_the_best(checkpoints):
    trial = end(checkpoints, TrialHistory(), [3.0, 1.0, 2.0])
    assert files(checkpoints) == ["trial_0000_execution1.weights.h5"]
    assert best_execution(trial).index == 1


def test_failed_trials_keep_nothing(checkpoints):
    history = TrialHistory()
    end(checkpoints, history, [1.0, 2.0], TrialStatus.FAILED)
    assert files(checkpoints) == []


def test_threshold(checkpoints):
    history = TrialHistory()
    assert checkpoints.threshold(history, 1) is None
    end(checkpoints, history, [3.0])
    assert checkpoints.threshold(history, 1) is None
    end(checkpoints, history, [2.0])
    assert checkpoints.threshold(history, 1) == 3.0
    end(checkpoints, history, [1.0])
    assert checkpoints.threshold(history, 1) == 2.0
    assert checkpoints.threshold(history, 5) is None


def test_keep_none(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    checkpoints = Checkpoints(tmp_path, keep=0)
    end(checkpoints, TrialHistory(), [1.0])
    assert files(checkpoints) == []
    assert checkpoints.threshold(TrialHistory(), 1) == float("-inf")


def test_tidy_after_a_crash(checkpoints):
    history = TrialHistory()
    end(checkpoints, history, [1.0])
    end(checkpoints, history, [2.0])
    kept = Execution(0, Outcome.COMPLETED, loss=1.0, weights=weights_name(2, 0))
    history.add(Trial(2, {"n": 2}, executions=(kept,)))
    for name in (
        "trial_0002_execution0.weights.h5",
        "trial_0002_execution1.weights.h5",
        "trial_0002_execution1.partial.weights.h5",
        "mine.weights.h5",
    ):
        (checkpoints.folder / "checkpoints" / name).touch()
    checkpoints.tidy(history)
    assert files(checkpoints) == [
        "mine.weights.h5",
        "trial_0000_execution0.weights.h5",
        "trial_0001_execution0.weights.h5",
        "trial_0002_execution0.weights.h5",
    ]


def midway(checkpoints, *places):
    """States of (trial, execution, attempt, epoch) in the middle of segments."""
    for place in places:
        (checkpoints.folder / midway_name(*place)).touch()


def test_the_latest_state_of_a_training(checkpoints):
    assert checkpoints.midway(7, 0, 0) is None
    midway(checkpoints, (7, 0, 0, 9), (7, 0, 0, 41), (7, 0, 0, 12000), (7, 0, 1, 3))
    midway(checkpoints, (7, 10, 0, 5), (71, 0, 0, 6))
    (checkpoints.folder / (midway_name(7, 0, 0, 99999) + ".partial")).touch()
    assert checkpoints.midway(7, 0, 0) == (12000, midway_name(7, 0, 0, 12000))
    assert checkpoints.midway(7, 0, 1) == (3, midway_name(7, 0, 1, 3))
    assert checkpoints.midway(7, 10, 0) == (5, midway_name(7, 10, 0, 5))
    assert checkpoints.midway(7, 1, 0) is None
    checkpoints.forget_midway(7, 0, but=midway_name(7, 0, 1, 3))
    others = [midway_name(7, 0, 1, 3), midway_name(7, 10, 0, 5), midway_name(71, 0, 0, 6)]
    assert files(checkpoints) == [name.removeprefix("checkpoints/") for name in others]
    checkpoints.forget_midway(7)
    assert checkpoints.midway(7, 10, 0) is None
    assert checkpoints.midway(71, 0, 0) is not None


def test_tidy_keeps_the_states_of_trials_that_were_running(checkpoints):
    history = TrialHistory()
    end(checkpoints, history, [1.0])
    history.add(Trial(1, {"n": 1}))
    history.add(Trial(2, {"n": 2}, status=TrialStatus.PAUSED, loss=1.0))
    midway(checkpoints, *((number, 0, 0, 5) for number in range(4)))
    (checkpoints.folder / (midway_name(1, 0, 0, 6) + ".partial")).touch()
    (checkpoints.folder / state_name(1, 0, 3)).touch()
    checkpoints.tidy(history)
    assert files(checkpoints) == [
        "trial_0000_execution0.weights.h5",
        "trial_0001_execution0_attempt0_midway_e0005.state.zip",
    ]


def test_a_trial_that_ends_or_pauses_needs_none(checkpoints):
    history = TrialHistory()
    midway(checkpoints, (0, 0, 0, 5), (1, 0, 0, 5), (2, 0, 0, 5))
    end(checkpoints, history, [1.0])
    end(checkpoints, history, [2.0], TrialStatus.PAUSED)
    left = [name for name in files(checkpoints) if "midway" in name]
    assert left == [midway_name(2, 0, 0, 5).removeprefix("checkpoints/")]


def test_what_a_running_parent_writes_is_left_alone_when_a_child_ends(checkpoints):
    """The parent goes on in another process; its next state may be there before its report."""
    history = TrialHistory()
    (checkpoints.folder / state_name(0, 0, 2)).touch()
    known = Execution(0, Outcome.COMPLETED, loss=1.0, state=state_name(0, 0, 2))
    history.add(Trial(0, {"n": 0}, executions=(known,)))
    written = [state_name(0, 0, 1), state_name(0, 0, 4), state_name(0, 1, 4) + ".partial"]
    for name in written:
        (checkpoints.folder / name).touch()
    child = Trial(1, {"n": 1}, status=TrialStatus.COMPLETED, loss=1.0, parent=Parent(0, 2))
    history.add(child)
    checkpoints.prune(history, child)
    kept = [state_name(0, 0, 2), *written[1:]]  # not what came before the latest one
    assert files(checkpoints) == [name.removeprefix("checkpoints/") for name in kept]


def end_with(checkpoints, history, *losses, excess=0.0, guide=None):
    """A trial of several objectives, or of one that is not what guides the training."""
    number = len(history)
    name = weights_name(number, 0)
    (checkpoints.folder / name).touch()
    loss = losses[0] if guide is None else guide
    trial = Trial(
        number,
        {"n": number},
        status=TrialStatus.COMPLETED,
        loss=losses[0],
        losses=losses if len(losses) > 1 else (),
        excesses=(excess,),
        executions=(Execution(0, Outcome.COMPLETED, loss=loss, weights=name),),
    )
    history.add(trial)
    checkpoints.prune(history, trial)


def kept(checkpoints):
    return [int(name[6:10]) for name in files(checkpoints)]


class TestSeveralGoals:
    def test_all_of_the_front_keep_theirs(self, checkpoints):
        history = TrialHistory()
        for losses in [(1, 5), (5, 1), (3, 3), (2, 4), (4, 4)]:
            end_with(checkpoints, history, *losses)
        assert kept(checkpoints) == [0, 1, 2, 3]
        end_with(checkpoints, history, 0, 2)  # dominates all but one
        assert kept(checkpoints) == [1, 5]

    def test_besides_the_front_as_many_as_were_asked_for(self, checkpoints):
        history = TrialHistory()
        for losses in [(1, 1), (3, 3), (2, 2)]:
            end_with(checkpoints, history, *losses)
        assert kept(checkpoints) == [0, 2]

    def test_none_if_none_were_asked_for(self, tmp_path):
        (tmp_path / "checkpoints").mkdir()
        checkpoints = Checkpoints(tmp_path, keep=0)
        end_with(checkpoints, TrialHistory(), 1, 1)
        assert files(checkpoints) == []

    def test_what_satisfies_the_constraints_keeps_them_first(self, checkpoints):
        history = TrialHistory()
        for loss, excess in [(1.0, 3.0), (2.0, 0.0), (0.5, 4.0), (9.0, 0.0)]:
            end_with(checkpoints, history, loss, excess=excess)
        assert kept(checkpoints) == [1, 3]

    def test_tidying_leaves_the_front(self, checkpoints):
        history = TrialHistory()
        for losses in [(1, 5), (5, 1), (3, 3), (2, 4), (4, 4)]:
            end_with(checkpoints, history, *losses)
        checkpoints.tidy(history)
        assert kept(checkpoints) == [0, 1, 2, 3]

    @pytest.mark.parametrize("excess", [0.0, 1.0])
    def test_weights_are_written_unless_the_loss_of_training_alone_decides(
        self, checkpoints, excess
    ):
        history = TrialHistory()
        end_with(checkpoints, history, 1.0, excess=excess)
        end_with(checkpoints, history, 2.0, excess=excess)
        assert checkpoints.threshold(history, 1) == (None if excess else 2.0)
        two = TrialHistory()
        for losses in [(1, 5), (5, 1)]:
            end_with(checkpoints, two, *losses)
        assert checkpoints.threshold(two, 1) is None
        measured = TrialHistory()
        for size in (1000.0, 2000.0):
            end_with(checkpoints, measured, size, guide=0.25)
        assert checkpoints.threshold(measured, 1) is None
