"""benchmarks/automl.py: its tables, its statistics, and that it goes on where it was."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.processes import printed_by

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def data(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    pytest.importorskip("statsmodels")
    import automl_data

    return automl_data


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import automl_report

    return automl_report


def rows_of(*scores, name="accuracy"):
    return [
        {"split": i, name: score, "seconds": 1.0, "test share": 1 / 3}
        for i, score in enumerate(scores)
    ]


# ---------------------------------------------------------------------- the tables


def test_each_table_has_a_target_for_each_row_and_is_split_as_its_number_says(data):
    for name in data.ALL:
        x, y, classes = data.table(name)
        assert len(x) == len(y) >= 150, name
        assert not pd.isna(y).any(), name
        first, again, other = (data.split(name, number) for number in (0, 0, 1))
        np.testing.assert_array_equal(first.y_test, again.y_test)
        assert not np.array_equal(first.y, other.y), name
        assert len(first.y_test) == len(first.x_test) == math.ceil(len(y) / 4), name
        if classes:
            _, of_all = np.unique(y, return_counts=True)
            _, of_test = np.unique(first.y_test, return_counts=True)
            assert abs(of_test - of_all / 4).max() <= 1.0, f"{name} is stratified"


def test_tables_hold_categories_and_missing_values(data):
    frame = data.table("mixed").x
    assert (frame.dtypes == "category").sum() == 4
    assert frame.isna().mean().between(0.05, 0.15).all()
    assert (data.table("election").x.dtypes == "category").sum() == 1


def test_what_comes_from_statsmodels_is_public_domain(data):
    from statsmodels.datasets import anes96, modechoice, randhie

    for module in (anes96, modechoice, randhie):
        assert "public domain" in module.COPYRIGHT


# ---------------------------------------------------------------------- the statistics


def test_a_difference_is_of_the_same_splits_and_its_error_knows_that_they_overlap(report):
    own, others = rows_of(0.9, 0.8, 0.7), rows_of(0.8, 0.8, 0.6, 0.1)
    mean, error = report.difference(own, others, "accuracy")
    assert mean == pytest.approx(0.2 / 3)
    assert error == pytest.approx(np.std([0.1, 0.0, 0.1], ddof=1) * math.sqrt(1 / 3 + 1 / 3))


def test_one_split_tells_no_difference(report):
    mean, error = report.difference(rows_of(0.9), rows_of(0.8), "accuracy")
    assert math.isnan(mean)
    assert math.isnan(error)


def test_verdicts_know_which_scores_are_better_when_less(report):
    assert report.verdict(0.03, 0.01, report.SCORES["accuracy"]) == "ahead"
    assert report.verdict(0.03, 0.01, report.SCORES["log loss"]) == "behind"
    assert report.verdict(-0.03, 0.01, report.SCORES["RMSE"]) == "ahead"
    assert report.verdict(0.02, 0.01, report.SCORES["R2"]) == "level"
    assert report.verdict(0.0, 0.0, report.SCORES["R2"]) == "level"


def test_a_verdict_needs_five_splits(report, capsys):
    for splits, words in ((4, ""), (5, "1 ahead, 0 level, 0 behind")):
        found = {"wine": {"ours": rows_of(*[0.9] * splits), "b": rows_of(*[0.8] * splits)}}
        report.tables(found, "ours", splits, 30)
        (last,) = [
            line for line in capsys.readouterr().out.splitlines()[-2:] if line.startswith("b ")
        ]
        assert last.split("1.0", 2)[-1].strip() == words


def test_ranks_are_means_over_tables_of_those_that_have_all(report):
    found = {
        "wine": {"a": rows_of(0.9), "b": rows_of(0.8), "c": rows_of(0.9), "d": rows_of(1.0)},
        "friedman": {
            "a": rows_of(0.5, name="R2"),
            "b": rows_of(0.7, name="R2"),
            "c": rows_of(0.1, name="R2"),
        },
    }
    assert report.mean_ranks(found) == {"a": 1.75, "b": 2.0, "c": 2.25}


# ---------------------------------------------------------------------- as a script


@pytest.mark.slow
def test_automl_prints_and_keeps_what_it_measured(tmp_path):
    pytest.importorskip("statsmodels")
    file = tmp_path / "measured.jsonl"
    arguments = ["--data", "wine", "friedman", "--file", file, "--seconds", 5]
    arguments += ["--contenders", "boosting", "constant"]
    printed = printed_by(BENCHMARKS / "automl.py", *arguments, "--splits", 1)
    lines = printed.splitlines()
    assert " cores" in lines[0], "the size of the machine"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["data"], row["contender"], row["split"]) for row in rows] == [
        ("wine", "boosting", 0),
        ("wine", "constant", 0),
        ("friedman", "boosting", 0),
        ("friedman", "constant", 0),
    ]
    by_name = {(row["data"], row["contender"]): row for row in rows}
    assert by_name["wine", "constant"]["accuracy"] == pytest.approx(18 / 45)
    assert by_name["friedman", "boosting"]["R2"] > 0.7 > by_name["friedman", "constant"]["R2"]
    assert all(row["limit"] is None for row in rows), "these two have no time limit"
    _, _, overall = printed.partition("all data sets")
    ranks = [line.split()[:2] for line in overall.splitlines()[1:3]]
    assert ranks == [["boosting", "1.00"], ["constant", "2.00"]]

    # What is kept is not measured again: a split is added, and a fit that had not ended.
    rows[0]["seconds"] = -1.0
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows[:3]))
    printed_by(BENCHMARKS / "automl.py", *arguments, "--splits", 2)
    again = [json.loads(line) for line in file.read_text().splitlines()]
    assert again[:3] == rows[:3]
    assert [(row["contender"], row["split"]) for row in again[3:]] == [
        ("constant", 0),
        *((name, 1) for name in ("boosting", "constant", "boosting", "constant")),
    ]
