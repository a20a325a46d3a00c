"""A search in Weights & Biases, offline."""

import subprocess
import sys

import pytest

import kerastune_lite as kt

wandb = pytest.importorskip("wandb", reason="W&B is not installed")

pytestmark = [
    pytest.mark.slow,
    # Of W&B's own libraries.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


class Paraboloid(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        x = trial.hyperparameters.Float("x", -1.0, 1.0)
        if trial.number == 1:
            raise ValueError("x is not allowed")
        return {"loss": x**2}


def tuner(tmp_path, max_trials=3):
    objective = kt.Objective("loss", "min")
    return Paraboloid(
        objective=objective, max_trials=max_trials, directory=tmp_path, project_name="w", seed=0
    )


class FakeRun:
    """What W&B would get of one run."""

    def __init__(self, **arguments):
        self.arguments = arguments
        self.config, self.summary, self.logged, self.exit_code = Updated(), Updated(), [], "runs"

    def define_metric(self, *args, **kwargs):
        pass

    def log(self, metrics):
        self.logged.append(metrics)

    def finish(self, exit_code=0):
        self.exit_code = exit_code


class Updated(dict):
    def update(self, values, allow_val_change=True):
        super().update(values)


@pytest.fixture
def made(monkeypatch):
    """The runs that a search makes, in order."""
    runs = []

    def init(**arguments):
        runs.append(FakeRun(**arguments))
        return runs[-1]

    monkeypatch.setattr(wandb, "init", init)
    return runs


def test_a_run_for_each_trial_in_the_group_of_the_search(made, tmp_path):
    search = tuner(tmp_path)
    search.search(callbacks=[kt.callbacks.WandbLogger("digits", mode="offline")], verbose=0)
    parent, *children = made
    assert parent.arguments["job_type"] == "search"
    assert {run.arguments["group"] for run in made} == {"w"}
    assert {run.arguments["project"] for run in made} == {"digits"}
    assert [run.arguments["name"] for run in children] == ["trial_0000", "trial_0001", "trial_0002"]
    assert [run.config["x"] for run in children] == [t.values["x"] for t in search.trials]
    assert [run.exit_code for run in made] == [0, 0, 1, 0]
    assert "x is not allowed" in children[1].summary["failure"]
    best = search.get_best_trials()[0]
    assert parent.summary["best_trial"] == best.trial_id
    assert parent.summary["best_score"] == best.score
    assert [each["score"] for each in parent.logged] == [t.score for t in search.trials]


def test_a_resumed_search_has_the_same_ids(made, tmp_path):
    tuner(tmp_path, 1).search(callbacks=[kt.callbacks.WandbLogger(mode="offline")], verbose=0)
    tuner(tmp_path, 2).search(callbacks=[kt.callbacks.WandbLogger(mode="offline")], verbose=0)
    parents = [run for run in made if run.arguments["job_type"] == "search"]
    assert len({run.arguments["id"] for run in parents}) == 1
    assert len({run.arguments["id"] for run in made}) == 3  # the search, and two trials
    assert all(run.arguments["resume"] == "allow" for run in made)


def test_offline_runs_are_written_into_the_project(tmp_path):
    search = tuner(tmp_path, 2)
    logger = kt.callbacks.WandbLogger("digits", mode="offline", log_model=False)
    search.search(callbacks=[logger], verbose=0)
    folders = list((tmp_path / "w" / "wandb").glob("offline-run-*"))
    assert len(folders) == 3
    assert all(list(folder.glob("run-*.wandb")) for folder in folders)


def test_nobody_is_logged_in(monkeypatch, tmp_path):
    monkeypatch.setattr(wandb, "login", lambda **kwargs: False)
    search = tuner(tmp_path)
    with pytest.raises(ConnectionError, match=r'mode="offline"'):
        search.search(callbacks=[kt.callbacks.WandbLogger(mode="online")], verbose=0)
    assert search.trials == []


def test_a_mode_that_does_not_exist():
    with pytest.raises(ValueError, match=r"Received: mode='off'"):
        kt.callbacks.WandbLogger(mode="off")


def test_a_service_that_fails_does_not_end_the_search(monkeypatch, tmp_path, caplog):
    def init(**arguments):
        raise wandb.Error("the service is away")

    monkeypatch.setattr(wandb, "init", init)
    search = tuner(tmp_path)
    search.search(callbacks=[kt.callbacks.WandbLogger(mode="offline")], verbose=0)
    assert len(search.trials) == 3
    assert "the service is away" in caplog.text


def test_without_wandb_the_error_has_the_line_that_installs_it():
    code = (
        "import sys; sys.modules['wandb'] = None\n"
        "import kerastune_lite as kt\n"
        "try: kt.callbacks.WandbLogger()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "kerastune_lite[wandb]"' in done.stdout
