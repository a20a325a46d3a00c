"""Searches over estimators and candidates with any object among their parameters."""

import functools
import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.utils import all_estimators

from kerastune_lite._src.util.describing import described
from kerastune_lite._src.util.errors import SettingsMismatchError
from kerastune_lite.sklearn import TunerSearchCV

VECTORIZERS = [CountVectorizer, HashingVectorizer, TfidfVectorizer]
TRANSFORMERS = [
    *all_estimators(type_filter="transformer"),
    *((kind.__name__, kind) for kind in VECTORIZERS),
]
ARGUMENTS = {
    "ColumnTransformer": ([("a", OneHotEncoder(), make_column_selector(dtype_include=object))],),
    "FeatureUnion": ([("a", StandardScaler()), ("b", SimpleImputer())],),
    "RFE": (LogisticRegression(),),
    "RFECV": (LogisticRegression(),),
    "SelectFromModel": (LogisticRegression(),),
    "SequentialFeatureSelector": (LogisticRegression(),),
    "SparseCoder": (np.eye(3),),
    "StackingClassifier": ([("a", LogisticRegression())],),
    "StackingRegressor": ([("a", LogisticRegression())],),
    "VotingClassifier": ([("a", LogisticRegression())],),
    "VotingRegressor": ([("a", LogisticRegression())],),
}
C = {"logisticregression__C": [0.1, 1.0]}
Y = np.arange(24) % 2
NUMBERS = np.random.default_rng(0).normal(size=(24, 2)) + Y[:, None]
WORDS = np.array([["red"], ["blue"], ["green"]] * 8)
TEXTS = ["red sky", "blue sky", "green grass"] * 8
HOLES = np.where(np.arange(48).reshape(24, 2) % 5, NUMBERS, np.nan)


def searched(estimator, parameters, x=NUMBERS, **kwargs):
    return TunerSearchCV(estimator, parameters, tuner="grid", cv=2, **kwargs).fit(x, Y)


@pytest.mark.parametrize(("name", "kind"), TRANSFORMERS, ids=[name for name, _ in TRANSFORMERS])
def test_each_transformer_has_a_description(name, kind):
    def made():
        return make_pipeline(kind(*ARGUMENTS.get(name, ())), LogisticRegression())

    told = described(made())
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told == described(made()) == described(clone(made()))
    step = told["parameters"]["steps"][0][1]
    assert name == (step if isinstance(step, str) else step["class"])


def test_there_are_transformers_to_describe():
    assert len(TRANSFORMERS) > 60
    assert {"OneHotEncoder", "SimpleImputer", "TfidfVectorizer"} <= {
        name for name, _ in TRANSFORMERS
    }


