"""scikit-learn's own checks of its estimators, and what these are excused from."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import kerastune_lite as kt

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_networks")]

EXCUSED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a row that is there twice may be drawn to validate on; a weight of two is not cut in half"
    ),
    "check_methods_subset_invariance": (
        "in single precision, sums of other numbers of rows may be rounded in another way"
    ),
}
QUICK = {"time_limit": None, "max_trials": 2, "epochs": 15, "random_state": 0}


def cases(estimator):
    for case, check in estimator_checks_generator(estimator):
        function = getattr(check, "func", check).__name__
        marks = []
        if function in EXCUSED:
            always = function != "check_methods_subset_invariance"
            marks = [pytest.mark.xfail(reason=EXCUSED[function], strict=always)]
        yield pytest.param(case, check, marks=marks, id=f"{type(estimator).__name__}-{function}")


@pytest.mark.parametrize(
    ("estimator", "check"),
    [*cases(kt.AutoClassifier(**QUICK)), *cases(kt.AutoRegressor(**QUICK))],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_checks(estimator, check):
    check(estimator)
