"""The way to Optuna: what was searched comes out there as it was."""

import dataclasses
import datetime

import pytest

from kerastune_lite._src.analysis.study import to_study
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.parameters import Condition
from kerastune_lite.hyperparameters import Boolean, Choice, Fixed, Float, Int, Parameter, Space
from tests.analysis.trials import ACCURACY, LOSS, completed, cube, failed, sampled

optuna = pytest.importorskip("optuna")
State = optuna.trial.TrialState

SGD = (Condition("optimizer", ("sgd",)),)
ALL_KINDS = Space(
    [
        Parameter("layers", Int(1, 4)),
        Parameter("units", Int(8, 100, step=24)),
        Parameter("wide", Int(4, 512, step=2, sampling="log")),
        Parameter("any", Int(3, 3000, sampling="log")),
        Parameter("rate", Float(1e-5, 1e-1, sampling="log")),
        Parameter("rungs", Float(1e-4, 1e-1, step=10, sampling="log")),
        Parameter("decay", Float(0.9, 0.999, sampling="reverse_log")),
        Parameter("dropout", Float(0.0, 0.55, step=0.1)),
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("momentum", Float(0.0, 0.95), SGD),
        Parameter("batch_size", Choice((32, 64, 128))),
        Parameter("clip", Choice((0.5, 1.0, None))),
        Parameter("norm", Boolean()),
        Parameter("epochs", Fixed(10)),
        Parameter("one", Float(0.5, 0.5)),
    ]
)


def study_of(trials, objective=LOSS, curves=None, **more):
    return to_study(trials, objective, curves or {}, "digits", **more)


@pytest.mark.filterwarnings("error")
def test_all_values_come_out_as_they_were():
    trials = sampled(ALL_KINDS, lambda v: v["rate"], 60)
    study = study_of(trials)
    for ours, theirs in zip(trials, study.trials):
        assert theirs.params == ours.values
        assert {k: type(v) for k, v in theirs.params.items()} == {
            k: type(v) for k, v in ours.values.items()
        }
        assert (theirs.number, theirs.value, theirs.state) == (
            ours.number,
            ours.score,
            State.COMPLETE,
        )
    assert study.best_trial.number == min(trials, key=lambda t: t.loss).number


def test_distributions_are_what_optuna_has_of_them():
    shown = study_of(sampled(ALL_KINDS, lambda v: v["rate"], 40)).trials[0].distributions
    kinds = optuna.distributions
    assert shown["units"] == kinds.IntDistribution(8, 80, step=24)  # 100 is never reached
    assert shown["any"] == kinds.IntDistribution(3, 3000, log=True)
    assert shown["wide"] == kinds.IntDistribution(4, 512, log=True)  # no steps on a logarithm there
    assert shown["dropout"] == kinds.FloatDistribution(0.0, 0.5, step=0.1)
    assert shown["rate"] == kinds.FloatDistribution(1e-5, 1e-1, log=True)
    assert not shown["decay"].log
    assert shown["clip"] == kinds.CategoricalDistribution((0.5, 1.0, None))


def test_directions_states_and_times():
    space, values = cube(1), {"x0": 0.5}
    trials = [
        completed(0, values, space, 0.9, 0.7, objective=ACCURACY, metrics={"loss": 0.3}),
        failed(1, values, space),
        Trial(2, values, space, TrialStatus.RUNNING, started=1e9),
    ]
    study = study_of(trials, ACCURACY)
    assert study.direction is optuna.study.StudyDirection.MAXIMIZE
    done, broken, running = study.trials
    assert [t.state for t in study.trials] == [State.COMPLETE, State.FAIL, State.RUNNING]
    assert done.duration == datetime.timedelta(seconds=2)
    assert done.datetime_start == datetime.datetime.fromtimestamp(1e9)
    assert done.user_attrs["metrics"] == {"loss": 0.3}
    assert done.user_attrs["spread"] == pytest.approx(0.1414, abs=1e-3)
    assert broken.user_attrs["failure"] == "ValueError: too large"
    assert broken.value is None
    assert running.datetime_complete is None


