"""scikit-learn's own checks of TunerSearchCV."""

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import estimator_checks_generator

from kerastune_lite.sklearn import TunerSearchCV

pytestmark = pytest.mark.slow

# By estimator and check. scikit-learn's own list for GridSearchCV has this one for every estimator,
# and `check_requires_y_none`. LogisticRegression does warn, so that the check passes with it.
EXCUSED = {("Ridge", "check_supervised_y_2d"): "a column of targets is the estimator's to warn of"}


def cases(estimator):
    kind = type(estimator.estimator).__name__
    for case, check in estimator_checks_generator(estimator):
        function = getattr(check, "func", check).__name__
        marks = []
        if (kind, function) in EXCUSED:
            marks = [pytest.mark.xfail(reason=EXCUSED[kind, function], strict=True)]
        yield pytest.param(case, check, marks=marks, id=f"{kind}-{function}")


def search(estimator, grid):
    return TunerSearchCV(estimator, grid, cv=2, max_trials=2, tuner="random")


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        *cases(search(LogisticRegression(), {"C": [0.1, 1.0]})),
        *cases(search(Ridge(), {"alpha": [0.1, 1.0]})),
    ],
)
@pytest.mark.filterwarnings("ignore")  # as scikit-learn's own test suite runs them for searches
def test_checks(estimator, check):
    check(estimator)
