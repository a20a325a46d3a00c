import numpy as np
import pytest

from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.automl.searching import _words, epochs_of_project, hypermodel_for
from kerastune_lite._src.core.events import StopReason

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
THREE = np.arange(40) % 3


@pytest.mark.parametrize(
    ("task", "y", "classes", "kind", "outputs"),
    [
        ("classification", THREE % 2, 2, "binary", 1),
        ("classification", THREE, 4, "classes", 4),
        ("multilabel", np.eye(3)[THREE], 0, "labels", 3),
        ("regression", (THREE % 2).astype("float32"), 0, "numbers", 1),
    ],
)
def test_the_task_decides_what_is_predicted(task, y, classes, kind, outputs):
    hypermodel = hypermodel_for("table", task, Rows(X, y), classes, 7)
    assert (hypermodel.target.kind, hypermodel.target.outputs) == (kind, outputs)
    assert hypermodel.epochs == 7


def test_each_kind_has_its_hypermodel_and_epochs():
    images = np.repeat(X[:, :, np.newaxis, np.newaxis], 3, axis=2)
    texts = np.array([f"word {n}" for n in range(40)], dtype=object)
    rows = {"table": X, "image": images, "series": images[..., 0], "text": texts}
    found = {
        kind: hypermodel_for(kind, "classification", Rows(x, THREE), 3, None)
        for kind, x in rows.items()
    }
    names = [type(each).__name__ for each in found.values()]
    assert names == ["HyperMLP", "HyperCNN", "HyperRNN", "HyperText"]
    assert [each.epochs for each in found.values()] == [60, 30, 30, 10]


def test_without_an_earlier_search_there_are_no_epochs(tmp_path):
    assert epochs_of_project(str(tmp_path), "automl") is None


def test_the_end_of_a_search_says_what_its_user_can_do():
    for reason in (StopReason.TIME, StopReason.INTERRUPTED):
        assert "the same call with the same directory continues" in _words(True)[reason]
        assert "search()" not in _words(True)[reason] + _words(False)[reason]
