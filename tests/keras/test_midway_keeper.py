"""When the state of a training is stored while it goes on."""

import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras import midway
from tests.keras.midway import build


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(midway.time, "monotonic", lambda: now[0])
    return now


def keeper_of(interval, store=lambda state: None, epochs=100):
    keeper = midway.MidwayKeeper([], interval, store, 0.0)
    model = build(kt.HyperParameters())
    model.stop_training = False
    keeper.set_model(model)
    keeper.set_params({"epochs": epochs})
    keeper.on_train_begin()
    return keeper


def test_it_waits_for_its_interval(clock):
    stored = []
    keeper = keeper_of(60.0, lambda state: stored.append(state.epoch))
    for epoch in range(10):
        clock[0] += 25.0
        keeper.on_epoch_end(epoch)
    assert stored == [3, 6, 9]


def test_it_waits_longer_if_storing_takes_long(clock):
    stored = []

    def slowly(state):
        stored.append(state.epoch)
        clock[0] += 5.0

    keeper = keeper_of(60.0, slowly)
    for epoch in range(20):
        clock[0] += 10.0
        keeper.on_epoch_end(epoch)
    assert stored == [6, 16], "100 seconds later, 20 times as long as the first took"


def test_what_it_was_asked_it_does(clock):
    stored = []
    keeper = keeper_of(60.0, lambda state: stored.append(state.epoch))
    assert not keeper.captures_after(0)
    clock[0] += 100.0
    keeper.on_epoch_end(0)
    assert stored == []
    assert keeper.captures_after(1)
    keeper.on_epoch_end(1)
    assert stored == [2]


def test_not_at_the_end(clock):
    stored = []
    keeper = keeper_of(0.0, lambda state: stored.append(state.epoch), epochs=3)
    keeper.on_epoch_end(0)
    keeper.model.stop_training = True
    keeper.on_epoch_end(1)
    keeper.model.stop_training = False
    keeper.on_epoch_end(2)
    assert stored == [1]


def test_of_several_trainings_the_first(clock):
    stored = []
    keeper = keeper_of(0.0, lambda state: stored.append(state.epoch))
    keeper.on_epoch_end(0)
    keeper.on_train_end()
    keeper.on_train_begin()
    keeper.on_epoch_end(0)
    assert stored == [1]
