"""What each worker may use."""

import os

import pytest

from kerastune_lite._src.search.execution import machine
from kerastune_lite._src.search.execution.shares import Share


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "total_memory", lambda: 100)
    for name in list(os.environ):
        if name.endswith("_THREADS"):
            monkeypatch.delenv(name)


def test_workers_share_the_machine_evenly():
    share = Share.of_machine(4)
    assert (share.threads, share.memory, share.replaced_at(0)) == (2, 22, 13)
    assert share.replaced_at(12) == 18, "six tenths of what was left"
    assert Share.of_machine(20).threads == 1


def test_what_the_user_asks_for_counts():
    share = Share.of_machine(4, {"cpu": 3, "memory": 50})
    assert (share.threads, share.memory) == (3, 50)
    assert [Share.of_machine(4, {"cpu": cpu}).threads for cpu in (0, 0.5, 1.5)] == [1, 1, 2]


def test_threads_are_those_of_the_share_unless_the_user_has_set_them(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = Share.of_machine(4).environment(0)
    assert environment["TF_NUM_INTRAOP_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in environment
    assert "CUDA_VISIBLE_DEVICES" not in environment


@pytest.mark.parametrize(
    ("workers", "resources", "gpus", "expected"),
    [
        (2, None, ("0", "1"), ["0", "1"]),
        (4, None, ("0", "1"), ["0", "0", "1", "1"]),
        (2, {"gpu": 2}, ("a", "b", "c", "d"), ["a,b", "c,d"]),
        (2, {"gpu": 0}, ("0",), ["", ""]),
        (3, {"gpu": 0.5}, ("0", "1"), ["0", "0", "1"]),
        (6, {"gpu": 0.3}, ("0", "1"), ["0", "0", "0", "1", "1", "1"]),
        (3, None, ("0", "1"), ["0", "1", "0"]),
    ],
)
def test_gpus(workers, resources, gpus, expected):
    share = Share.of_machine(workers, resources, gpus)
    seen = [share.environment(number)["CUDA_VISIBLE_DEVICES"] for number in range(workers)]
    assert seen == expected
