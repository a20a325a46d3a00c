"""The examples run as a user runs them, with small budgets."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.processes import Forked, environment, printed_by

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.slow


def run(name, *arguments):
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )


def forked(folder, name, *arguments):
    """What an example prints, without the seconds in which Keras is loaded.

    It has to end well, and to say nothing on standard error, which `folder` keeps.
    """
    script, errors = str(EXAMPLES / name), folder / "errors"
    process = Forked(FORKED, script, errors, *arguments)
    printed = process.read()
    # The process it was forked from may have loaded TensorFlow without hiding that it has no GPU.
    said = [line for line in errors.read_text().splitlines() if "failed call to cuInit" not in line]
    assert said == []
    assert process.returncode == 0
    return printed


FORKED = """
import os, runpy, sys
_, script, errors, *arguments = sys.argv
os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
sys.argv = [script, *arguments]
sys.path.insert(0, os.path.dirname(script))
runpy.run_path(script, run_name="__main__")
"""


def numbers_of(printed, after, column=-1):
    """The numbers of the table that is printed at the end, by the names of its rows."""
    lines = printed.partition(after)[2].strip("\n").splitlines()
    return {re.split(r"  +", line.strip())[0]: float(line.split()[column]) for line in lines}


def test_the_gallery_has_each_once():
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+\.py)\]\(\.\./examples/\1\)", page, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))


def test_digits_and_digits_again(tmp_path):
    first = run("digits.py", "--trials", 2, "--directory", tmp_path)
    assert "2/2  trial 1" in first.stdout
    assert "2/2 trials in" in first.stdout
    accuracy = first.stdout.split("it never saw: ")[1].split()[0]
    assert 0.1 < float(accuracy) <= 1.0
    assert first.stderr == "", "TensorFlow's start-up notes stay away"
    assert (tmp_path / "digits" / "tensorboard" / "trial_0001").is_dir()

    again = printed_by(EXAMPLES / "digits.py", "--trials", 3, "--directory", tmp_path)
    assert "resumes after 2/3 trials" in again
    assert [line for line in again.splitlines() if line.startswith("3/3  trial 2")]
    assert "trial 0  val_accuracy" not in again, "what was trained is not trained again"


def test_parallel(tmp_path):
    small = ("--trials", 4, "--epochs", 1, "--workers", 2, "--directory", tmp_path)
    shown = run("parallel.py", *small)
    assert "4/4 trials in" in shown.stdout
    assert 0.0 <= float(shown.stdout.split("it never saw: ")[1].split()[0]) <= 1.0
    assert "Trials: {'COMPLETED': 4}" in shown.stdout
    assert shown.stderr == "", "TensorFlow's start-up notes stay away"


def test_several_objectives(tmp_path):
    shown = printed_by(EXAMPLES / "several_objectives.py", "--trials", 3, "--directory", tmp_path)
    assert "The front of 3 networks:" in shown
    rows = shown.partition("never seen\n")[2].partition("\n\n")[0].splitlines()
    assert 1 <= len(rows) <= 3
    sizes, scores = zip(*(map(float, row.replace(",", "").split()[:2]) for row in rows))
    assert list(sizes) == sorted(sizes)
    assert list(scores) == sorted(scores), "a larger network of the front is a better one"
    assert "With at most 3,000 parameters" in shown


def test_warm_start(tmp_path):
    shown = forked(tmp_path, "warm_start.py", "--trials", 2, "--directory", tmp_path)
    table = shown.partition("knows nothing  remembers\n")[2].splitlines()[:2]
    assert [line.split()[0] for line in table] == ["1", "2"]
    first, second = ([float(each) for each in line.split()[1:]] for line in table)
    assert all(after <= before for before, after in zip(first, second))
    assert "Points of the former project: trials [0]" in shown
    assert shown.count("on digits never seen") == 2


def test_sklearn_pipeline(tmp_path):
    shown = run("sklearn_pipeline.py", "--trials", 2, "--epochs", 2, "--directory", tmp_path)
    assert shown.stderr == "", "TensorFlow's start-up notes stay away"
    lines = [line for line in shown.stdout.splitlines() if "roc_auc" in line]
    assert [line.split(":")[0] for line in lines] == ["TunerSearchCV, bayesian", "GridSearchCV"]
    assert all("10 fits in" in line for line in lines)
    for line in lines:
        assert 0.0 <= float(line.split("roc_auc ")[1].split()[0]) <= 1.0


def test_nested_cross_validation(tmp_path):
    shown = forked(
        tmp_path, "nested_cross_validation.py", "--trials", 2, "--outer", 2, "--inner", 2
    )
    rows = [line.split() for line in shown.splitlines()[1:3]]
    kept = re.search(
        r"promise: (\S+); nested cross-validation: (\S+); truth: (\S+)$", shown, re.MULTILINE
    )
    found = np.mean([[float(number) for number in row[1:]] for row in rows], axis=0)
    np.testing.assert_allclose([float(kept[1]), float(kept[2])], found, atol=0.0011)
    assert 0.0 < float(kept[3]) < 1.0
    assert "2 searches x (2 trials x 2 folds + 1) = 10 trainings in" in shown


def test_hyperband_against_random_search(tmp_path):
    small = ("--max-epochs", 3, "--times", 1, "--directory", tmp_path)
    shown = printed_by(EXAMPLES / "hyperband.py", *small).splitlines()
    assert [line.split(":")[0] for line in shown[-3:-1]] == ["Hyperband", "Random search"]
    assert "times as many epochs" in shown[-1]


def test_time_series(tmp_path):
    shown = forked(tmp_path, "time_series.py", "--trials", 2, "--directory", tmp_path)
    assert re.search(r"The best looks back (6|12|18|24|30|36) months", shown)
    errors = numbers_of(shown, after="in parts per million:")
    assert list(errors) == [
        "as a month ago",
        "as a year ago",
        "a year ago, and the rise",
        "the best network",
    ]
    assert errors["a year ago, and the rise"] < errors["as a month ago"] < errors["as a year ago"]


def test_time_series_has_the_same_targets_for_all_windows(monkeypatch):
    pytest.importorskip("statsmodels")
    monkeypatch.syspath_prepend(EXAMPLES)
    import time_series

    for months in (time_series.TRAINING, time_series.VALIDATING, time_series.TESTING):
        count = months.stop - months.start
        for window in (6, 36):
            for lag in time_series.LAGS:
                x, y = time_series.forecasts(window, lag, months)
                assert x.shape == (count, window)
                # What is forecast, as a level, is the value of the month; the last input is before.
                before = time_series.VALUES[months.start - lag : months.stop - lag] if lag else 0
                np.testing.assert_allclose(y + before, time_series.VALUES[months], rtol=1e-5)
                np.testing.assert_array_equal(x[1:, -1], y[:-1])


def test_tabular():
    shown = run("tabular.py", "--seconds", 8)
    assert shown.stderr == "", "TensorFlow's start-up notes stay away"
    assert "3 of numbers, 2 of categories, 1 of dates" in shown.stdout
    accuracies = numbers_of(shown.stdout, after="accuracy  log loss", column=-2)
    assert list(accuracies) == [
        "AutoClassifier",
        "HistGradientBoosting",
        "who knows how they were made",
    ]
    found, boosting, best = accuracies.values()
    assert 0.5 < found <= best + 0.02
    assert 0.7 < boosting <= best < 0.9


def test_images(tmp_path):
    shown = forked(tmp_path, "images.py", "--trials", 1, "--epochs", 2, "--directory", tmp_path)
    assert 0.1 < float(shown.split("it never saw: ")[1].split()[0]) <= 1.0
    assert "It takes images of (8, 8, 1), with pixels of 0 to 16." in shown


def test_text(tmp_path):
    shown = forked(tmp_path, "text.py", "--trials", 1, "--directory", tmp_path)
    accuracies = numbers_of(shown, after="neither has seen:")
    network, classical, constant = accuracies.values()
    assert constant < network <= 1.0
    assert 0.7 < classical <= 1.0


def test_texts_do_not_name_what_they_are_about(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import text

    texts, parts = text.descriptions()
    assert len(texts) == len(set(texts)) > 900
    assert set(parts) == set(text.PARTS)
    assert not [each for each in texts if text.NAMES.search(each) or not each]


def test_several_inputs(tmp_path):
    small = ("--trials", 2, "--epochs", 2, "--directory", tmp_path)
    shown = printed_by(EXAMPLES / "several_inputs.py", *small)
    assert 0.4 < float(shown.split("other images: ")[1].split()[0]) <= 1.0
    counts = map(int, re.findall(r"best of (\d+) trials with shared", shown))
    assert sum(counts) == 2


def test_own_loop(tmp_path):
    small = ("--trials", 2, "--epochs", 2, "--directory", tmp_path)
    shown = printed_by(EXAMPLES / "own_loop.py", *small)
    table = shown.partition("best accuracy on validation data\n")[2].splitlines()[:-1]
    assert sum(int(line.split()[1]) for line in table) == 2
    assert 0.1 < float(shown.split("it never saw: ")[1].split()[0]) <= 1.0


def test_transfer(tmp_path):
    small = ("--trials", 1, "--epochs", 2, "--pretrain", 1, "--directory", tmp_path)
    shown = run("transfer.py", *small)
    assert shown.stderr == "", "TensorFlow's start-up notes stay away"
    rates = re.findall(r"(pretrained|random) weights: (0\.\d+) of 821", shown.stdout)
    assert [name for name, _ in rates] == ["random", "pretrained"]
    assert re.search(r"pretrained weights.*, [023] layers of the base frozen", shown.stdout)


def test_gan(tmp_path):
    small = ("--trials", 2, "--epochs", 3, "--directory", tmp_path)
    shown = forked(tmp_path, "gan.py", *small)
    table = shown.partition("digits never seen:\n")[2].splitlines()
    best, usual, real = (float(line.split()[-1]) for line in table[:3])
    assert "val_mmd" in shown
    assert abs(real) < 2 < best, "other digits are no farther away than by chance"
    assert best <= usual
    drawn, digits = map(float, re.findall(r"[\d.]+", table[3]))
    assert drawn > digits > 0.5
    assert len(table[4:]) == 8


def test_the_discrepancy_of_a_gan_is_the_mean_over_pairs(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import gan

    rng = np.random.default_rng(0)
    images, others = rng.random((2, 5, 64), dtype="float32")

    def mean(a, b, pairs):
        squares = [np.sum((a[i] - b[j]) ** 2) for i, j in pairs]
        return np.mean(np.exp(-np.array(squares) / (2 * gan.WIDTH**2)))

    different = [(i, j) for i in range(5) for j in range(5) if i != j]
    every = [(i, j) for i in range(5) for j in range(5)]
    expected = mean(images, images, different) + mean(others, others, different)
    expected -= 2 * mean(images, others, every)
    assert float(gan.discrepancy(images, others)) == pytest.approx(1000 * expected, rel=1e-3)


def test_vae(tmp_path):
    small = ("--trials", 2, "--epochs", 3, "--directory", tmp_path)
    shown = printed_by(EXAMPLES / "vae.py", *small)
    tuned, alone = re.findall(r"([\d.]+) (?:with|if each)", shown)
    assert 25 < float(tuned) < 2 * float(alone)
    assert len(shown.partition("has its mean\n")[2].rstrip("\n").split("\n")) == 8
