"""The settings that can be read from KerasTuner's oracles."""

import pytest

import kerastune_lite as kt


class Parabola(kt.RandomSearch):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1.0, 1.0) ** 2


SETTINGS = {"max_retries_per_trial": 2, "max_consecutive_failed_trials": 5}


@pytest.fixture(params=["a tuner's own", "given"])
def tuner(request, tmp_path):
    project = {"directory": tmp_path, "project_name": "parabola"}
    if request.param == "given":
        oracle = kt.oracles.RandomSearchOracle(max_trials=2, **SETTINGS)
        kind = type("Own", (kt.Tuner,), {"run_trial": Parabola.run_trial})
        return kind(oracle, **project)
    return Parabola(max_trials=2, **SETTINGS, **project)


def test_settings(tuner, tmp_path):
    oracle = tuner.oracle
    assert (oracle.max_retries_per_trial, oracle.max_consecutive_failed_trials) == (2, 5)
    assert (oracle.allow_new_entries, oracle.tune_new_entries) == (True, True)
    assert (oracle.directory, oracle.project_name) == (tmp_path, "parabola")


def test_another_tuner_has_searched(tuner, tmp_path):
    Parabola(max_trials=2, directory=tmp_path, project_name="parabola").search(verbose=0)
    assert not tuner.oracle.trials
    tuner.oracle.reload()
    assert len(tuner.oracle.trials) == 2
    tuner.oracle.save()
    assert len(tuner.oracle.trials) == 2


def test_without_a_tuner():
    oracle = kt.oracles.RandomSearchOracle()
    oracle.reload()
    assert (oracle.directory, oracle.project_name, oracle.max_retries_per_trial) == (None, None, 0)
