import dataclasses
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastune_lite.events import (
    EpochEnded,
    ExecutionEnded,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    SpaceGrown,
    StopReason,
    TrialEnded,
    TrialStarted,
)
from kerastune_lite.hyperparameters import (
    Boolean,
    Choice,
    Condition,
    Fixed,
    Float,
    Int,
    Parameter,
    Space,
)
from kerastune_lite.objective import Objective
from kerastune_lite.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.views.tensorboard import MAX_OPEN_FILES, TensorBoardView

UNITS = Parameter("units", Int(8, 64))
RATE = Parameter("learning_rate", Float(1e-4, 1e-1, sampling="log"))
PLAIN = Space([UNITS, RATE])


class FakeSearch:
    """Tells views what a search would, without training anything."""

    def __init__(self, *views, space=PLAIN, repeats=1, trials=(), project="digits"):
        self.views = views
        self.repeats = repeats
        self.trials = list(trials)
        objective = Objective("val_loss", "min")
        self.tell(SearchStarted(project, objective, space, 9, tuple(trials), {}, 1e9, repeats))

    def tell(self, *events):
        for event in events:
            for view in self.views:
                view.on_event(event)

    def start(self, number, values):
        trial = Trial(number, values, started=1e9 + number)
        self.tell(TrialStarted(trial))
        return trial

    def train(self, trial, execution=0, attempt=0, epochs=(0, 2), score=0.5, retry=False, **more):
        """Train from one epoch to another; a score of None stands for a failure."""
        key = trial.number, execution, attempt
        self.tell(SegmentStarted(*key, epochs[0], None, 1e9))
        for epoch in range(*epochs):
            metrics = {"loss": 2.0 - epoch, "val_loss": 3.0 - epoch, "learning_rate": 0.5}
            self.tell(EpochEnded(*key, epoch, metrics))
        outcome = Outcome.FAILED if score is None else Outcome.COMPLETED
        best = epochs[1] - 1 if epochs[1] > epochs[0] else None
        result = Execution(
            execution, outcome, attempt, score, score, best_epoch=best, epochs=epochs[1], **more
        )
        self.tell(ExecutionEnded(trial.number, result, retry))
        return result

    def end(self, trial, *executions, values=None):
        failed = any(each.outcome is not Outcome.COMPLETED for each in executions)
        trial = dataclasses.replace(
            trial,
            values=trial.values if values is None else values,
            status=TrialStatus.FAILED if failed else TrialStatus.COMPLETED,
            executions=executions,
            finished=trial.started + 1,
        )
        self.trials.append(trial)
        self.tell(TrialEnded(trial))
        return trial

    def run(self, number, values, used=None, scores=(0.5,), epochs=2, **more):
        """A whole trial with one execution per score."""
        trial = self.start(number, values)
        results = [
            self.train(trial, index, epochs=(0, epochs), score=score, **more)
            for index, score in enumerate(scores)
        ]
        return self.end(trial, *results, values=used)

    def stop(self):
        self.tell(SearchEnded(StopReason.BUDGET, "", 1e9))
        for view in self.views:
            view.close()


def events_of(run):
    """The events of a run, by TensorBoard's own record reader."""
    from tensorboard.compat.proto import event_pb2
    from tensorboard.compat.tensorflow_stub import errors, pywrap_tensorflow

    events = []
    for path in sorted(run.glob("*tfevents*")):
        reader = pywrap_tensorflow.PyRecordReader_New(str(path))
        while True:
            try:
                reader.GetNext()
            except errors.OutOfRangeError:
                break
            events.append(event_pb2.Event.FromString(reader.record()))
    assert events[0].file_version == "brain.Event:2"
    return events


def scalars_of(run):
    """{tag: [(step, value), ...]}, each tag described as a scalar when it is first met."""
    result = {}
    for event in events_of(run):
        for value in event.summary.value:
            if value.tag.startswith("_hparams_"):
                continue
            if value.tag not in result:
                assert value.metadata.plugin_data.plugin_name == "scalars"
            result.setdefault(value.tag, []).append((event.step, value.tensor.float_val[0]))
    return result


@dataclasses.dataclass
class Session:
    group: str
    hparams: dict
    status: str
    seconds: float


