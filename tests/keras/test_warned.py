"""Each of Python's warnings is shown once in a search; the user's filters stay in force."""

import threading
import warnings

import pytest

import kerastune_lite as kt
from kerastune_lite._src.util.warn_once import once


def warn(text="a", category=UserWarning):
    with warnings.catch_warnings():
        # Whoever touches a filter has Python forget what it has shown.
        warnings.filterwarnings("default", message="of no matter")
    warnings.warn(text, category, stacklevel=1)


@pytest.fixture
def seen():
    with warnings.catch_warnings(record=True) as record:
        warnings.resetwarnings()
        warnings.simplefilter("default")
        yield record


def texts(seen):
    return [str(each.message) for each in seen]


def test_a_warning_is_shown_once(seen):
    with once(set()):
        for _ in range(3):
            warn("a")
            warn("b")
            warn("b", RuntimeWarning)
    assert texts(seen) == ["a", "b", "b"]
    before = warnings.showwarning
    with once(set()):
        warn("a")  # another search
    assert texts(seen) == ["a", "b", "b", "a"]
    assert warnings.showwarning is before


def test_what_was_shown_before_is_known(seen):
    shown = set()
    for _ in range(2):
        with once(shown):
            warn()
    assert texts(seen) == ["a"]


def test_filters_of_the_user_stay_in_force(seen):
    with once(set()):
        warnings.filterwarnings("always", category=RuntimeWarning)
        warnings.filterwarnings("ignore", message="nothing")
        warnings.filterwarnings("error", message="raised")
        for _ in range(2):
            warn("often", RuntimeWarning)
            warn("nothing")
            with pytest.raises(UserWarning, match="raised"):
                warn("raised")
    assert texts(seen) == ["often", "often"]


def test_a_filter_for_a_module_is_known_by_its_module(seen):
    with once(set()):
        warnings.filterwarnings("always", module=__name__.replace(".", r"\."))
        warn()
        warn()
    assert texts(seen) == ["a", "a"]


def test_a_warning_while_another_one_is_looked_up(seen):
    """The collector may run at any time, and what it deletes may warn."""

    class Shown(set):
        def __contains__(self, key):
            if "late" not in seen_keys:
                seen_keys.append("late")
                warn("late")
            return super().__contains__(key)

    seen_keys = []

    def search():
        with once(Shown()):
            warn("a")

    searching = threading.Thread(target=search, daemon=True)
    searching.start()
    searching.join(30)
    assert not searching.is_alive()
    assert texts(seen) == ["late", "a"]


def test_searches_in_threads_end_in_any_order(seen):
    before = warnings.showwarning
    both, first_over = threading.Barrier(2), threading.Event()

    def search(first):
        with once(set()):
            both.wait()
            if not first:
                first_over.wait()
                warn()
        if first:
            first_over.set()

    threads = [threading.Thread(target=search, args=(first,)) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts(seen) == ["a"]
    assert warnings.showwarning is before


@pytest.mark.parametrize("own", [False, True])
def test_keras_warns_once_in_a_search(seen, tmp_path, own):
    import keras
    import numpy as np

    def build(hp):
        first = keras.layers.Dense(hp.Int("units", 2, 9), input_shape=(3,))
        model = keras.Sequential([first, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            return super().run_trial(trial, *args, **kwargs)

    kind = Own if own else kt.RandomSearch
    tuner = kind(build, "loss", max_trials=3, directory=tmp_path)
    tuner.search(np.ones((8, 3)), np.ones(8), epochs=1, verbose=0)
    assert sum("Do not pass an `input_shape`" in text for text in texts(seen)) == 1
