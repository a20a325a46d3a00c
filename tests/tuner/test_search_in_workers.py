"""search(workers=2) without Keras: workers start in half a second."""

import itertools
import os
import sys

import pytest

import kerastune_lite as kt
from kerastune_lite._src.util.errors import FatalTypeError
from kerastune_lite.hyperparameters import Float
from kerastune_lite.oracles import RandomOracle
from kerastune_lite.schedulers import ASHA
from tests.processes import Forked

pytestmark = pytest.mark.usefixtures("workers_without_keras")

ELSEWHERE = {"workers": 2, "trial_timeout": 600, "verbose": 0}
"""A timeout keeps trials out of this process while the workers start."""


class Numbers(kt.RandomSearch):
    """Tells in which process each part runs."""

    def run_trial(self, trial, *args, scale=1.0):
        hp = trial.hyperparameters
        x = hp.Float("x", 0.0, 1.0)
        for place in range(hp.Int("more", 0, 2)):
            x += hp.Float(f"more_{place}", 0.0, 1.0)
        sys.stdout.write(f"trial {trial.number}\n")
        return {"loss": x * scale + sum(args), "pid": os.getpid()}

    def on_trial_end(self, trial):
        self.ended = [*getattr(self, "ended", []), trial.number]


def make(tmp_path, name="p", **arguments):
    arguments = {"max_trials": 8, "seed": 3, "directory": tmp_path, **arguments}
    return Numbers(objective=kt.Objective("loss", "min"), project_name=name, **arguments)


def points(tuner):
    return [(trial.values, trial.score) for trial in tuner.trials]


def test_the_trials_are_those_of_one_process(tmp_path):
    """Also if the space grows while trials run, so that its size at a proposal varies."""
    one, two = make(tmp_path, "one"), make(tmp_path, "two")
    one.search(scale=2.0, verbose=0)
    two.search(scale=2.0, **ELSEWHERE)
    assert len({trial.values.get("more") for trial in one.trials}) == 3
    assert points(two) == points(one)
    pids = {trial.metrics["pid"] for trial in two.trials}
    assert len(pids) <= 2
    assert os.getpid() not in pids
    assert sorted(two.ended) == list(range(8)), "the search's hooks run in its own process"


def test_each_trial_has_a_log(tmp_path):
    tuner = make(tmp_path)
    tuner.search(**ELSEWHERE)
    for trial in tuner.trials:
        assert trial.log == f"logs/trial_{trial.number:04d}.log"
        with open(os.path.join(tuner.project_dir, trial.log)) as log:
            assert log.read() == f"trial {trial.number}\n"
    assert kt.open_project(tuner.project_dir).trials == tuner.trials


def test_until_a_worker_is_ready_this_process_trains(tmp_path, late_workers):
    tuner = make(tmp_path, max_trials=30)
    tuner.search(workers=2, verbose=0)
    assert tuner.trials[0].metrics["pid"] == os.getpid()
    assert sorted(tuner.ended) == list(range(30))


def test_a_search_that_died_in_a_trial_does_not_train_here(tmp_path):
    code = f"""
import os, kerastune_lite as kt
class Dies(kt.RandomSearch):
    def run_trial(self, trial):
        trial.hyperparameters.Float("x", 0.0, 1.0)
        os._exit(3)
Dies(directory={str(tmp_path)!r}, project_name="p", seed=3).search(workers=1, verbose=0)
"""
    process = Forked(code)
    process.read()
    assert process.returncode == 3
    tuner = _PIDs(directory=tmp_path, project_name="p", seed=3, max_trials=3)
    tuner.search(workers=1, verbose=0)
    assert os.getpid() not in [trial.score for trial in tuner.trials]
    assert [trial.status.value for trial in tuner.trials] == ["COMPLETED"] * 3


class _PIDs(kt.RandomSearch):
    def run_trial(self, trial):
        trial.hyperparameters.Float("x", 0.0, 1.0)
        return float(os.getpid())


def test_data_that_each_worker_loads(tmp_path):
    loads = tmp_path / "loads"
    loads.mkdir()

    def load():
        (loads / str(os.getpid())).touch(exist_ok=False)
        return 10.0, 5.0

    tuner = make(tmp_path)
    tuner.search(data_fn=load, scale=2.0, **ELSEWHERE)
    assert points(tuner) == [
        (values, pytest.approx(score + 15)) for values, score in points(_inline(tmp_path))
    ]
    loaded = {int(path.name) for path in loads.iterdir()}
    # One worker may have trained all before the other one was ready.
    assert {trial.metrics["pid"] for trial in tuner.trials} <= loaded
    assert len(loaded) <= 2
    assert os.getpid() not in loaded


def _inline(tmp_path):
    tuner = make(tmp_path, "inline")
    tuner.search(scale=2.0, verbose=0)
    return tuner


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data_fn": 5}, "function without arguments"),
        ({"data_fn": lambda: None}, "must return what fit"),
    ],
)
def test_data_functions_that_make_no_sense(arguments, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        make(tmp_path).search(**arguments, verbose=0)
    with pytest.raises(ValueError, match="Received both"):
        make(tmp_path).search(1.0, data_fn=lambda: (1.0,), verbose=0)


def test_what_cannot_be_sent_is_said_before_the_first_trial(tmp_path):
    tuner = make(tmp_path)
    with pytest.raises(FatalTypeError, match=r"generator.*data_fn"):
        tuner.search((number for number in itertools.count()), **ELSEWHERE)
    assert tuner.trials == []


def test_a_trial_may_change_the_current_directory(tmp_path, monkeypatch):
    class Elsewhere(kt.RandomSearch):
        def run_trial(self, trial):
            sys.stdout.write(f"trial {trial.number}\n")
            os.chdir(tmp_path / "elsewhere")
            return trial.hyperparameters.Float("x", 0.0, 1.0)

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    tuner = Elsewhere(max_trials=4, seed=3, directory=".", project_name="p")
    tuner.search(**ELSEWHERE)
    for trial in tuner.trials:
        assert trial.status.value == "COMPLETED"
        assert (tmp_path / "p" / trial.log).read_text() == f"trial {trial.number}\n"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_functions(tmp_path):
    tuner = kt.tune_function(
        lambda x: (x - 1) ** 2,
        {"x": Float(-5.0, 5.0)},
        max_trials=15,
        seed=1,
        oracle=RandomOracle(),
        workers=2,
        verbose=0,
    )
    assert [trial.score for trial in tuner.trials] == [
        (trial.values["x"] - 1) ** 2 for trial in tuner.trials
    ]


def test_a_scheduler_stops_trials_in_workers(tmp_path):
    def curve(x, epochs):
        for epoch in range(epochs):
            yield x + 1.0 / (epoch + 1)

    tuner = kt.tune_function(
        curve,
        {"x": Float(0.0, 1.0)},
        max_trials=20,
        seed=1,
        oracle=RandomOracle(),
        scheduler=ASHA(max_epochs=9, stop=True),
        workers=2,
        verbose=0,
    )
    epochs = [trial.epochs for trial in tuner.trials]
    assert max(epochs) == 9
    assert min(epochs) < 9
    assert [trial.status.value for trial in tuner.trials] == ["COMPLETED"] * 20
