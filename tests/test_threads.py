import concurrent.futures
import contextlib
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kerastune_lite.history import History
from kerastune_lite.oracles import BayesianOracle
from kerastune_lite.oracles import bayesian as module
from kerastune_lite.threads import Shared, in_turn, one_thread
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


def test_threads_are_within_one_after_the_other():
    inside, most = [], []

    @one_thread()
    def method():
        inside.append(threads())
        most.append(list(inside))
        inside.pop()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: method(), range(50)))
    assert all(len(each) == 1 for each in most)
    assert threads() == {2}


def test_a_shared_context_is_entered_by_the_first_and_left_by_the_last():
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    log = []

    @contextlib.contextmanager
    def make():
        log.append("open")
        yield
        log.append("closed")

    shared = Shared(make)

    def first():
        with shared():
            first_in.set()
            assert second_in.wait(60)
        log.append("one left")
        first_out.set()

    def second():
        assert first_in.wait(60)
        with shared():
            second_in.set()
            assert first_out.wait(60)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert log == ["open", "one left", "closed"]


def test_a_shared_context_that_cannot_be_entered_can_be_tried_again():
    opened = []

    def make():
        opened.append(1)
        if len(opened) == 1:
            raise OSError("not yet")
        return threading.Lock()

    shared = Shared(make)
    with pytest.raises(OSError, match="not yet"), shared():
        pass
    with shared(), shared():
        pass
    assert len(opened) == 2


def test_turns_are_taken_one_by_one_and_again_within():
    inside, most = [], []

    @in_turn
    def inner():
        most.append(len(inside))

    @in_turn
    def outer():
        inside.append(1)
        inner()
        inside.pop()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: outer(), range(50)))
    assert most == [1] * 50
