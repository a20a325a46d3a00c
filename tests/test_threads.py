import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kerastune_lite.history import History
from kerastune_lite.oracles import BayesianOracle
from kerastune_lite.oracles import bayesian as module
from kerastune_lite.threads import one_thread
from tests.oracles.conformance import FLAT, ended


def threads():
    """Of each library for linear algebra that is loaded."""
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("the libraries here do not take a number of threads")
        yield


def test_one_thread_while_it_runs_and_as_many_as_before_afterwards():
    @one_thread()
    def method(first, *, second):
        """What it says."""
        return threads(), first, second

    assert method(3, second=4) == ({1}, 3, 4)
    assert threads() == {2}
    assert method.__doc__ == "What it says."


def test_an_error_leaves_as_many_threads_as_before():
    @one_thread()
    def method():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        method()
    assert threads() == {2}


def test_the_model_is_fitted_on_one_thread(monkeypatch):
    seen, fitted = [], module.fitted

    def watched(*args, **kwargs):
        seen.append(threads())
        return fitted(*args, **kwargs)

    monkeypatch.setattr(module, "fitted", watched)
    history, rng = History(), np.random.default_rng(0)
    for number in range(10):
        history.add(ended(number, FLAT.sample(rng), FLAT, float(rng.random())))
    BayesianOracle().propose(FLAT, history, 2, rng)
    assert seen
    assert all(each == {1} for each in seen)
    assert threads() == {2}
