import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from kerastune_lite._src.automl.looking import as_samples, as_targets, look
from tests.automl.data import frame

RNG = np.random.default_rng(0)
ROWS = 40
LABELS = np.arange(ROWS) % 3


@pytest.mark.parametrize(
    ("x", "kind", "why"),
    [
        (RNG.random((ROWS, 5)), "table", "x has two axes: rows and 5 columns"),
        (frame(ROWS)[0], "table", "x is a data frame with 6 columns"),
        (RNG.integers(0, 256, (ROWS, 9, 7)).astype("uint8"), "image", "holds bytes"),
        (RNG.integers(0, 17, (ROWS, 8, 8)).astype(float), "image", "sides alike"),
        (RNG.random((ROWS, 8, 8)), "series", "8 steps and 8 features"),
        (RNG.integers(0, 9, (ROWS, 50, 2)), "series", "50 steps and 2 features"),
        (RNG.random((ROWS, 8, 8, 3)), "image", "four axes"),
        (["a text of words"] * ROWS, "text", "a list of strings"),
        ([[f"the text number {n}"] for n in range(ROWS)], "text", "one column, of texts"),
        ([[f"town {n % 4}"] for n in range(ROWS)], "table", "rows and 1 columns"),
    ],
)
def test_kinds_of_samples(x, kind, why):
    seen = look(x, LABELS)
    assert seen.kind == kind
    assert why in seen.why_kind
    assert seen.rows == ROWS


@pytest.mark.parametrize(
    ("y", "task", "why"),
    [
        (LABELS, "classification", "y has 3 different values, all whole numbers"),
        (LABELS.astype(float), "classification", "3 different values"),
        (LABELS == 1, "classification", "2 different truth values"),
        (np.array(["a", "b"])[LABELS % 2], "classification", "2 different labels"),
        (LABELS[:, np.newaxis], "classification", "3 different values"),
        (np.arange(ROWS), "regression", "40 different whole numbers, too many"),
        (np.arange(ROWS) // 4, "regression", "10 different whole numbers, too many"),
        (LABELS + 0.5, "regression", "with a fraction"),
        ((LABELS + 0.5).astype(object), "regression", "with a fraction"),
        (RNG.random((ROWS, 2)), "regression", "2 columns of numbers"),
        (np.stack([LABELS == 1, LABELS > 0], axis=1), "multilabel", "2 columns of zeros and ones"),
        (np.eye(3, dtype=int)[LABELS], "multilabel", "if these are classes, pass y.argmax(1)"),
    ],
)
def test_tasks(y, task, why):
    seen = look(RNG.random((ROWS, 2)), y)
    assert seen.task == task
    assert why in seen.why_task


def test_what_the_user_says_counts():
    seen = look(RNG.random((ROWS, 8, 8)), LABELS, kind="image", task="regression")
    assert (seen.kind, seen.task) == ("image", "regression")
    assert (seen.why_kind, seen.why_task) == ("as `kind` says", "as `task` says")


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((0, 2)), [], "at least one sample"),
        (np.zeros((3, 2)), [0, 1], "3 in x and 2 in y"),
        (np.zeros((2, 2)), None, "y=None"),
        (np.zeros((2, 2)), [0.5, np.nan], "1 missing values"),
        (np.zeros((2, 2)), ["a", None], "1 missing values"),
        (np.zeros((2, 2)), [0.5, np.inf], "must be finite"),
        (np.zeros(2), [0, 1], r"write x.reshape\(-1, 1\)"),
        (np.zeros((2, 2)), np.zeros((2, 2, 2)), "one or two axes"),
    ],
)
def test_data_that_cannot_be_learned_from(x, y, message):
    with pytest.raises(ValueError, match=message):
        look(x, y)


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (np.array([1, 2], dtype=object), "int64"),
        (np.array([1, 2.5], dtype=object), "float64"),
        (np.array([1, 2**70], dtype=object), "float64"),
        (np.array([True, False], dtype=object), "bool"),
        (np.array([Decimal("1.5"), 2], dtype=object), "float64"),
        (np.array([1, "a"], dtype=object), "object"),
        (pd.Series([1, 2], dtype="Int64"), "int64"),
        (pd.DataFrame({"a": pd.array([1, 2], dtype="Int64"), "b": [1, 2]}), "int64"),
    ],
)
def test_targets_of_numbers_as_objects_are_numbers(y, dtype):
    assert as_targets(y).dtype == dtype


@pytest.mark.parametrize(
    "y",
    [
        np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[s]"),
        np.array([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)]),
        np.array([1, 2], dtype="timedelta64[D]"),
    ],
)
def test_targets_of_dates_are_refused(y):
    with pytest.raises(ValueError, match="dates or durations"):
        look(np.zeros((2, 2)), y)


def test_only_columns_with_one_mark_per_row_are_said_to_look_like_classes():
    seen = look(np.zeros((2, 2)), np.array([[0, 1], [1, 1]]))
    assert seen.why_task == "y has 2 columns of zeros and ones"


@pytest.mark.parametrize("x", [[], np.zeros((0, 2)), frame(3)[0][:0]])
def test_samples_without_rows_are_refused(x):
    with pytest.raises(ValueError, match="x without rows"):
        as_samples(x)


@pytest.mark.parametrize("given", [{"kind": "tabular"}, {"task": "classes"}])
def test_names_that_mean_nothing(given):
    with pytest.raises(ValueError, match="must be None or one of"):
        look(np.zeros((2, 2)), [0, 1], **given)


def test_sparse_samples_are_refused():
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match=r"write x.toarray\(\)"):
        look(csr_array(np.eye(3)), [0, 1, 0])
