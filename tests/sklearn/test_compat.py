"""A scikit-learn or scikeras that differs inside is an error that says which version to install."""

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import _scorer
from sklearn.model_selection import _validation
from sklearn.utils import validation

from kerastune_lite._src.sklearn import compat, from_scikeras
from kerastune_lite.sklearn import TunerSearchCV

X, Y = np.arange(12.0)[:, None], np.arange(12.0)


@pytest.fixture(autouse=True)
def tried_anew():
    compat.check_scikit_learn.cache_clear()
    yield
    compat.check_scikit_learn.cache_clear()


def test_this_scikit_learn_has_it():
    compat.check_scikit_learn()
    from_scikeras.check_scikeras()


def test_it_is_tried_whatever_scikit_learn_is_set_to():
    with sklearn.config_context(enable_metadata_routing=True, transform_output="pandas"):
        compat.check_scikit_learn()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (BaseEstimator, "_validate_params"),
        (compat.BaseSearch, "_check_refit_for_multimetric"),
        (compat.BaseSearch, "_format_results"),
        (compat.BaseSearch, "_get_routed_params_for_fit"),
        (compat.BaseSearch, "_get_scorers"),
        (compat.BaseSearch, "_select_best_index"),
        (_scorer, "_MultimetricScorer"),
        (_validation, "_fit_and_score"),
        (_validation, "_warn_or_raise_about_fit_failures"),
        (validation, "_check_method_params"),
    ],
)
def test_searches_say_what_to_install(monkeypatch, owner, name):
    search = TunerSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, tuner="grid", cv=2)
    with monkeypatch.context() as patch:
        patch.delattr(owner, name)
        with pytest.raises(ImportError, match=r"pip install 'scikit-learn<\d+\.\d+'"):
            search.fit(X, Y)
    assert search.fit(X, Y).best_params_ == {"alpha": 1.0}


def test_scores_of_another_form_are_found_out(monkeypatch):
    def scored(*args, **kwargs):
        return {"test_scores": 0.0, "fit_error": None}

    monkeypatch.setattr(_validation, "_fit_and_score", scored)
    with pytest.raises(ImportError, match="scikit-learn<"):
        compat.check_scikit_learn()


NAMES = (
    *from_scikeras._OVERRIDDEN,
    "_initialize_callbacks",
    "_predict_kwargs",
    "_routing_prefixes",
)


@pytest.mark.parametrize("name", NAMES)
def test_estimators_say_what_to_install(monkeypatch, name):
    monkeypatch.delattr(from_scikeras.BaseWrapper, name)
    with pytest.raises(ImportError, match=r"pip install scikeras==0\.13\.0"):
        from_scikeras.check_scikeras()


@pytest.mark.parametrize("name", ["_user_params", "_fit_callbacks", "_predict_callbacks"])
def test_attributes_of_estimators_are_tried(monkeypatch, name):
    hidden = property(lambda self: None, lambda self, value: None)
    monkeypatch.setattr(from_scikeras.BaseWrapper, name, hidden, raising=False)
    with pytest.raises(ImportError, match="scikeras"):
        from_scikeras.check_scikeras()


@pytest.mark.parametrize("name", ["_target_type", "_y_shape"])
def test_attributes_of_encoders_are_tried(monkeypatch, name):
    hidden = property(lambda self: None, lambda self, value: None)
    monkeypatch.setattr(from_scikeras.ClassifierLabelEncoder, name, hidden, raising=False)
    with pytest.raises(ImportError, match="scikeras"):
        from_scikeras.check_scikeras()
