"""Numbers that JSON lacks, as the command `kerastune` prints them."""

import math

import pytest

from kerastune_lite import Objective, Tuner
from kerastune_lite._src.cli.payload import spelled
from kerastune_lite.oracles import GridOracle
from tests.cli.test_cli import strict

SCORES = {1.0: 0.0, math.inf: 1.0, -math.inf: 2.0}


@pytest.fixture
def project(tmp_path):
    class Clipped(Tuner):
        def run_trial(self, trial, **kwargs):
            return SCORES[trial.hyperparameters.Choice("clip", list(SCORES))]

    tuner = Clipped(
        objective=Objective("s", "max"), oracle=GridOracle(), directory=tmp_path, max_trials=3
    )
    tuner.search(verbose=0)
    return tuner.project_dir


def test_infinite_hyperparameters_are_words(project, run):
    best = strict(run("best", project, "--top", "3")[1])
    assert best == [{"clip": "-Infinity"}, {"clip": "Infinity"}, {"clip": 1.0}]
    assert [float(values["clip"]) for values in best] == [-math.inf, math.inf, 1.0]
    assert strict(run("best", project)[1]) == {"clip": "-Infinity"}
    shown = strict(run("show", project, "--json")[1])
    assert [trial["values"] for trial in shown["best"]] == best
    exported = strict(run("export", project, "--to", "json")[1])
    assert exported["space"][0]["domain"]["values"] == [1.0, "Infinity", "-Infinity"]
    clips = {trial["values"]["clip"] for trial in exported["trials"]}
    assert clips == {1.0, "Infinity", "-Infinity"}


def test_what_is_not_a_number_is_a_word_too():
    assert spelled({"a": math.nan, "b": [1, None, "x"]}) == {"a": "NaN", "b": [1, None, "x"]}
