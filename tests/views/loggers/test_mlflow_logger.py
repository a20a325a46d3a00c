"""A search in a real store of MLflow."""

import subprocess
import sys

import pytest

import kerastune_lite as kt

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")

pytestmark = [
    pytest.mark.slow,
    # Of MLflow's own: its database, and names that its libraries have changed.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


class Paraboloid(kt.RandomSearch):
    """Scores without training; the third trial may be interrupted."""

    interrupted = False

    def run_trial(self, trial, **kwargs):
        assert "callbacks" not in kwargs
        x = trial.hyperparameters.Float("x / y?", -1.0, 1.0)
        if trial.number == 2 and self.interrupted:
            raise KeyboardInterrupt
        if trial.number == 3:
            raise ValueError("x is not allowed")
        return {"loss": x**2, "width": abs(x)}


def tuner(tmp_path, name, max_trials=5):
    return Paraboloid(
        objective=kt.Objective("loss", "min"),
        max_trials=max_trials,
        directory=tmp_path,
        project_name=name,
        seed=0,
    )


def runs(uri, experiment):
    """The run of the search, and those of its trials by number; there must be one of each."""
    client = mlflow.MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    everything = client.search_runs([found.experiment_id])
    parents = [run for run in everything if "mlflow.parentRunId" not in run.data.tags]
    (parent,) = parents
    children = [run for run in everything if run is not parent]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    by_number = {int(run.data.tags["kerastune_lite.trial"]): run for run in children}
    assert len(by_number) == len(children)
    return parent, by_number


def test_a_run_for_each_trial_below_one_for_the_search(uri, tmp_path):
    search = tuner(tmp_path, "plain")
    search.search(callbacks=[kt.callbacks.MLflowLogger(uri)], verbose=0)
    parent, children = runs(uri, "plain")
    assert sorted(children) == [0, 1, 2, 3, 4]
    best = search.get_best_trials()[0]
    assert parent.data.tags["best_trial"] == best.trial_id
    assert parent.data.metrics["best_score"] == pytest.approx(best.score)
    assert parent.info.status == "FINISHED"
    assert "max_trials" in parent.data.tags["ended"]
    for number, run in children.items():
        trial = search.get_trial(number)
        assert run.data.tags["mlflow.runName"] == f"trial_{trial.trial_id}"
        # MLflow does not allow the question mark.
        assert float(run.data.params["x / y_"]) == trial.values["x / y?"]
        if number == 3:
            assert run.info.status == "FAILED"
            assert "x is not allowed" in run.data.tags["failure"]
        else:
            assert run.info.status == "FINISHED"
            assert run.data.metrics["score"] == pytest.approx(trial.score)
            assert run.data.metrics["best_epoch/width"] == pytest.approx(trial.metrics["width"])


def test_a_resumed_search_goes_on_in_the_same_runs(uri, tmp_path):
    search = tuner(tmp_path, "resumed")
    search.interrupted = True
    search.search(callbacks=[kt.callbacks.MLflowLogger(uri)], verbose=0)
    _, children = runs(uri, "resumed")
    assert {number: run.info.status for number, run in children.items()} == {
        0: "FINISHED",
        1: "FINISHED",
        2: "RUNNING",
    }
    tuner(tmp_path, "resumed").search(callbacks=kt.callbacks.MLflowLogger(uri), verbose=0)
    _, children = runs(uri, "resumed")
    assert sorted(children) == [0, 1, 2, 3, 4]
    assert {run.info.status for number, run in children.items() if number != 3} == {"FINISHED"}


def test_trials_from_before_the_logger_are_there_with_their_results(uri, tmp_path):
    tuner(tmp_path, "late", 2).search(verbose=0)
    search = tuner(tmp_path, "late", 3)
    search.search(callbacks=[kt.callbacks.MLflowLogger(uri, run_name="with a name")], verbose=0)
    parent, children = runs(uri, "late")
    assert parent.info.run_name == "with a name"
    assert [children[n].data.metrics["score"] for n in range(3)] == pytest.approx(
        [trial.score for trial in search.trials]
    )


def test_a_server_that_does_not_answer_is_an_error_before_the_first_trial(tmp_path):
    search = tuner(tmp_path, "unreachable")
    logger = kt.callbacks.MLflowLogger("http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9, which does not answer"):
        search.search(callbacks=[logger], verbose=0)
    assert search.trials == []


def test_without_mlflow_the_error_has_the_line_that_installs_it():
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        "import kerastune_lite as kt\n"
        "try: kt.callbacks.MLflowLogger()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "kerastune_lite[mlflow]"' in done.stdout
