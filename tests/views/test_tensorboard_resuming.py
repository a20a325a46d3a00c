import dataclasses
import os
import subprocess
import sys

import pytest

from kerastune_lite._src.core.events import EpochEnded, TrialPaused, TrialResumed, TrialStarted
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.views.tensorboard.tensorboard_view import MAX_OPEN_FILES, TensorBoardView
from kerastune_lite.hyperparameters import Space
from tests.views.fake_search import (
    UNITS,
    FakeSearch,
    rows_of,
    scalars_of,
    sessions_of,
)

# ---------------------------------------------------------------------- crashes and resuming


def leave_half_written(directory, epochs=3, attempts=1):
    """A search that is killed while trial 0 trains."""
    search = FakeSearch(TensorBoardView(directory))
    trial = search.start(0, {"units": 8, "learning_rate": 0.5})
    for attempt in range(attempts):
        for epoch in range(epochs):
            search.tell(EpochEnded(0, 0, attempt, epoch, {"loss": 100.0 + epoch}))
    for view in search.views:
        view.close()
    return trial


def test_a_trial_that_starts_again_replaces_what_was_left(tmp_path):
    trial = leave_half_written(tmp_path, attempts=3)
    users = tmp_path / "trial_0000" / "events.out.tfevents.1.somebody"
    users.write_bytes(b"")
    before = set(tmp_path.rglob("*kerastune_lite"))
    search = FakeSearch(TensorBoardView(tmp_path), trials=[trial])
    search.run(0, trial.values)
    assert scalars_of(tmp_path / "trial_0000")["train/epoch_loss"] == [(0, 2.0), (1, 1.0)]
    assert list(sessions_of(tmp_path)) == ["trial_0000"]
    assert users.exists()
    assert not before & set(tmp_path.rglob("*kerastune_lite"))
    assert {path.name for path in tmp_path.iterdir()} == {"trial_0000", "_search"}


def test_a_trial_that_is_taken_up_keeps_the_epochs_before(tmp_path):
    trial = leave_half_written(tmp_path)
    search = FakeSearch(TensorBoardView(tmp_path), trials=[trial])
    search.end(trial, search.train(trial, epochs=(2, 4)))
    losses = scalars_of(tmp_path / "trial_0000")["train/epoch_loss"]
    assert losses == [(0, 100.0), (1, 101.0), (2, 0.0), (3, -1.0)]


def test_a_trial_that_starts_again_and_fails_at_once_has_no_epochs_left(tmp_path):
    trial = leave_half_written(tmp_path)
    search = FakeSearch(TensorBoardView(tmp_path), trials=[trial])
    search.end(trial, search.train(trial, epochs=(0, 0), score=None))
    assert scalars_of(tmp_path / "trial_0000") == {}
    assert sessions_of(tmp_path)["trial_0000"].status == "STATUS_FAILURE"


def test_an_execution_that_was_done_before_the_crash_keeps_its_epochs(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path), repeats=2)
    trial = search.start(0, {"units": 8, "learning_rate": 0.5})
    done = search.train(trial, 0, score=0.25)
    search.views[0].close()
    search = FakeSearch(TensorBoardView(tmp_path), repeats=2, trials=[trial])
    search.tell(TrialStarted(trial))
    search.end(trial, done, search.train(trial, 1, score=0.75))
    for index, score in enumerate((0.25, 0.75)):
        scalars = scalars_of(tmp_path / f"trial_0000/execution{index}")
        assert len(scalars["train/epoch_loss"]) == 2
        assert scalars["objective"] == [(1, score)]
    assert len(sessions_of(tmp_path)) == 2


