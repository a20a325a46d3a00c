import pytest
from joblib.externals.loky import get_reusable_executor


@pytest.fixture
def processes():
    """For tests with `n_jobs`: joblib's workers end with the test.

    joblib takes a worker that has loaded TensorFlow for one that leaks, replaces it, and warns
    of that in a thread of its own, where an error would be the end of it: such tests ignore the
    warning.
    """
    yield
    get_reusable_executor().shutdown(wait=True)