@pytest.mark.parametrize(
    ("transformer", "x"),
    [
        (OneHotEncoder(), WORDS),
        (OneHotEncoder(dtype=np.float32, categories=[np.array(["blue", "green", "red"])]), WORDS),
        (OrdinalEncoder(dtype=np.int32), WORDS),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), WORDS),
        (TfidfVectorizer(), TEXTS),
        (TfidfVectorizer(tokenizer=str.split, token_pattern=None, dtype=np.float32), TEXTS),
        (SimpleImputer(), HOLES),
        (SimpleImputer(strategy="constant", fill_value=np.float32(0)), HOLES),
        (KBinsDiscretizer(2, dtype=np.float32, quantile_method="averaged_inverted_cdf"), NUMBERS),
        (FunctionTransformer(functools.partial(np.clip, a_min=-1, a_max=np.inf)), NUMBERS),
        (ColumnTransformer([("a", StandardScaler(), slice(0, 1))], remainder="drop"), NUMBERS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_search_goes_on_whatever_the_transformer(transformer, x, tmp_path):
    kept = {"directory": tmp_path, "random_state": 0}
    first = searched(make_pipeline(transformer, LogisticRegression()), C, x, **kept)
    again = searched(make_pipeline(clone(transformer), LogisticRegression()), C, x, **kept)
    assert np.isfinite(first.cv_results_["mean_test_score"]).all()
    assert again.cv_results_["start_time"].tolist() == first.cv_results_["start_time"].tolist()


class Odd(StandardScaler):
    """Does not say what it is."""

    def __repr__(self, N_CHAR_MAX=0):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("estimator", "name", "values", "x"),
    [
        ("scaler", "first", [StandardScaler(), MinMaxScaler(), "passthrough", None], NUMBERS),
        ("scaler", "first", [Odd(), Odd(with_mean=False)], NUMBERS),
        ("imputer", "first__missing_values", [np.nan, -1], NUMBERS),
        ("imputer", "first__fill_value", [np.float32(0.5), None, np.inf], NUMBERS),
        ("encoder", "first__dtype", [np.float32, np.float64, "float64"], WORDS),
        ("encoder", "first__categories", ["auto", [np.array(["blue", "green", "red"])]], WORDS),
        (
            "function",
            "first__func",
            [None, np.abs, lambda x: x, functools.partial(np.clip, a_min=0, a_max=1)],
            NUMBERS,
        ),
        ("function", "last__C", [0.1, np.inf], NUMBERS),
        ("function", "last__C", [np.float32(0.1), np.float64(1), np.int64(2)], NUMBERS),
        ("function", "last", [LogisticRegression(), GaussianNB(priors=[0.5, 0.5])], NUMBERS),
        ("function", "last__class_weight", [None, "balanced", {0: 1.0, 1: 2.0}], NUMBERS),
    ],
)
@pytest.mark.filterwarnings("ignore:Setting penalty=None|C=inf:UserWarning")
def test_candidates_may_be_objects(estimator, name, values, x, tmp_path):
    first = {
        "scaler": StandardScaler(),
        "imputer": SimpleImputer(),
        "encoder": OneHotEncoder(),
        "function": FunctionTransformer(),
    }[estimator]
    pipeline = Pipeline([("first", first), ("last", LogisticRegression())])
    search = searched(pipeline, {name: values}, x, directory=tmp_path, error_score="raise")
    tried = [params[name] for params in search.cv_results_["params"]]
    assert len(tried) == len(values)
    assert any(search.best_params_[name] is value for value in tried)
    again = searched(pipeline, {name: values}, x, directory=tmp_path, error_score="raise")
    assert again.cv_results_["start_time"].tolist() == search.cv_results_["start_time"].tolist()


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (
            SimpleImputer(),
            SimpleImputer(missing_values=-1),
            r"SimpleImputer.missing_values: nan before, -1 now\n",
        ),
        (
            KBinsDiscretizer(2, strategy="uniform", dtype=np.float32),
            KBinsDiscretizer(2, strategy="uniform"),
            "dtype.*float32.*None",
        ),
        (StandardScaler(), MinMaxScaler(), "StandardScaler.*MinMaxScaler"),
        (FunctionTransformer(np.abs), FunctionTransformer(np.sign), "absolute.*sign"),
    ],
    ids=["nan", "class", "estimator", "function"],
)
def test_another_estimator_is_told(one, other, said, tmp_path):
    x = np.abs(NUMBERS).round()
    search = functools.partial(searched, parameters={"logisticregression__C": [0.1]}, x=x)
    search(make_pipeline(one, LogisticRegression()), directory=tmp_path)
    with pytest.raises(SettingsMismatchError, match=said):
        search(make_pipeline(other, LogisticRegression()), directory=tmp_path)


def test_how_much_is_printed_does_not_make_another_estimator(tmp_path):
    searched(LogisticRegression(), {"C": [0.1]}, directory=tmp_path)
    searched(LogisticRegression(verbose=0), {"C": [0.1]}, directory=tmp_path)
    assert described(LogisticRegression(verbose=1)) == described(LogisticRegression())
