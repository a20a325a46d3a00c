import concurrent.futures
import contextlib
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kerastune_lite._src.algorithms.oracles import bayesian as module
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.util.threads import Shared, in_turn, lent_turn, one_thread
from kerastune_lite.oracles import BayesianOracle
from tests.algorithms.oracles.conformance import FLAT, ended


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
    history, rng = TrialHistory(), np.random.default_rng(0)
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


class TestLentTurns:
    """Threads that a turn's owner starts train within it, and those of before wait for its end."""

    def test_new_threads_take_turns_among_themselves_and_with_the_lender(self):
        inside, most = [], []

        @in_turn
        def inner(depth=0):
            inside.append(1)
            most.append(len(inside))
            if depth:
                inner(depth - 1)
            inside.pop()

        @in_turn
        def lender():
            with lent_turn(), concurrent.futures.ThreadPoolExecutor(4) as pool:
                found = [pool.submit(inner) for _ in range(50)]
                for _ in range(50):
                    inner()
                return [each.result(60) for each in found]

        assert len(lender()) == 50
        assert most == [1] * 100

    def test_lent_on_by_a_thread_that_was_lent_to(self):
        @in_turn
        def lender(depth):
            if not depth:
                return 0
            with lent_turn(), concurrent.futures.ThreadPoolExecutor(2) as pool:
                return 1 + sum(pool.map(lender, [depth - 1] * 2))

        assert lender(3) == 1 + 2 * (1 + 2)

    def test_threads_of_before_wait(self):
        order, begun, asked = [], threading.Event(), threading.Event()

        @in_turn
        def other():
            order.append("another search's")

        def begin_early():
            begun.set()
            asked.wait(60)
            other()

        early = threading.Thread(target=begin_early)
        early.start()
        begun.wait(60)

        @in_turn
        def lender():
            with lent_turn():
                asked.set()
                early.join(0.3)
                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    pool.submit(in_turn(lambda: order.append("lent"))).result(60)
            order.append("the end")

        lender()
        early.join(60)
        assert order == ["lent", "the end", "another search's"]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(other).result(60)  # nothing is lent any more
