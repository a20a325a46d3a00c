"""scikit-learn's own checks of its estimators, and what the wrappers are excused from."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from kerastune_lite.sklearn import KerasClassifier, KerasRegressor
from tests.sklearn.models import build, build_regression

pytestmark = pytest.mark.slow

EXCUSED = {
    "check_estimator_tags_renamed": (
        "scikeras' base class keeps the method that tags had before scikit-learn 1.6"
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "a weight of two and a sample that is there twice fall into other batches; scikit-learn "
        "excuses its own gradient boosting and its networks"
    ),
}


def cases(estimator):
    """Each check of an estimator; names without the addresses of functions, for xdist."""
    for case, check in estimator_checks_generator(estimator):
        function = getattr(check, "func", check).__name__
        marks = []
        if function in EXCUSED:
            marks = [pytest.mark.xfail(reason=EXCUSED[function], strict=True)]
        yield pytest.param(case, check, marks=marks, id=f"{type(estimator).__name__}-{function}")


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        *cases(KerasClassifier(build, epochs=20, random_state=0)),
        *cases(KerasRegressor(build_regression, epochs=20, random_state=0)),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_checks(estimator, check):
    check(estimator)
