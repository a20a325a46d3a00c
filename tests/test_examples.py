"""The examples run as a user runs them, with small budgets."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import environment, printed_by

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


def test_sklearn_pipeline(tmp_path):
    shown = run("sklearn_pipeline.py", "--trials", 2, "--epochs", 2, "--directory", tmp_path)
    assert shown.stderr == "", "TensorFlow's start-up notes stay away"
    lines = [line for line in shown.stdout.splitlines() if "roc_auc" in line]
    assert [line.split(":")[0] for line in lines] == ["TunerSearchCV, bayesian", "GridSearchCV"]
    assert all("10 fits in" in line for line in lines)
    for line in lines:
        assert 0.0 <= float(line.split("roc_auc ")[1].split()[0]) <= 1.0


def test_hyperband_against_random_search(tmp_path):
    small = ("--max-epochs", 3, "--times", 1, "--directory", tmp_path)
    shown = printed_by(EXAMPLES / "hyperband.py", *small).splitlines()
    assert [line.split(":")[0] for line in shown[-3:-1]] == ["Hyperband", "Random search"]
    assert "times as many epochs" in shown[-1]
