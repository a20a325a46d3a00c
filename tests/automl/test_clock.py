import pytest

from kerastune_lite._src.automl import clock as clock_module
from kerastune_lite._src.automl.clock import Clock


@pytest.fixture
def moment(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: now[0])
    return now


def test_what_is_left_and_what_it_was_spent_on(moment):
    clock = Clock(10.0)
    moment[0] += 2.0
    clock.lap("encoding")
    moment[0] += 1.0
    clock.lap("search")
    moment[0] += 0.5
    clock.lap("encoding")
    assert clock.laps == {"encoding": 2.5, "search": 1.0}
    assert clock.spent == 3.5
    assert clock.left() == 6.5
    assert clock.left(0.2) == pytest.approx(4.5)


def test_after_the_end_there_is_a_little_left(moment):
    clock = Clock(1.0)
    moment[0] += 5.0
    assert 0.0 < clock.left() < 0.1


def test_without_a_limit():
    assert Clock(None).left(0.5) is None
