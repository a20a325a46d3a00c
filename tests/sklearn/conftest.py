import pytest
from joblib.externals.loky import get_reusable_executor

from tests.sklearn.recording import Deep, X, Y


@pytest.fixture
def processes():
    """For tests with `n_jobs`: joblib's workers end with the test.

    joblib takes a worker that has loaded TensorFlow for one that leaks, replaces it, and warns
    of that in a thread of its own, where an error would be the end of it: such tests ignore the
    warning.
    """
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def told(tmp_path):
    """Fits an estimator with a recorder, and returns the calls: also as `told.calls`, if it fails.

    Its arguments: the estimator; the class of the recorder, and arguments of it; targets `y`; a
    dict `fit` of further arguments of `fit`.
    """

    def tell(estimator, kind=Deep, fit=None, y=Y, **params):
        recorder = kind(tmp_path / "calls", **params)
        estimator.set_callbacks(recorder)
        try:
            estimator.fit(X, y, **(fit or {}))
        finally:
            tell.calls = recorder.calls
        return recorder.calls

    return tell
