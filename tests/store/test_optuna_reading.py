"""Studies of Optuna are opened like projects."""

import math
import warnings
from pathlib import Path

import optuna
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.trial import Outcome, TrialStatus
from kerastune_lite._src.store.optuna_reading import OptunaFolder
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.views.tensorboard import server
from kerastune_lite.hyperparameters import Boolean, Choice, Float, Int
from tests.views.fake_search import scalars_of, sessions_of


@pytest.fixture(autouse=True)
def silent():
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


def objective(trial):
    """One of each kind, and a hyperparameter that only some trials have."""
    kind = trial.suggest_categorical("kind", ["mlp", "cnn"])
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    units = trial.suggest_int("units", 8, 64, step=8) if kind == "mlp" else 0
    trial.suggest_int("depth", 1, 64, log=True)
    trial.suggest_categorical("bias", [True, False])
    trial.set_user_attr("test_loss", 2.0)
    trial.set_user_attr("note", "no number")
    if trial.number == 3:
        raise RuntimeError("of no interest")
    value = abs(math.log10(rate) + 2) + units / 64
    for step in range(3):
        trial.report(value + 2 - step, step + 1)
        if trial.number % 4 == 2:
            raise optuna.TrialPruned()
    return value


@pytest.fixture
def study():
    study = optuna.create_study(study_name="theirs", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=20, catch=RuntimeError)
    return study


def test_trials_are_those_of_optuna(study):
    results = kt.from_optuna(study)
    assert results.objective == kt.Objective("value", "min")
    assert [trial.number for trial in results.trials] == list(range(20))
    for ours, theirs in zip(results.trials, study.trials, strict=True):
        assert ours.values == theirs.params
        assert ours.origin == f"Optuna's trial {theirs.number}"
        assert ours.started == theirs.datetime_start.timestamp()
        assert ours.seconds == pytest.approx(theirs.duration.total_seconds(), abs=1e-6)
        if theirs.state.name == "FAIL":
            assert ours.status is TrialStatus.FAILED
            assert [each.outcome for each in ours.executions] == [Outcome.FAILED]
        else:
            assert ours.status is TrialStatus.COMPLETED
            assert ours.score == ours.loss == theirs.value
            assert ours.metrics == {"value": theirs.value, "test_loss": 2.0}
            assert ours.epochs == len(theirs.intermediate_values)


def test_the_best_and_their_values(study):
    results = kt.from_optuna(study)
    best = results.get_best_trials()[0]
    assert best.number == study.best_trial.number
    assert results.get_best_hyperparameters()[0].values == study.best_params
    assert (best.best_step, best.epochs) == (2, 3)
    assert results.get_trial(3).status is TrialStatus.FAILED


def test_what_is_maximised():
    study = optuna.create_study(direction="maximize")
    for x in (1.0, 3.0, 2.0):
        study.add_trial(
            optuna.trial.create_trial(
                value=x,
                params={"x": x},
                distributions={"x": optuna.distributions.FloatDistribution(0, 5)},
            )
        )
    results = kt.from_optuna(study, "accuracy")
    assert results.objective == kt.Objective("accuracy", "max")
    assert [trial.score for trial in results.get_best_trials(3)] == [3.0, 2.0, 1.0]
    assert results.trials[0].loss == -1.0
    assert results.trials[0].metrics == {"accuracy": 1.0}


def test_the_space_has_all_domains(study):
    space = kt.from_optuna(study).space
    assert {parameter.name: parameter.domain for parameter in space} == {
        "kind": Choice(("mlp", "cnn"), ordered=False),
        "rate": Float(1e-4, 1e-1, sampling="log"),
        "dropout": Float(0.0, 0.5, step=0.1),
        "units": Int(8, 64, step=8),
        "depth": Int(1, 64, sampling="log"),
        "bias": Boolean(),
    }


def study_of(*params):
    """Trials with the values and distributions of these dicts."""
    study = optuna.create_study()
    for number, each in enumerate(params):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # choices of other types than scalars
            study.add_trial(
                optuna.trial.create_trial(
                    value=float(number),
                    params={name: value for name, (value, _) in each.items()},
                    distributions={name: kind for name, (_, kind) in each.items()},
                )
            )
    return study


def test_ranges_that_changed_are_joined():
    of = optuna.distributions
    results = kt.from_optuna(
        study_of(
            {"x": (1.5, of.FloatDistribution(1, 2, step=0.5)), "n": (4, of.IntDistribution(1, 4))},
            {"x": (3.0, of.FloatDistribution(2, 4)), "n": (9, of.IntDistribution(2, 16, log=True))},
        )
    )
    domains = {parameter.name: parameter.domain for parameter in results.space}
    assert domains == {"x": Float(1.0, 4.0), "n": Int(1, 16)}


def test_choices_of_several_types_are_texts():
    kinds = optuna.distributions.CategoricalDistribution([16, "auto", None])
    results = kt.from_optuna(study_of({"batch": (16, kinds)}, {"batch": (None, kinds)}))
    assert results.space[0].domain == Choice(("16", "auto", "None"))
    assert [trial.values for trial in results.trials] == [{"batch": "16"}, {"batch": "None"}]