def sessions_of(directory):
    """{run: Session} of all runs below a directory; a second start or end would be an error."""
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

    result = {}
    for run in sorted({path.parent for path in directory.rglob("*tfevents*")}):
        found = {}
        for event in events_of(run):
            for value in event.summary.value:
                if value.tag.startswith("_hparams_"):
                    assert value.tag not in found
                    content = value.metadata.plugin_data.content
                    found[value.tag] = plugin_data_pb2.HParamsPluginData.FromString(content)
        if found:
            start = found["_hparams_/session_start_info"].session_start_info
            end = found["_hparams_/session_end_info"].session_end_info
            result[run.relative_to(directory).as_posix()] = Session(
                start.group_name,
                {
                    name: getattr(value, value.WhichOneof("kind"))
                    for name, value in sorted(start.hparams.items())
                },
                api_pb2.Status.Name(end.status),
                end.end_time_secs - start.start_time_secs,
            )
    return result


def rows_of(directory):
    return {run: session.hparams for run, session in sessions_of(directory).items()}


# ---------------------------------------------------------------------- what is written


def test_a_trial_is_one_run_with_kerass_tags(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    search.run(7, {"units": 32, "learning_rate": 0.25}, scores=(0.125,))
    assert [path.name for path in tmp_path.iterdir()] == ["trial_0007"]
    assert scalars_of(tmp_path / "trial_0007") == {
        "train/epoch_loss": [(0, 2.0), (1, 1.0)],
        "validation/epoch_loss": [(0, 3.0), (1, 2.0)],
        "train/epoch_learning_rate": [(0, 0.5), (1, 0.5)],
        "objective": [(1, 0.125)],
    }
    assert sessions_of(tmp_path) == {
        "trial_0007": Session(
            "digits/trial_0007", {"learning_rate": 0.25, "units": 32.0}, "STATUS_SUCCESS", 1.0
        )
    }


def test_a_trial_without_epochs_has_its_objective(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    search.run(0, {"units": 8, "learning_rate": 0.5}, epochs=0, metrics={"default_objective": 0.5})
    search.run(1, {"units": 8, "learning_rate": 0.5}, epochs=0, metrics={"val_auc": 0.75})
    assert scalars_of(tmp_path / "trial_0000") == {"objective": [(0, 0.5)]}
    assert scalars_of(tmp_path / "trial_0001") == {
        "validation/epoch_auc": [(0, 0.75)],
        "objective": [(0, 0.5)],
    }


def test_epochs_can_be_read_as_they_end_and_the_row_when_the_trial_has_ended(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    trial = search.start(0, {"units": 8, "learning_rate": 0.5})
    for epoch in range(3):
        search.tell(EpochEnded(0, 0, 0, epoch, {"loss": 1.0}))
        assert len(scalars_of(tmp_path / "trial_0000")["train/epoch_loss"]) == epoch + 1
    assert sessions_of(tmp_path) == {}
    search.end(trial, search.train(trial, epochs=(3, 4)))
    assert len(sessions_of(tmp_path)) == 1


def test_executions_are_sessions_of_one_group(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path), repeats=2)
    search.run(0, {"units": 8, "learning_rate": 0.5}, scores=(0.25, 0.75))
    sessions = sessions_of(tmp_path)
    assert list(sessions) == ["trial_0000/execution0", "trial_0000/execution1"]
    assert {each.group for each in sessions.values()} == {"digits/trial_0000"}
    assert scalars_of(tmp_path / "trial_0000/execution1")["objective"] == [(1, 0.75)]
    assert not list((tmp_path / "trial_0000").glob("*tfevents*"))


def test_a_trial_that_repeats_itself_moves_down(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    search.run(0, {"units": 8, "learning_rate": 0.5}, scores=(0.25, 0.75))
    assert list(sessions_of(tmp_path)) == ["trial_0000/execution0", "trial_0000/execution1"]
    assert len(scalars_of(tmp_path / "trial_0000/execution0")["train/epoch_loss"]) == 2
    assert not list((tmp_path / "trial_0000").glob("*tfevents*"))


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_retry_is_a_fresh_run_and_the_only_session(tmp_path, repeats):
    search = FakeSearch(TensorBoardView(tmp_path), repeats=repeats)
    trial = search.start(3, {"units": 8, "learning_rate": 0.5})
    first = search.train(trial, score=None, retry=True)
    second = search.train(trial, attempt=1, epochs=(0, 1))
    # Whether the trial lists the attempt that failed or not.
    search.end(trial, *([first, second] if repeats == 1 else [second]))
    name = "trial_0003" if repeats == 1 else "trial_0003/execution0"
    assert {run: each.group for run, each in sessions_of(tmp_path).items()} == {
        f"{name}_retry1": "digits/trial_0003"
    }
    assert len(scalars_of(tmp_path / name)["train/epoch_loss"]) == 2
    assert len(scalars_of(tmp_path / f"{name}_retry1")["train/epoch_loss"]) == 1


def test_a_failure_has_that_status_and_no_objective(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path), repeats=2)
    search.run(0, {"units": 8, "learning_rate": 0.5}, scores=(0.25, None))
    never_trained = search.start(1, {"units": 8, "learning_rate": 0.5})
    search.tell(TrialEnded(dataclasses.replace(never_trained, status=TrialStatus.FAILED)))
    status = {run: each.status for run, each in sessions_of(tmp_path).items()}
    assert status == {
        "trial_0000/execution0": "STATUS_SUCCESS",
        "trial_0000/execution1": "STATUS_FAILURE",
        "trial_0001/execution0": "STATUS_FAILURE",
    }
    assert "objective" not in scalars_of(tmp_path / "trial_0000/execution1")


def test_the_users_log_directories_get_sessions_only(tmp_path):
    own, logs = tmp_path / "own", tmp_path / "logs"
    view = TensorBoardView(own, extra_hparams_dirs=[logs, str(logs), own])
    search = FakeSearch(view)
    search.run(0, {"units": 8, "learning_rate": 0.5})
    trial = search.start(1, {"units": 9, "learning_rate": 0.5})
    search.train(trial, score=None, retry=True)
    search.end(trial, search.train(trial, attempt=1))
    assert list(sessions_of(logs)) == ["trial_0000/execution0", "trial_0001/execution0_retry1"]
    assert scalars_of(logs / "trial_0000/execution0") == {"objective": [(1, 0.5)]}
    assert list(sessions_of(own)) == ["trial_0000", "trial_0001_retry1"]


# ---------------------------------------------------------------------- columns


def test_values_keep_their_types(tmp_path):
    space = [
        Parameter("bias", Boolean()),
        Parameter("width", Choice((1, 2))),
        Parameter("decay", Choice((None, 0.5, 0.25))),
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("nothing", Fixed(None)),
        Parameter("clip", Choice((1.0, float("inf")))),
    ]
    search = FakeSearch(TensorBoardView(tmp_path), space=Space(space))
    names = [parameter.name for parameter in space]
    search.run(0, dict(zip(names, (True, 2, None, "adam", None, float("inf")), strict=True)))
    search.run(1, dict(zip(names, (False, 1, 0.5, "sgd", None, 1.0), strict=True)))
    first, second = rows_of(tmp_path).values()
    assert first == {
        "bias": True,
        "width": 2.0,
        "decay": "None",
        "optimizer": "adam",
        "nothing": "None",
        "clip": "inf",
    }
    assert second == {**first, "bias": False, "width": 1, "decay": "0.5", "optimizer": "sgd"} | {
        "clip": "1.0"
    }
    assert first["bias"] is True


def test_conditional_parameters_are_text(tmp_path):
    momentum = Parameter("momentum", Float(0, 1), (Condition("optimizer", ("sgd",)),))
    space = Space([Parameter("optimizer", Choice(("sgd", "adam"))), momentum])
    search = FakeSearch(TensorBoardView(tmp_path), space=space)
    search.run(0, {"optimizer": "sgd", "momentum": 0.5})
    search.run(1, {"optimizer": "adam"})
    assert rows_of(tmp_path) == {
        "trial_0000": {"optimizer": "sgd", "momentum": "0.5"},
        "trial_0001": {"optimizer": "adam", "momentum": "inactive"},
    }


def test_a_row_holds_what_was_used_and_not_what_was_proposed(tmp_path):
    """The units of a second layer that only some trials have."""
    space = Space([Parameter("layers", Int(1, 2)), UNITS, Parameter("units_1", Int(8, 64))])
    search = FakeSearch(TensorBoardView(tmp_path), space=space)
    search.run(0, {"layers": 2, "units": 8, "units_1": 16})
    assert rows_of(tmp_path)["trial_0000"]["units_1"] == 16.0
    search.run(1, {"layers": 1, "units": 8, "units_1": 32}, used={"layers": 1, "units": 8})
    assert rows_of(tmp_path) == {
        "trial_0000": {"layers": 2.0, "units": 8.0, "units_1": "16"},
        "trial_0001": {"layers": 1.0, "units": 8.0, "units_1": "inactive"},
    }


def test_earlier_rows_get_the_columns_of_a_space_that_grows(tmp_path):
    logs = tmp_path / "logs"
    view = TensorBoardView(tmp_path / "own", extra_hparams_dirs=[logs])
    search = FakeSearch(view, space=Space(), repeats=2)
    search.tell(SpaceGrown((UNITS,), 0))
    search.run(0, {}, used={"units": 8}, scores=(0.25, 0.75))
    extra = Parameter("l2", Float(0.0, 1.0))
    trial = search.start(1, {"units": 9})
    result = search.train(trial)
    search.tell(SpaceGrown((extra,), 1))
    search.end(trial, result, values={"units": 9, "l2": 0.5})
    expected = {
        "trial_0000/execution0": {"units": 8.0, "l2": "inactive"},
        "trial_0000/execution1": {"units": 8.0, "l2": "inactive"},
        "trial_0001/execution0": {"units": 9.0, "l2": "0.5"},
    }
    assert rows_of(tmp_path / "own") == expected
    assert rows_of(logs) == expected
    rewritten = scalars_of(tmp_path / "own/trial_0000/execution1")
    assert rewritten["train/epoch_loss"] == [(0, 2.0), (1, 1.0)]
    assert rewritten["objective"] == [(1, 0.75)]


def test_all_rows_agree_after_a_search_whose_every_trial_asks_for_something_new(tmp_path):
    view = TensorBoardView(tmp_path)
    search = FakeSearch(view, space=Space())
    for number in range(30):
        search.run(number, {}, used={f"p{number}": number}, epochs=0)
    search.stop()
    rows = rows_of(tmp_path)
    assert len(rows) == 30
    for number, row in enumerate(rows.values()):
        expected = {f"p{i}": "inactive" for i in range(30)}
        assert row == {**expected, f"p{number}": str(number)}


def test_columns_of_a_plain_space_are_written_once(tmp_path, monkeypatch):
    from kerastune_lite.views import event_files

    rewritten = []
    monkeypatch.setattr(event_files, "replace", lambda *args: rewritten.append(args))
    search = FakeSearch(TensorBoardView(tmp_path))
    for number in range(5):
        search.run(number, {"units": 8, "learning_rate": 0.5})
    search.stop()
    assert rewritten == []


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
    assert [path.name for path in tmp_path.iterdir()] == ["trial_0000"]


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
    assert all(len(scalars_of(run)["train/epoch_loss"]) == 3 for run in tmp_path.iterdir())
    assert len(sessions_of(tmp_path)) == 30


def test_nothing_is_imported_before_it_is_needed():
    program = """if True:
        import sys, tempfile
        from tests.views.test_tensorboard import FakeSearch, TensorBoardView
        loaded = [name for name in sys.modules if name.split(".")[0] == "tensorboard"]
        assert not loaded, loaded
        search = FakeSearch(TensorBoardView(tempfile.mkdtemp()))
        search.run(0, {"units": 8, "learning_rate": 0.5})
        assert "tensorboard" in sys.modules
        assert "tensorflow" not in sys.modules
    """
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# ---------------------------------------------------------------------- frames


@given(st.binary(max_size=3000))
def test_the_checksum_is_tensorboards(data):
    from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

    from kerastune_lite.views.event_files import masked_crc32c

    assert masked_crc32c(data) == pywrap_tensorflow.masked_crc32c(data)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_records_end_where_a_file_is_damaged(written, data):
    from kerastune_lite.views.event_files import frame, records

    content = b"".join(map(frame, written))
    assert list(records(content)) == written
    cut = data.draw(st.integers(0, len(content) - 1))
    intact = list(records(content[:cut]))
    assert intact == written[: len(intact)]
    assert len(intact) < len(written)
    flipped = content[:cut] + bytes([content[cut] ^ 0x55]) + content[cut + 1 :]
    found = list(records(flipped))
    assert found == written[: len(found)]
    assert len(found) < len(written)