def test_segments_continue_a_run_and_a_segment_trained_again_replaces_its_epochs(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    trial = search.start(0, {"units": 8, "learning_rate": 0.5})
    search.train(trial, epochs=(0, 2))
    search.train(trial, epochs=(2, 4))
    search.end(trial, search.train(trial, epochs=(3, 5)))
    steps = [step for step, _ in scalars_of(tmp_path / "trial_0000")["train/epoch_loss"]]
    assert steps == [0, 1, 2, 3, 4]
    assert len(list((tmp_path / "trial_0000").iterdir())) == 1


@pytest.mark.parametrize(("repeats", "later"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_a_resumed_search_mends_the_rows_of_the_first(tmp_path, repeats, later):
    """Rows lost in the crash, rows of a smaller space, and files that are cut short."""
    first = FakeSearch(TensorBoardView(tmp_path), space=Space([UNITS]), repeats=repeats)
    for number in range(4):
        first.run(number, {"units": 8 + number}, scores=(0.5,) * repeats)
    names = list(sessions_of(tmp_path))
    torn = tmp_path / names[-1]
    (torn_file,) = torn.iterdir()
    torn_file.write_bytes(torn_file.read_bytes()[:-5])
    if repeats == later:
        (lost_file,) = (tmp_path / names[0]).iterdir()
        lost_file.unlink()
    # What was written keeps its layout, whatever the settings are now.
    second = FakeSearch(TensorBoardView(tmp_path), trials=first.trials, repeats=later)
    rows = rows_of(tmp_path)
    assert list(rows) == names
    assert all(row["learning_rate"] == "inactive" for row in rows.values())
    assert len(scalars_of(torn)["train/epoch_loss"]) == 2
    second.run(4, {"units": 32, "learning_rate": 0.5})
    assert rows_of(tmp_path)[names[-1]]["learning_rate"] == "inactive"


def test_a_view_that_joins_late_writes_the_trials_so_far(tmp_path):
    first = FakeSearch()
    for number in range(3):
        first.run(number, {"units": 8, "learning_rate": 0.5}, metrics={"val_loss": 0.5})
    FakeSearch(TensorBoardView(tmp_path), trials=[*first.trials, Trial(3, {"units": 8})])
    assert list(sessions_of(tmp_path)) == ["trial_0000", "trial_0001", "trial_0002"]
    assert scalars_of(tmp_path / "trial_0002") == {
        "validation/epoch_loss": [(1, 0.5)],
        "objective": [(1, 0.5)],
    }


def test_an_untouched_search_is_not_written_again(tmp_path):
    first = FakeSearch(TensorBoardView(tmp_path))
    for number in range(3):
        first.run(number, {"units": 8, "learning_rate": 0.5})
    first.stop()
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*tfevents*")}
    FakeSearch(TensorBoardView(tmp_path), trials=first.trials).stop()
    assert before == {path: path.stat().st_ino for path in tmp_path.rglob("*tfevents*")}


def test_the_view_can_be_closed_at_any_time(tmp_path):
    view = TensorBoardView(tmp_path)
    view.close()
    search = FakeSearch(view)
    trial = search.start(0, {"units": 8, "learning_rate": 0.5})
    search.tell(EpochEnded(0, 0, 0, 0, {"loss": 1.0}))
    view.close()
    view.close()
    search.tell(EpochEnded(0, 0, 0, 1, {"loss": 1.0}))
    view.close()
    search.end(trial, search.train(trial, epochs=(2, 3)))
    assert len(scalars_of(tmp_path / "trial_0000")["train/epoch_loss"]) == 3
    assert len(sessions_of(tmp_path)) == 1


# ---------------------------------------------------------------------- economy


def test_few_files_are_open_however_many_trials_run(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    trials = [search.start(number, {"units": 8, "learning_rate": 0.5}) for number in range(30)]
    for epoch in range(2):
        for trial in trials:
            search.tell(EpochEnded(trial.number, 0, 0, epoch, {"loss": 1.0}))
    if os.path.isdir("/proc/self/fd"):
        links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        targets = [os.readlink(link) for link in links if os.path.lexists(link)]
        assert sum(str(tmp_path) in target for target in targets) <= MAX_OPEN_FILES
    for trial in trials:
        search.end(trial, search.train(trial, epochs=(2, 3)))
    assert all(len(scalars_of(run)["train/epoch_loss"]) == 3 for run in tmp_path.glob("trial_*"))
    assert len(sessions_of(tmp_path)) == 30


def test_nothing_is_imported_before_it_is_needed():
    program = """if True:
        import sys, tempfile
        from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView
        from tests.views.fake_search import FakeSearch
        loaded = [name for name in sys.modules if name.split(".")[0] == "tensorboard"]
        assert not loaded, loaded
        search = FakeSearch(TensorBoardView(tempfile.mkdtemp()))
        search.run(0, {"units": 8, "learning_rate": 0.5})
        assert "tensorboard" in sys.modules
        assert "tensorflow" not in sys.modules
    """
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("restarted", [False, True])
def test_rungs_of_a_trial_are_one_run(tmp_path, restarted):
    search = FakeSearch(TensorBoardView(tmp_path))
    trial = search.start(0, {"units": 8, "learning_rate": 0.5})
    first = search.train(trial, epochs=(0, 1))
    paused = dataclasses.replace(trial, status=TrialStatus.PAUSED, executions=(first,))
    search.tell(TrialPaused(paused))
    if restarted:
        search.stop()
        search = FakeSearch(TensorBoardView(tmp_path), trials=[paused])
    search.run(1, {"units": 16, "learning_rate": 0.5})
    search.tell(TrialResumed(dataclasses.replace(paused, status=TrialStatus.RUNNING)))
    search.end(trial, search.train(trial, epochs=(1, 4)))
    losses = scalars_of(tmp_path / "trial_0000")["train/epoch_loss"]
    assert losses == [(0, 2.0), (1, 1.0), (2, 0.0), (3, -1.0)]
    runs = ["_search", "trial_0000", "trial_0001"]
    assert sorted(path.name for path in tmp_path.iterdir()) == runs
    assert sessions_of(tmp_path)["trial_0000"].status == "STATUS_SUCCESS"
