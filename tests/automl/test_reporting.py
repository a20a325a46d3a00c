import dataclasses
import json

import pytest

from kerastune_lite._src.automl.looking import Look
from kerastune_lite._src.automl.reporting import Story
from kerastune_lite._src.core.trial import Trial, TrialStatus


@pytest.fixture
def story():
    found = Story.of(Look("table", "classification", 50, "x has two axes", "y has 2 labels"))
    found.target, found.encoding, found.split = "2 classes", "columns: 3 of numbers", "10 rows"
    found.baselines = [{"name": "most frequent class", "loss": 0.7, "score": 0.5}]
    trials = [
        Trial(0, {"units": 8}, status=TrialStatus.COMPLETED, best_step=4),
        Trial(1, {"units": 16}, status=TrialStatus.COMPLETED, best_step=0),
        Trial(2, {}, status=TrialStatus.FAILED),
    ]
    found.note_search(trials, trials[:2], [0.4, 0.3], [0.8, 0.9])
    found.note_ensemble({1: 0.75, 0: 0.25}, 0.25, 0.9)
    return found


def test_everything_is_told(story):
    text = story.text()
    for part in (
        "Data: a table, 50 rows (x has two axes).",
        "Task: classification (y has 2 labels).",
        "Predicts 2 classes from columns: 3 of numbers.",
        "Validates on 10 rows.",
        "average of 2 networks",
        "Tried 3 networks, of which 1 failed.",
        "The best one, trial 1, after 1 epoch: units=16.",
        "trial 1 (75%), trial 0 (25%)",
    ):
        assert part in text
    assert "simple model" not in text
    assert "a second network" not in text


def test_a_simple_model_that_is_as_good_is_named(story):
    story.baselines.append({"name": "logistic regression", "loss": 0.2, "score": 0.9})
    assert "A simple model does as well: logistic regression." in story.text()


def test_json_holds_it(story):
    story.note_all_rows(1, 50, 0)
    state = json.loads(json.dumps(dataclasses.asdict(story)))
    assert Story(**state).text() == story.text()
    assert "For 1 of these" in story.text()
    assert "trained on all 50 rows" in story.text()


def test_networks_that_failed_on_all_rows_are_told(story):
    assert "left out" not in story.text()
    story.note_all_rows(0, 50, 2)
    assert "2 networks left out: trained on all rows, but without success." in story.text()
    assert "second network" not in story.text()


def test_figures_of_weighted_rows_are_called_so(story):
    story.weighted = True
    assert "log loss, weighted" in story.text()
    assert "accuracy, weighted" in story.as_html("found")
    assert story.summary() == "2 networks, accuracy, weighted 0.9000 on validation rows"


def test_for_notebooks(story):
    assert "<table" in story.as_html("found")
    assert story.summary() == "2 networks, accuracy 0.9000 on validation rows"
