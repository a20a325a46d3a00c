"""Estimators in files without pickle."""

import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import FunctionTransformer

from kerastune_lite.sklearn import KerasClassifier, KerasRegressor
from tests.sklearn.data import blobs
from tests.sklearn.models import build, build_regression, build_sigmoid

X, Y = blobs()


@pytest.mark.parametrize(
    "labels",
    [
        Y,
        Y == 1,
        np.where(Y == 1, "yes", "no"),
        np.where(Y == 1, "yes", "no").astype(object),
        np.arange(60) % 3 - 5.0,
        np.eye(3, dtype=int)[np.arange(60) % 3],
        np.stack([Y, 1 - Y, np.ones_like(Y)], axis=1),
    ],
    ids=["ints", "bools", "words", "objects", "floats", "one-hot", "multilabel"],
)
def test_a_classifier_comes_back(tmp_path, labels):
    fitted = KerasClassifier(build, hp__units=5, epochs=2, random_state=0).fit(X, labels)
    fitted.save(tmp_path / "it.zip")
    loaded = KerasClassifier.load(tmp_path / "it.zip")
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.predict(X).dtype == fitted.predict(X).dtype
    np.testing.assert_array_equal(loaded.classes_, fitted.classes_)
    assert loaded.history_ == fitted.history_
    assert loaded.hyperparameters_ == fitted.hyperparameters_
    assert loaded.get_params()["hp__units"] == 5
    assert loaded.model is None
    assert loaded.score(X, labels) == fitted.score(X, labels)


def test_one_hot_encoding_by_loss_comes_back(tmp_path):
    def one_hot(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
        model.compile("adam", loss="categorical_crossentropy")
        return model

    fitted = KerasClassifier(one_hot).fit(X, np.array(["a", "b", "c"])[np.arange(60) % 3])
    fitted.save(tmp_path / "it.zip")
    loaded = KerasClassifier.load(tmp_path / "it.zip", model=one_hot)
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    loaded.partial_fit(X, np.array(["a", "b", "c"])[np.arange(60) % 3])


@pytest.mark.parametrize("targets", [X[:, 0], np.stack([X[:, 0], X[:, 1]], axis=1)])
def test_a_regressor_comes_back(tmp_path, targets):
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = KerasRegressor(build_regression, epochs=2).fit(frame, targets)
    fitted.save(tmp_path / "it.zip")
    loaded = KerasRegressor.load(tmp_path / "it.zip", model=build_regression)
    np.testing.assert_array_equal(loaded.predict(frame), fitted.predict(frame))
    assert list(loaded.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature"):
        loaded.predict(frame[list("ab")])
    loaded.fit(frame, targets)


class Encoding(KerasClassifier):
    @property
    def feature_encoder(self):
        return FunctionTransformer(np.abs)


def test_what_cannot_be_kept_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        KerasClassifier(build).save(tmp_path / "it.zip")
    with pytest.raises(TypeError, match=r"encoders of its own. Use joblib.dump"):
        Encoding(build).fit(X, Y).save(tmp_path / "it.zip")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_estimator_is_refused(tmp_path):
    path = tmp_path / "it.zip"
    KerasClassifier(build_sigmoid).fit(X, Y).save(path)
    with pytest.raises(ValueError, match=r"holds a KerasClassifier.*KerasClassifier.load\("):
        KerasRegressor.load(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="something else, or damaged"):
        KerasClassifier.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("estimator.json", "{}")
        archive.writestr("model.keras", "")
    with pytest.raises(ValueError, match="another file"):
        KerasClassifier.load(path)


def test_no_code_of_the_file_is_run(tmp_path):
    def with_lambda(hp):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(2, activation="softmax"),
                keras.layers.Lambda(lambda x: x),
            ]
        )
        model.compile("adam", loss="sparse_categorical_crossentropy")
        return model

    KerasClassifier(with_lambda).fit(X, Y).save(tmp_path / "it.zip")
    with pytest.raises(ValueError, match=r"[Ll]ambda"):
        KerasClassifier.load(tmp_path / "it.zip")
