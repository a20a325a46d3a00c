"""What this machine has."""

import os

from kerastune_lite._src.search.execution import machine


def test_this_machine():
    assert 1 <= machine.cores() <= os.cpu_count()
    assert 0 < machine.private_memory() < machine.total_memory()
    assert 0 < machine.free_memory() <= machine.total_memory()
    assert machine.private_memory(2**22 + 1) == 0, "there is no such process"


def test_a_container_has_less(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 1
    assert machine.total_memory() == 1000
    assert machine.free_memory() == 600