def test_lower_rungs_are_pruned_and_epochs_are_steps_from_1():
    space = cube(1)
    trials = [
        completed(0, {"x0": 0.1}, space, 0.1, goal=3, status=TrialStatus.PAUSED),
        completed(1, {"x0": 0.2}, space, 0.2, goal=9),
    ]
    curves = {0: [{"val_loss": [3.0, 2.0]}, {"val_loss": [1.0, 4.0]}], 1: [{"val_loss": [1.0]}]}
    study = study_of(trials, curves=curves)
    assert [t.state for t in study.trials] == [State.PRUNED, State.COMPLETE]
    assert study.trials[0].intermediate_values == {1: 2.0, 2: 3.0}
    assert study.best_trial.number == 1


def test_what_a_name_has_meant_at_different_times_is_joined():
    """Optuna refuses a categorical parameter whose choices change."""
    first = Space([Parameter("kind", Choice(("a", "b"))), Parameter("n", Int(1, 4))])
    later = Space([Parameter("kind", Choice(("a", "b", "c"))), Parameter("n", Int(2, 9))])
    trials = [
        completed(0, {"kind": "b", "n": 1}, first, 0.5),
        completed(1, {"kind": "c", "n": 9}, later, 0.4),
    ]
    study = study_of(trials)
    assert [t.params for t in study.trials] == [t.values for t in trials]
    shown = study.trials[0].distributions
    assert shown["kind"].choices == ("a", "b", "c")
    assert shown["n"] == optuna.distributions.IntDistribution(1, 9)


def test_values_that_optuna_takes_for_the_same_are_named():
    first = Space(
        [Parameter("x", Fixed(True), SGD), Parameter("optimizer", Choice(("sgd", "adam")))]
    )
    both = first.merged([Parameter("x", Int(0, 1), (Condition("optimizer", ("adam",)),))])
    trials = [
        completed(0, {"optimizer": "sgd", "x": True}, both, 0.5),
        completed(1, {"optimizer": "adam", "x": 1}, both, 0.5),
    ]
    assert [t.params["x"] for t in study_of(trials).trials] == ["True", "1"]


def test_a_value_outside_of_its_domain():
    """An earlier search had a wider one, and values that no space holds."""
    space = Space([Parameter("n", Int(4, 8, step=2))])
    trials = [completed(0, {"n": 3, "other": "a"}, space, 0.5)]
    assert study_of(trials).trials[0].params == {"n": 3, "other": "a"}


def test_several_objectives():
    trials = sampled(cube(1), lambda v: v["x0"], 3)
    study = study_of(trials, further={Objective("seconds", "min"): {0: 5.0, 2: 7.0}})
    assert [t.values for t in study.trials] == [[trials[0].score, 5.0], [trials[2].score, 7.0]]


@pytest.mark.parametrize("name", ["study.log", "study.db"])
def test_a_file_for_the_dashboard(tmp_path, name):
    trials = sampled(ALL_KINDS, lambda v: v["rate"], 2)
    curves = {0: [{"val_loss": [0.5, 0.4]}]}
    study_of(trials, curves=curves, storage=tmp_path / name)
    path = tmp_path / name
    if name.endswith(".log"):
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(backend)
    else:
        storage = f"sqlite:///{path}"
    read = optuna.load_study(study_name="digits", storage=storage)
    assert [t.params for t in read.trials] == [t.values for t in trials]
    assert read.trials[0].intermediate_values == {1: 0.5, 2: 0.4}
    with pytest.raises(FileExistsError, match="must name a new file"):
        study_of(trials, storage=path)


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere"):
        study_of([], storage=tmp_path / "nowhere" / "study.db")


def test_a_url_is_no_file():
    with pytest.raises(ValueError, match=r"must be the path of a file .* Received the URL"):
        study_of([], storage="sqlite:///study.db")


def test_the_users_verbosity_is_left_alone():
    before = optuna.logging.get_verbosity()
    study_of(sampled(cube(1), lambda v: v["x0"], 2))
    assert optuna.logging.get_verbosity() == before


def test_an_infinite_score_has_no_value():
    trial = dataclasses.replace(completed(0, {}, Space(), 1.0), score=float("nan"))
    assert study_of([trial]).trials[0].state is State.FAIL
