import numpy as np
import pytest

from kerastune_lite._src.automl.tables import _fitted_numbers, _scaled

RNG = np.random.default_rng(0)


def test_columns_of_any_scale_become_alike():
    values = RNG.normal([3.0, 1.6e9, -1e-7], [2.0, 1e3, 1e-9], (2000, 3))
    scaled = _scaled(_fitted_numbers(values), values)
    assert scaled.dtype == np.float32
    assert scaled.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.1)
    assert scaled.std(axis=0) == pytest.approx(np.ones(3), abs=0.1)


def test_missing_values_become_the_median_and_are_marked_where_there_were_any():
    values = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 9.0]])
    numbers = _fitted_numbers(values)
    encoded = _scaled(numbers, values)
    assert encoded[1, 0] == 0.0
    assert encoded[:, 2].tolist() == [0.0, 1.0, 0.0]
    later = _scaled(numbers, np.array([[2.0, np.nan]]))
    assert later.tolist() == [[0.0, 0.0, 0.0]]


def test_outliers_do_not_change_the_unit_and_stay_finite():
    values = np.concatenate([RNG.normal(size=500), [50.0, 1e300]])[:, np.newaxis]
    scaled = _scaled(_fitted_numbers(values), values)[:, 0]
    assert scaled[:500].std() == pytest.approx(1.0, abs=0.1)
    assert 40.0 < scaled[500] < scaled[501] < np.inf


def test_a_column_that_is_mostly_zero_has_a_unit():
    values = np.zeros((100, 1))
    values[:5] = 1.0
    scaled = _scaled(_fitted_numbers(values), values)
    assert np.isfinite(scaled).all()
    assert 0.0 < scaled[0, 0] < 10.0
