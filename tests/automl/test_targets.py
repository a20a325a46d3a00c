import json

import numpy as np
import pytest

from kerastune_lite._src.automl.targets import Targets


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes", "no"]),
        np.array(["no", "yes", "no"], dtype=object),
        np.array([7, -2, 7]),
        np.array([True, False, True]),
        np.array([0.0, 2.0, 1.0]),
    ],
)
def test_labels_are_encoded_and_decoded(labels):
    targets = Targets.fitted("classification", labels)
    encoded = targets.encode(labels)
    assert encoded.min() == 0
    outputs = np.eye(len(targets.classes))[encoded]
    decoded = targets.decode(outputs)
    assert (decoded == labels).all()
    assert decoded.dtype == labels.dtype
    again = Targets.from_json(json.loads(json.dumps(targets.to_json())))
    assert (again.decode(outputs) == labels).all()


def test_two_classes_are_one_output():
    targets = Targets.fitted("classification", np.array(["no", "yes"]))
    outputs = np.array([[0.2], [0.9]])
    assert targets.probabilities(outputs) == pytest.approx(np.array([[0.8, 0.2], [0.1, 0.9]]))
    assert targets.decode(outputs).tolist() == ["no", "yes"]


def test_probabilities_are_at_most_one_and_numbers_stay_as_they_are():
    above = np.array([[np.nextafter(np.float32(1), np.float32(2)), 0.0]], dtype="float32")
    found = Targets.fitted("classification", np.array(["a", "b", "c"])).probabilities(above)
    assert found.tolist() == [[1.0, 0.0]]
    assert found.dtype == "float32"
    numbers = Targets.fitted("regression", np.array([[0.5, 2.0], [1.0, 3.0]]))
    assert numbers.probabilities(above) is above


def test_several_labels_and_numbers():
    labels = Targets.fitted("multilabel", np.array([[0, 1], [1, 1]]))
    assert labels.decode(np.array([[0.4, 0.6]])).tolist() == [[0, 1]]
    assert Targets.fitted("regression", np.zeros(3)).decode(np.ones((3, 1))).shape == (3,)
    assert Targets.fitted("regression", np.zeros((3, 2))).decode(np.ones((3, 2))).shape == (3, 2)


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        ("classification", np.array([1, 1]), "y with one class, .*1"),
        ("classification", np.zeros((2, 2)), "one column"),
        ("classification", np.array([0.5, 1.0]), 'write task="regression"'),
        ("classification", np.array([1, "a"], dtype=object), "of one type"),
        ("multilabel", np.array([0, 1]), "columns of zeros and ones"),
        ("multilabel", np.array([[0, 2]]), "columns of zeros and ones"),
        ("regression", np.array(["a", "b"]), "must hold numbers"),
    ],
)
def test_targets_that_do_not_fit_the_task(task, y, message):
    with pytest.raises(ValueError, match=message):
        Targets.fitted(task, y)


def test_a_label_that_was_not_in_training_is_refused():
    targets = Targets.fitted("classification", np.array(["a", "c"]))
    with pytest.raises(ValueError, match="'b'"):
        targets.encode(np.array(["a", "b"]))
