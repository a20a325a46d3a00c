"""How many sets of data stay on the device."""

import numpy as np

from kerastune_lite._src.keras.fast import samples as module
from kerastune_lite._src.keras.fast.samples import DeviceData


def kept(count, rows=100):
    data = DeviceData()
    for number in range(count):
        x = np.full((rows, 4), number, "float32")
        data._arrays(x, x[:, 0], None, None, 0.25)
    return data


def test_the_latest_few():
    assert len(kept(12)._kept) == module._KEPT


def test_fewer_if_they_take_much_memory(monkeypatch):
    size = kept(1)._size()
    assert size > 0
    monkeypatch.setattr(module, "_limit", lambda: 2.5 * size)
    assert len(kept(12)._kept) == 2
    monkeypatch.setattr(module, "_limit", lambda: size)
    assert len(kept(12)._kept) == 1
