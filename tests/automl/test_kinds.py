"""Each kind of data from end to end, with its own networks."""

import numpy as np
import pytest

import kerastune_lite as kt
from tests.automl.data import frame

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
ROWS = 60
BRIGHT = np.arange(ROWS) % 2
IMAGES = RNG.integers(0, 128, (ROWS, 8, 8)) + 100 * BRIGHT[:, np.newaxis, np.newaxis]
SERIES = np.cumsum(RNG.normal(size=(ROWS, 6, 2)), axis=1)
WORDS = np.array(["a dull long film", "a very fine film"])
CASES = {
    "table": (*frame(ROWS), "classification"),
    "image": (IMAGES.astype("uint8"), BRIGHT, "classification"),
    "series": (SERIES, SERIES[:, -1], "regression"),
    "text": (WORDS[BRIGHT].tolist(), BRIGHT == 1, "classification"),
}


@pytest.mark.parametrize("kind", CASES)
def test_from_data_to_file(kind, tmp_path):
    x, y, task = CASES[kind]
    found = kt.tune(x, y, time_limit=None, max_trials=2, epochs=2, seed=0, verbose=0)
    assert found.report().startswith(f"Data: {'a ' if kind == 'table' else ''}{kind}")
    assert f"Task: {task}" in found.report()
    predicted = found.predict(x)
    assert predicted.shape == np.shape(y)
    found.save(tmp_path / "found.zip")
    loaded = kt.TuneResult.load(tmp_path / "found.zip")
    if task == "classification":
        assert (loaded.predict(x) == predicted).all()
    else:
        assert loaded.predict(x) == pytest.approx(predicted, rel=1e-4)
