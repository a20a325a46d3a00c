"""Inputs of ready-made hypermodels: checked, and described by a few numbers."""

import numpy as np
import pandas as pd
import pytest

from kerastune_lite._src.keras.applications.arrays import (
    numbers,
    robust_scaling,
    standard_scaling,
)

AXES = ("samples", "features")


@pytest.mark.parametrize(
    "x",
    [
        [[1, 2], [3, 4]],
        np.ones((2, 3), "float16"),
        np.ones((2, 3), bool),
        pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]}),
    ],
)
def test_arrays_and_tables_of_numbers(x):
    values = numbers(x, AXES)
    assert values.dtype.kind in "biuf"
    assert values.shape == np.shape(x)


def test_the_last_axis_may_be_left_out_if_it_has_one_entry():
    assert numbers(np.ones((4, 6)), ("samples", "steps", "features"), optional=True).shape == (
        4,
        6,
        1,
    )


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        ([["a", "b"]], TypeError, "`x` must hold numbers.*OneHotEncoder"),
        (np.array([["1", 2]], dtype=object), TypeError, "dtype object"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), TypeError, "OrdinalEncoder"),
        (np.array([["2026-01-01"]], dtype="datetime64[D]"), TypeError, "datetime64"),
        ([[1.0, np.nan]], ValueError, "1 NaN or infinite of 2.*SimpleImputer"),
        (np.array([[1.0, None]], dtype=object), ValueError, "1 NaN or infinite of 2"),
        ([[1.0, -np.inf]], ValueError, "1 NaN or infinite of 2"),
        ([1.0, 2.0], ValueError, r"\(samples, features\).*Received: shape \(2,\)"),
        (np.ones((0, 3)), ValueError, r"with one of each or more. Received: shape \(0, 3\)"),
        (np.ones((3, 0)), ValueError, r"shape \(3, 0\)"),
    ],
)
def test_what_no_network_can_take(x, error, said):
    with pytest.raises(error, match=said):
        numbers(x, AXES)


def scaled(x, scaling):
    scale, offset = scaling(x)
    assert all(type(each) is float for each in (*scale, *offset))
    return x * scale + offset


def test_most_values_lie_at_a_distance_of_one():
    x = np.random.default_rng(0).lognormal(size=(200, 3)) * [1, 1000, 1e-3]
    y = scaled(x, robust_scaling)
    np.testing.assert_allclose(np.median(y, 0), 0, atol=1e-9)
    np.testing.assert_allclose(np.subtract(*np.quantile(y, (0.95, 0.05), axis=0)), 2)


def test_quartiles_that_are_further_apart_count():
    y = scaled(np.array([[0.0]] * 50 + [[1.0]] * 50), robust_scaling)
    assert np.ptp(y) == 1


def test_rare_values_are_not_lost():
    x = np.zeros((100, 1))
    x[7] = 5
    assert scaled(x, robust_scaling)[7] == 2


def test_constant_features_are_zero():
    x = np.full((20, 1), 7.3)
    np.testing.assert_allclose(scaled(x, robust_scaling), 0)
    np.testing.assert_allclose(scaled(x, standard_scaling), 0)


def test_each_channel_has_mean_zero_and_variance_one():
    x = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3)).astype("uint8")
    y = scaled(x, standard_scaling)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(y.var((0, 1, 2)), 1)


def test_statistics_are_those_of_some_samples(monkeypatch):
    from kerastune_lite._src.keras.applications import arrays

    monkeypatch.setattr(arrays, "_LOOKED_AT", 1000)
    x = np.arange(10_000.0).reshape(-1, 2)
    assert standard_scaling(x)[0][0] == pytest.approx(np.sqrt(12) / 10_000, rel=0.01)
