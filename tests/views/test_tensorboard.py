import dataclasses

import pytest

from kerastune_lite._src.core.events import EpochEnded, SpaceGrown, TrialEnded
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView
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
from tests.views.fake_search import (
    UNITS,
    FakeSearch,
    Session,
    rows_of,
    scalars_of,
    sessions_of,
)

# ---------------------------------------------------------------------- what is written


def test_a_trial_is_one_run_with_kerass_tags(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    search.run(7, {"units": 32, "learning_rate": 0.25}, scores=(0.125,))
    assert {path.name for path in tmp_path.iterdir()} == {"trial_0007", "_search"}
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
    from kerastune_lite._src.views.tensorboard import event_files

    rewritten = []
    monkeypatch.setattr(event_files, "replace", lambda *args: rewritten.append(args))
    search = FakeSearch(TensorBoardView(tmp_path))
    for number in range(5):
        search.run(number, {"units": 8, "learning_rate": 0.5})
    search.stop()
    assert rewritten == []
