"""Weights of classes, by the labels that there are."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV
from tests.keras.models import keras
from tests.sklearn.test_fit_arguments import LABELS, SIDE, THIRD, X, classes, one_hot, sides


@pytest.mark.parametrize("where", ["fit", "class_weight", "fit__class_weight"])
@pytest.mark.parametrize("name", LABELS)
def test_weights_of_classes_by_label(name, where):
    y = LABELS[name]
    low, high = np.unique(y)

    def share_of_high(weights):
        given = {} if where == "fit" else {where: weights}
        model = KerasClassifier(sides, epochs=8, random_state=0, **given)
        model.fit(X, y, **({"class_weight": weights} if where == "fit" else {}))
        return (model.predict(X) == high).mean()

    assert share_of_high({low: 20, high: 1}) < 0.3 < 0.7 < share_of_high({low: 1, high: 20})
    with pytest.raises(ValueError, match=r"keys of `class_weight` must be labels.* 'other'"):
        share_of_high({"other": 2, "another": 1})
    with pytest.warns(UserWarning, match=r"no label in y: 'other'\. They have no effect"):
        assert share_of_high({high: 20, "other": 2}) > 0.7


def test_weights_given_to_fit_are_those_of_samples():
    y = np.where(SIDE, "up", "down")
    weights = np.where(SIDE, 3.0, 0.5)
    by_class, by_sample = (
        KerasClassifier(sides, epochs=3, random_state=0).fit(X, y, **given)
        for given in ({"class_weight": {"up": 3.0, "down": 0.5}}, {"sample_weight": weights})
    )
    assert by_class.history_["loss"] == pytest.approx(by_sample.history_["loss"])
    model = KerasClassifier(sides, epochs=3, random_state=0, class_weight={"up": 9.0, "down": 9.0})
    model.fit(X, y, class_weight={"up": 3.0, "down": 0.5})  # in place of the parameter
    assert model.history_["loss"] == pytest.approx(by_class.history_["loss"])


def test_balanced_weights_and_those_of_several_labels():
    y = np.where(X[:, 0] > 1, "rare", "common")
    model = KerasClassifier(sides, epochs=20, random_state=0)
    plain = (model.fit(X, y).predict(X) == "rare").mean()
    assert (model.fit(X, y, class_weight="balanced").predict(X) == "rare").mean() > plain

    several = (X > 0).astype(int)
    with pytest.raises(ValueError, match=r"Received 7; the classes are 0, 1"):
        KerasClassifier(sides).fit(X, several, class_weight=[{0: 1, 1: 2}, {7: 1}, {0: 1}])


def test_a_batch_without_a_class_of_the_others():
    y = np.array(["a", "b", "c"])[THIRD]
    weights = {"a": 1, "b": 2, "c": 3}
    model = KerasClassifier(classes, random_state=0)
    model.partial_fit(X, y, classes=["a", "b", "c"], class_weight=weights)
    model.partial_fit(X[y != "c"], y[y != "c"], class_weight=weights)
    assert len(model.history_["loss"]) == 2


ABSENT = THIRD != 2
RARE = {0: 1.0, 1: 2.0, 2: 5.0}


@pytest.mark.parametrize("where", ["fit", "class_weight", "fit__class_weight"])
def test_keys_of_labels_that_these_samples_lack_count_for_nothing(where):
    def loss(weights):
        given, at_fit = (
            ({}, {"class_weight": weights}) if where == "fit" else ({where: weights}, {})
        )
        model = KerasClassifier(classes, epochs=2, random_state=0, **given)
        return model.fit(X[ABSENT], THIRD[ABSENT], **at_fit).history_["loss"]

    expected = loss({0: 1.0, 1: 2.0})
    with pytest.warns(UserWarning, match="no label in y: 2, 3") as told:
        assert loss({**RARE, 3: 4.0}) == expected
    assert sum("no label" in str(each.message) for each in told) == 1


@pytest.mark.parametrize("weights", [RARE, {0: 1.0, 2: 5.0}, {2: 5.0}])
def test_a_first_batch_without_a_class(weights):
    model = KerasClassifier(classes, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X[ABSENT], THIRD[ABSENT], classes=[0, 1, 2], class_weight=weights)
    sample_weight = [weights.get(label, 1.0) for label in THIRD[ABSENT]]
    same = KerasClassifier(classes, random_state=0)
    same.partial_fit(X[ABSENT], THIRD[ABSENT], classes=[0, 1, 2], sample_weight=sample_weight)
    assert model.history_["loss"] == pytest.approx(same.history_["loss"])


def test_a_fold_without_a_class():
    y = SIDE.astype(int)
    y[:2] = 2  # all in the first of the folds
    model = KerasClassifier(classes, random_state=0, class_weight=RARE)
    with pytest.warns(UserWarning, match="no label in y: 2"):
        assert np.isfinite(cross_val_score(model, X, y, cv=KFold(3))).all()


@pytest.mark.parametrize("refit", [False, True])
def test_a_search_tells_once_of_keys_without_a_label(refit):
    y = SIDE.astype(int)
    y[:2] = 2

    def search(weights, distributions=None, **fit_params):
        model = KerasClassifier(classes, random_state=0, class_weight=weights)
        found = TunerSearchCV(
            make_pipeline(FunctionTransformer(), model),
            distributions or {"kerasclassifier__batch_size": [10, 20]},
            tuner="grid",
            max_trials=None,
            cv=KFold(3),
            refit=refit,
        ).fit(X, y, **fit_params)
        return found.cv_results_["mean_test_score"]

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert np.isfinite(search(RARE)).all()
        assert np.isfinite(search({2: 5.0})).all()
        assert np.isfinite(search(None, kerasclassifier__class_weight=RARE)).all()
    assert not [each for each in told if "class_weight" in str(each.message)]
    wrong = {**RARE, 7: 1.0}
    tried = {"kerasclassifier__class_weight": [None, "balanced", wrong, {**wrong, 8: 1.0}]}
    for given in ((wrong,), ({9: 1.0}, tried)):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert np.isfinite(search(*given)).all()
        assert sum("no label in y: 7" in str(each.message) for each in told) == 1
    with pytest.raises(ValueError, match="Received 7, 8; the classes are 0, 1, 2"):
        search({7: 1.0, 8: 1.0})


def test_columns_without_a_label():
    several = (X > 0).astype(int)
    several[:, 1] = 0

    def build():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy")
        return model

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = [{0: 1, 1: 2}, {1: 5}, {1: 3}]
        KerasClassifier(build, random_state=0).fit(X, several, class_weight=weights)


def test_labels_that_are_one_hot():
    one = np.eye(3)[THIRD].astype(int)
    model = KerasClassifier(one_hot, epochs=10, random_state=0)
    model.fit(X, one, class_weight={0: 1, 1: 1, 2: 50})
    assert (model.predict(X).argmax(1) == 2).mean() > 0.5
    with pytest.raises(ValueError, match="Received 7; the classes are 0, 1, 2"):
        model.fit(X, one, class_weight={7: 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X[THIRD != 1], one[THIRD != 1], class_weight={0: 1, 1: 5})
