"""What is written in KerasTuner's form, KerasTuner reads; and so do we."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kerastune_lite as kt
from kerastune_lite._src.core.objective import DefaultObjective, Objective, Sum
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite._src.store.kerastuner_writing import write_kerastuner_files
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
from tests.kerastuner_projects import quietly, reloaded, searched

FIELDS = ("trial_id", "values", "status", "score", "loss", "best_step", "metrics", "message")
LOSS = Objective("val_loss", "min")
ACCURACY = Objective("val_accuracy", "max")
MLP = Condition("kind", ("mlp",))
SPACE = Space(
    [
        Parameter("kind", Choice(("mlp", "cnn"), default="cnn")),
        Parameter("units", Int(8, 64, 8), (MLP,)),
        Parameter("wide", Boolean(True), (MLP, Condition("units", (8, 16)))),
        Parameter("depth", Int(1, 9, sampling="log", default=3)),
        Parameter("rate", Float(1e-4, 1e-1, sampling="reverse_log")),
        Parameter("dropout", Float(0.0, 0.5, 0.25)),
        Parameter("batch", Choice((16, 32, 64))),
        Parameter("scale", Choice((1, 0.5), default=0.5)),
        Parameter("epochs", Fixed(7)),
    ]
)


def ended(number, values, score, objective=LOSS, step=3, **more):
    """A completed trial; `more` are further metrics."""
    metrics = {objective.name: score, **more}
    loss = objective.loss_of(score)
    execution = Execution(0, Outcome.COMPLETED, 0, score, loss, metrics, step, 9)
    return Trial(
        number,
        values,
        SPACE,
        TrialStatus.COMPLETED,
        score=score,
        loss=loss,
        metrics=metrics,
        best_step=step,
        executions=(execution,),
        started=1e9 + number,
        finished=1e9 + 100 - number,
    )


def several(objective=LOSS):
    """Trials of every status."""
    base = {"depth": 2, "rate": 0.01, "dropout": 0.25, "batch": 16, "scale": 1, "epochs": 7}
    cnn = {"kind": "cnn", **base}
    wrong = Execution(0, Outcome.FAILED, message="Traceback\nValueError: too deep")
    return [
        ended(0, {"kind": "mlp", "units": 8, "wide": False, **base}, 0.5, objective, loss=0.25),
        ended(1, cnn, 0.75, objective, loss=0.125),
        Trial(2, cnn, SPACE, message="", started=1e9 + 2).failed_by(wrong, 1e9 + 60),
        ended(3, {**cnn, "depth": 3}, 0.625, objective, loss=0.5),
        Trial(4, {**cnn, "depth": 4}, SPACE, started=1e9 + 4),
    ]


@pytest.mark.parametrize("objective", [LOSS, ACCURACY])
def test_kerastuner_reads_it(tmp_path, objective):
    trials = several(objective)
    assert write_kerastuner_files(tmp_path / "p", trials, SPACE, objective, seed=5) == []
    oracle = reloaded(tmp_path, "p", objective).oracle
    ids = [trial.trial_id for trial in trials]
    assert (sorted(oracle.trials), oracle.start_order) == (ids, ids)
    assert oracle.end_order == ["0002", "0003", "0001", "0000"]
    for trial in trials:
        theirs = oracle.trials[trial.trial_id]
        assert theirs.hyperparameters.values == trial.values
        assert theirs.status == trial.status.value
        assert theirs.score == trial.score
        assert theirs.best_step == (trial.best_step or 0)
        assert theirs.message == trial.message
        assert {
            name: history.get_history()[0].value for name, history in theirs.metrics.metrics.items()
        } == {name: [value] for name, value in trial.metrics.items()}
    expected = ["0001", "0003", "0000"] if objective is ACCURACY else ["0000", "0003", "0001"]
    assert [trial.trial_id for trial in oracle.get_best_trials(3)] == expected
    assert oracle.trials["0000"].metrics.get_direction(objective.name) == objective.direction
    assert oracle.trials["0000"].metrics.get_direction("loss") == "min"
    assert oracle.trials["0000"].metrics.get_best_step(objective.name) == 3


def test_its_bayesian_search_reads_it_as_well(tmp_path):
    write_kerastuner_files(tmp_path / "p", several(), SPACE, LOSS, 0)
    oracle = reloaded(tmp_path, "p", LOSS, "BayesianOptimization").oracle
    assert len(oracle.trials) == 5
    assert (oracle.alpha, oracle.beta) == (1e-4, 2.6)


def test_kerastuner_has_the_space(tmp_path):
    write_kerastuner_files(tmp_path / "p", several(), SPACE, LOSS, 0)
    oracle = reloaded(tmp_path, "p", LOSS).oracle

    def declare(hp):
        hp.Choice("kind", ["mlp", "cnn"], default="cnn")
        with hp.conditional_scope("kind", ["mlp"]):
            hp.Int("units", 8, 64, 8)
            with hp.conditional_scope("units", [8, 16]):
                hp.Boolean("wide", True)
        hp.Int("depth", 1, 9, sampling="log", default=3)
        hp.Float("rate", 1e-4, 1e-1, sampling="reverse_log")
        hp.Float("dropout", 0, 0.5, 0.25)
        hp.Choice("batch", [16, 32, 64])
        hp.Choice("scale", [1.0, 0.5], default=0.5)
        hp.Fixed("epochs", 7)

    theirs = type(oracle.hyperparameters)()
    declare(theirs)
    expected = theirs.get_config()["space"]
    for entry in expected:
        entry["config"]["default"] = _default(entry)
    found = oracle.hyperparameters.get_config()["space"]
    for entry in found:
        entry["config"]["default"] = _default(entry)
    assert found == expected
    assert oracle.hyperparameters.values == theirs.values
    # The oracle would have noticed a name that it does not have.
    before = len(oracle.hyperparameters.space)
    declare(oracle.hyperparameters)
    assert len(oracle.hyperparameters.space) == before


def _default(entry):
    """KerasTuner writes null if the default of an Int is its minimum."""
    config = entry["config"]
    default = config.get("default")
    return config.get("min_value", config.get("value")) if default is None else default


def test_kerastuner_goes_on_with_it(tmp_path):
    space = Space([Parameter("x", Int(0, 3))])
    trials = [ended(number, {"x": number}, 1.0 + number) for number in range(3)]
    write_kerastuner_files(tmp_path / "p", trials, space, LOSS, seed=1)
    tuner = searched(
        tmp_path,
        lambda hp: {"val_loss": hp.Int("x", 0, 3) / 10},
        ("val_loss", "min"),
        name="p",
        max_trials=4,
    )
    assert tuner.oracle.start_order == ["0000", "0001", "0002", "3"]
    best = tuner.oracle.get_best_trials()[0]
    assert (best.trial_id, best.hyperparameters.values) == ("3", {"x": 3})
    project = kt.open_project(tmp_path / "p")
    assert [trial.score for trial in project.trials] == [1.0, 2.0, 3.0, 0.3]


def test_kerastuner_trains_what_was_running_again(tmp_path):
    space = Space([Parameter("x", Int(0, 3))])
    trials = [ended(0, {"x": 0}, 1.0), Trial(1, {"x": 1}, space)]
    write_kerastuner_files(tmp_path / "p", trials, space, LOSS, seed=1)
    tuner = searched(
        tmp_path, lambda hp: {"val_loss": 0.5}, ("val_loss", "min"), name="p", max_trials=2
    )
    assert tuner.oracle.trials["0001"].score == 0.5


def test_what_kerastuner_cannot_express(tmp_path):
    none = Condition("act", (None,))
    space = Space(
        [
            Parameter("act", Choice((None, "relu", "tanh"))),
            Parameter("slope", Float(0, 1), (Condition("act", ("relu", None)),)),
            Parameter("bias", Boolean(), (none,)),
            Parameter("nothing", Fixed(None)),
            Parameter("never", Choice((None,))),
        ]
    )
    values = {"act": None, "slope": 0.5, "bias": True, "nothing": None, "never": None}
    paused = Trial(
        1, values, space, TrialStatus.PAUSED, score=2.0, loss=2.0, metrics={"val_loss": 2.0}
    )
    trials = [ended(0, values, 1.0), paused]
    lost = write_kerastuner_files(tmp_path / "p", trials, space, LOSS, seed=1)
    assert lost == [
        "None among the values of 'act'",
        "the condition of 'slope' that 'act' is None",
        "the condition of 'bias' that 'act' is None",
        "'nothing' (always None)",
        "None among the values of 'never'",
        "the status PAUSED of 1 trial, written as RUNNING",
    ]
    oracle = reloaded(tmp_path, "p", LOSS).oracle
    found = {each.name: each for each in oracle.hyperparameters.space}
    assert list(found) == ["act", "slope", "bias"]
    assert (found["act"].values, found["act"].default) == (["relu", "tanh"], "relu")
    assert [each.get_config() for each in found["slope"].conditions] == [
        {"name": "act", "values": ["relu"]}
    ]
    assert found["bias"].conditions == []
    assert oracle.trials["0000"].hyperparameters.values == values
    assert (oracle.trials["0001"].status, oracle.trials["0001"].score) == ("RUNNING", 2.0)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_auc_1", "max"),
        ("sparse_categorical_accuracy", "max"),
        ("val_f1_score", "max"),
        ("weighted_acc", "max"),
        ("val_mae", "min"),
        ("accuracy_gap", "min"),
    ],
)
def test_directions_of_other_metrics(tmp_path, name, direction):
    trial = ended(0, {"x": 1}, 1.0, **{name: 0.5})
    write_kerastuner_files(tmp_path / "p", [trial], Space(), LOSS, 0)
    oracle = reloaded(tmp_path, "p", LOSS).oracle
    assert oracle.trials["0000"].metrics.get_direction(name) == direction


def test_several_objectives(tmp_path):
    both = Sum((LOSS, ACCURACY))
    metrics = {"val_loss": 1.0, "val_accuracy": 0.25}
    trial = ended(0, {"x": 1}, both.score(metrics), both, **metrics)
    write_kerastuner_files(tmp_path / "p", [trial], Space(), both, 0)
    theirs = reloaded(tmp_path, "p", both).oracle.get_best_trials()[0]
    assert theirs.score == 0.75 == theirs.metrics.get_best_value("multi_objective")
    assert theirs.metrics.get_direction("val_accuracy") == "max"


def test_an_existing_project_is_kept(tmp_path):
    write_kerastuner_files(tmp_path / "p", several(), SPACE, LOSS, 0)
    before = (tmp_path / "p" / "oracle.json").read_bytes()
    with pytest.raises(FileExistsError, match="contains a project of KerasTuner"):
        write_kerastuner_files(tmp_path / "p", several()[:1], SPACE, LOSS, 0)
    assert (tmp_path / "p" / "oracle.json").read_bytes() == before


# ---------------------------------------------------------------------- there and back


numbers = st.floats(allow_nan=False, width=32)


@st.composite
def histories(draw):
    """An objective, and trials of points of the space."""
    objective = draw(st.sampled_from([LOSS, ACCURACY, DefaultObjective()]))
    trials = []
    for number in range(draw(st.integers(1, 6))):
        values = SPACE.walk(lambda each: each.domain.from_unit(draw(st.floats(0, 1))))
        kind = draw(st.sampled_from(["completed", "failed", "running"]))
        trial = Trial(number, values, SPACE, started=1e9 + number)
        if kind == "completed":
            further = draw(st.dictionaries(st.sampled_from(["loss", "mae"]), numbers))
            score, step = draw(numbers), draw(st.integers(0, 50))
            trial = ended(number, values, score, objective, step, **further)
        elif kind == "failed":
            message = draw(st.text(max_size=20))
            trial = trial.failed_by(Execution(0, Outcome.FAILED, message=message), 1e9 + 60)
        trials.append(trial)
    return objective, trials


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories())
def test_export_and_open_is_the_same(tmp_path_factory, history):
    objective, trials = history
    folder = tmp_path_factory.mktemp("exported") / "p"
    write_kerastuner_files(folder, trials, SPACE, objective, seed=2)
    project = kt.open_project(folder, objective)
    for again, trial in zip(project.trials, trials, strict=True):
        for name in (*FIELDS, "started"):
            assert getattr(again, name) == getattr(trial, name), name
    assert [each.identity for each in project.space] == [each.identity for each in SPACE]
    assert [each.domain for each in project.space if each.name != "scale"] == [
        each.domain for each in SPACE if each.name != "scale"
    ]
    assert project.objective == objective


def test_numbers_that_json_lacks(tmp_path):
    trials = [ended(0, {"x": 1}, math.inf, mae=math.nan), ended(1, {"x": 2}, 1.0, mae=-math.inf)]
    write_kerastuner_files(tmp_path / "p", trials, Space(), LOSS, 0)
    with quietly():
        assert reloaded(tmp_path, "p", LOSS).oracle.trials["0000"].score == math.inf
    first, second = kt.open_project(tmp_path / "p").trials
    assert (first.score, second.metrics["mae"]) == (math.inf, -math.inf)
    assert math.isnan(first.metrics["mae"])
