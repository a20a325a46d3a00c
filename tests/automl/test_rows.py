import numpy as np

from kerastune_lite._src.automl.rows import Rows

ROWS = Rows(np.arange(6).reshape(3, 2), np.arange(3), np.ones(3))


def test_parts_stay_together():
    first = ROWS.first(2)
    assert (len(first), first.x.shape, first.weights.shape) == (2, (2, 2), (2,))
    joined = first.joined(Rows(ROWS.x[2:], ROWS.y[2:], ROWS.weights[2:]))
    assert np.array_equal(joined.x, ROWS.x)
    assert joined.y.tolist() == [0, 1, 2]
    assert joined.weights.tolist() == [1.0, 1.0, 1.0]


def test_weights_are_an_argument_only_if_there_are_any():
    assert list(ROWS.arguments()) == ["x", "y", "sample_weight"]
    plain = Rows(ROWS.x, ROWS.y)
    assert list(plain.arguments()) == ["x", "y"]
    assert plain.first(1).joined(plain).weights is None
