"""What this machine has."""

import os

from kerastune_lite._src.search.execution import machine


def test_this_machine():
    assert 1 <= machine.cores() <= os.cpu_count()
    assert 0 < machine.private_memory() < machine.total_memory()
    assert 0 < machine.free_memory() <= machine.total_memory()
    assert machine.private_memory(2**22 + 1) == 0, "there is no such process"


def test_a_container_or_a_job_has_less(tmp_path, monkeypatch):
    """The limits of all groups count that a process is in."""
    membership = tmp_path / "membership"
    membership.write_text("0::/slice/job\n")
    root = tmp_path / "groups"
    job = root / "slice" / "job"
    job.mkdir(parents=True)
    monkeypatch.setattr(machine, "_CGROUP", root)
    monkeypatch.setattr(machine, "_MEMBERSHIP", membership)
    (job / "memory.max").write_text("max\n")
    (job / "memory.current").write_text("300\n")
    (job / "cpu.max").write_text("50000 100000\n")
    (job.parent / "memory.max").write_text("1000\n")
    (job.parent / "memory.current").write_text("400\n")
    assert machine.cores() == 1
    assert machine.total_memory() == 1000
    assert machine.free_memory() == 600
