"""The arguments of search() that say where trials train."""

import pytest

import kerastune_lite as kt
from kerastune_lite._src.search.execution import machine
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.tuner.placement import Placement


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "at least 1"),
        ({"workers": 2.0}, "number of processes"),
        ({"workers": True}, "number of processes"),
        ({"workers": "all"}, "number of processes"),
        ({"runner": "dask"}, "'ray'"),
        ({"resources": {"cpu": 2}}, "no `workers`"),
        ({"workers": 2, "resources": {"cores": 2}}, "maps 'cpu' and 'gpu'"),
        ({"workers": 2, "resources": {"memory": "2 GB"}}, "'memory' to bytes"),
        ({"workers": "auto", "resources": {"memory": 0}}, "'memory' to bytes"),
        ({"trial_timeout": 5}, "no `workers`"),
        ({"workers": 2, "trial_timeout": 0}, "above 0"),
        ({"workers": 2, "trial_timeout": "5"}, "number of seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Placement(**arguments)


def test_before_anything_is_on_disk(tmp_path):
    class Numbers(kt.RandomSearch):
        def run_trial(self, trial):
            return trial.hyperparameters.Float("x", 0.0, 1.0)

    tuner = Numbers(directory=tmp_path, project_name="p")
    with pytest.raises(ValueError, match="at least 1"):
        tuner.search(workers=0)
    assert list(tmp_path.iterdir()) == []


def test_none_means_this_process(tmp_path):
    assert isinstance(Placement().runner_for(tmp_path, False, False), InlineRunner)


@pytest.mark.parametrize(
    ("free", "resources", "workers"),
    [(2**40, None, 8), (3 * 2**30, None, 3), (2**40, {"cpu": 3}, 2), (0, None, 1)],
)
def test_auto_is_what_cores_and_memory_allow(
    free, resources, workers, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "free_memory", lambda: free)
    monkeypatch.setattr(machine, "private_memory", lambda: 2**30)
    placement = Placement(workers="auto", resources=resources)
    assert placement.runner_for(tmp_path, False, False).workers == workers
    assert f"workers='auto': {workers} worker" in caplog.text
    assert "each takes about 1.0 GiB" in caplog.text


class Nothing(kt.RandomSearch):
    def run_trial(self, trial):
        return 0.0


@pytest.mark.parametrize("seconds", [-1, float("nan"), "60", True])
def test_intervals_that_make_no_sense(seconds, tmp_path):
    tuner = Nothing(directory=tmp_path)
    with pytest.raises((TypeError, ValueError), match="checkpoint_interval"):
        tuner.search(checkpoint_interval=seconds)