def test_what_is_pruned_competes_with_its_last_value_unless_there_is_none():
    study = optuna.create_study()
    for reports in ((), (0.5, 0.3)):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        for step, value in enumerate(reports):
            trial.report(value, step)
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    first, second = kt.from_optuna(study).trials
    assert (first.status, first.failure) == (
        TrialStatus.FAILED,
        "It was pruned before it reported a value.",
    )
    assert (second.status, second.score, second.goal) == (TrialStatus.COMPLETED, 0.3, 2)


def test_a_study_that_goes_on_is_read_again():
    study = optuna.create_study()
    study.enqueue_trial({"x": 0.5})
    results = kt.from_optuna(study)
    assert (results.trials, len(results.space)) == ([], 0)
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    results.refresh()
    assert [each.status for each in results.trials] == [TrialStatus.RUNNING]
    study.tell(trial, 0.25)
    results.refresh()
    assert [each.score for each in results.trials] == [0.25]


def test_several_objectives_and_constraints():
    study = optuna.create_study(directions=["minimize", "maximize"])
    for number, values in enumerate(([1.0, 5.0], [2.0, 9.0], [3.0, 7.0], [0.1, 9.0])):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        trial.set_constraint("size", 1.0 if number == 3 else -1.0)
        study.tell(trial, values)
    results = kt.from_optuna(study, ["loss", "accuracy"])
    assert [trial.losses for trial in results.trials[:2]] == [(1.0, -5.0), (2.0, -9.0)]
    assert [trial.number for trial in results.pareto_front()] == [0, 1]
    assert results.get_trial(3).violation == 1.0
    assert results.trials[0].metrics == {"loss": 1.0, "accuracy": 5.0}
    unnamed = kt.from_optuna(study).objective.parts
    assert [part.name for part in unnamed] == ["value_0", "value_1"]


def test_names_that_do_not_fit():
    study = optuna.create_study(direction="maximize")
    with pytest.raises(ValueError, match=r"must name all objectives of the study, which has 1\."):
        kt.from_optuna(study, ["loss", "size"])
    with pytest.raises(ValueError, match=r"must have the direction of the study, 'max'\."):
        kt.from_optuna(study, kt.Objective("loss", "min"))
    assert kt.from_optuna(study, kt.Objective("auc", "max")).objective.name == "auc"


def test_what_is_no_study():
    for wrong in ("sqlite:///study.db", None, optuna.create_study):
        with pytest.raises(TypeError, match=r"must be an optuna\.Study\. .* optuna\.load_study"):
            kt.from_optuna(wrong)


def test_nothing_is_written(study):
    store = OptunaFolder(study).open()
    with pytest.raises(StoreError, match="can only be read"):
        store.record([])
    assert store.epochs(0)[0].metrics == {"value": study.trials[0].intermediate_values[1]}
    assert store.epochs(99) == []
    store.close()


def test_tables_figures_importances_and_the_report(study, tmp_path, capsys):
    results = kt.from_optuna(study)
    assert results.importances(seed=1).trials == 19
    assert len(results.to_dataframe()) == 20
    assert results.plot.learning_curves() is not None
    assert results.plot.history() is not None
    results.results_summary()
    results.search_space_summary()
    assert "rate" in capsys.readouterr().out
    results.report(tmp_path / "report.html")
    assert "theirs" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert results.history(0) == [{"value": list(study.trials[0].intermediate_values.values())}]
    assert "theirs" in repr(results)


def test_there_and_back(study):
    again = kt.from_optuna(study).to_optuna()
    for ours, theirs in zip(again.trials, study.trials, strict=True):
        assert (ours.state, ours.params, ours.value) == (theirs.state, theirs.params, theirs.value)
    assert again.best_params == study.best_params


def test_its_best_points_begin_another_search(study, tmp_path):
    point = kt.from_optuna(study).get_best_hyperparameters()[0]

    def loss(hp):
        hp.Choice("kind", ["mlp", "cnn"])
        hp.Int("units", 8, 64, step=8)
        hp.Float("dropout", 0.0, 0.5, step=0.1)
        hp.Int("depth", 1, 64, sampling="log")
        hp.Boolean("bias")
        return hp.Float("rate", 1e-4, 1e-1, sampling="log")

    class Search(kt.RandomSearch):
        def run_trial(self, trial):
            return loss(trial.hyperparameters)

    tuner = Search(max_trials=2, directory=tmp_path)
    tuner.enqueue(point)
    tuner.search(verbose=0)
    assert tuner.trials[0].values["rate"] == study.best_params["rate"]


def test_tensorboard_gets_its_trials_and_curves(study, monkeypatch):
    shown = []
    monkeypatch.setattr(server, "show", lambda *arguments: shown.append(arguments))
    results = kt.from_optuna(study)
    results.tensorboard()
    ((folder, height, port),) = shown
    sessions = sessions_of(Path(folder))
    assert len(sessions) == 20
    assert (height, port) == (800, 0)
    theirs = study.trials[0]
    found = scalars_of(Path(folder) / "trial_0000")
    assert [value for _, value in found["train/epoch_value"]] == pytest.approx(
        list(theirs.intermediate_values.values())
    )
    assert found["objective"][0][1] == pytest.approx(theirs.value)
    assert not Path("theirs").exists(), "nothing is written where the study's name would be"
    study.optimize(objective, n_trials=1)
    results.refresh()
    results.tensorboard()
    assert shown[1] == shown[0], "a server that runs is used again"
    assert len(sessions_of(Path(folder))) == 21
