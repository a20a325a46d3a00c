"""Results are kept in memory up to a limit, then in files; they cannot be changed."""

import functools
import logging
import os
import pickle

import numpy as np
import pytest

from kerastune_lite import HyperParameters
from kerastune_lite._src.keras.data_cache import DataCache
from kerastune_lite._src.store.project_folder import ProjectFolder

KIB = np.zeros(128)
"""An array of 1,024 bytes."""


def made_counted():
    """A function that makes another array each time, and the list of what it has made."""
    made = []

    def make():
        made.append(KIB + len(made))
        return made[-1]

    return make, made


@pytest.fixture
def cache(tmp_path):
    cache = DataCache(tmp_path, memory=3000, disk=10_000)
    yield cache
    cache.close()


def files(folder):
    return sorted(folder.rglob("*.npy"))


def test_a_result_is_made_once(cache):
    make, made = made_counted()
    assert cache.get("a", make) is cache.get("a", make)
    assert len(made) == 1


def test_what_does_not_fit_into_memory_is_in_files(cache, tmp_path):
    make, made = made_counted()
    for name in "abcd":
        cache.get(name, make)
    assert len(files(tmp_path)) == 2
    for place, name in enumerate("abcd"):
        np.testing.assert_array_equal(cache.get(name, make), KIB + place)
    assert len(made) == 4


def test_what_was_used_lately_stays_in_memory(cache, tmp_path):
    make, made = made_counted()
    for name in "aba":
        cache.get(name, make)
    cache.get("c", make)
    (file,) = files(tmp_path)
    np.testing.assert_array_equal(np.load(file), made[1])


def test_structures_come_back_from_files_as_they_were(cache):
    nested = {"x": [KIB, (KIB + 1, 7)], "y": KIB.astype("float32"), "name": "a", "none": None}
    cache.get("a", lambda: nested)
    cache.get("b", lambda: KIB)
    cache.get("c", lambda: KIB)
    found = cache.get("a", pytest.fail)
    assert found["name"] == "a"
    assert found["none"] is None
    assert found["x"][1][1] == 7
    assert type(found["x"][1]) is tuple
    assert found["y"].dtype == "float32"
    np.testing.assert_array_equal(found["x"][1][0], KIB + 1)


def test_a_full_disk_means_that_it_is_made_again(tmp_path):
    cache = DataCache(tmp_path, memory=1500, disk=1500)
    make, made = made_counted()
    for name in "abc":
        cache.get(name, make)
    assert len(files(tmp_path)) == 1
    cache.get("b", make)
    assert len(made) == 4
    cache.close()


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, caplog):
    (tmp_path / "data").write_text("a file where the folder should be")
    cache = DataCache(tmp_path, memory=1500)
    make, _made = made_counted()
    with caplog.at_level(logging.WARNING):
        for name in "abcd":
            np.testing.assert_array_equal(cache.get(name, make)[:1] >= 0, [True])
    messages = [record.message for record in caplog.records]
    assert messages
    assert "It is made again when it is needed." in messages[0]


@pytest.mark.parametrize("other", [object(), np.array(["a", None], dtype=object)])
def test_of_what_has_no_known_size_a_few_are_kept(cache, tmp_path, other):
    made = []

    def make():
        made.append(other)
        return other

    for number in range(40):
        cache.get(number, make)
    cache.get(39, make)
    assert len(made) == 40
    cache.get(0, make)
    assert len(made) == 41
    assert not files(tmp_path)


def test_results_cannot_be_changed_but_their_sources_can(cache):
    source = KIB.copy()
    kept, _others = cache.get("a", lambda: (source, [source]))
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1.0
    source[0] = 1.0


def test_files_are_deleted_at_the_end(cache, tmp_path):
    make, _made = made_counted()
    for name in "abcd":
        cache.get(name, make)
    cache.close()
    assert not list(tmp_path.iterdir())
    cache.close()


def test_files_of_processes_that_died_are_deleted(cache, tmp_path):
    make, made = made_counted()
    for name in "abcd":
        cache.get(name, make)
    dead = tmp_path / "data" / "99999999-0123abcd"
    dead.mkdir()
    np.save(dead / "array_0.npy", KIB)
    ProjectFolder.at(tmp_path).discard_made_data()
    assert not dead.exists()
    np.testing.assert_array_equal(cache.get("a", make), made[0])


def test_another_process_begins_with_nothing(cache):
    make, made = made_counted()
    cache.get("a", make)
    other = pickle.loads(pickle.dumps(cache))  # noqa: S301
    other.get("a", make)
    assert len(made) == 2
    other.close()


def calling(function):
    return lambda: function()


class Doubled:
    def __init__(self, scale):
        self.scale = scale

    def of_own(self):
        return 2 * self.scale

    __call__ = of_own


class TestSteps:
    @pytest.fixture
    def hp(self, cache):
        hp = HyperParameters()
        hp.steps = cache
        return hp

    def test_without_a_search_the_function_is_called(self):
        calls = []
        for _ in range(2):
            HyperParameters().cached("step", calls.append, 1)
        assert calls == [1, 1]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (1, 2),
            (1, 1.0),
            (1, True),
            ("a", "b"),
            (None, 0),
            ((1, 2), [1, 2]),
            ({"a": 1}, {"a": 2}),
            ({"a": 1}, {"b": 1}),
            (KIB, KIB + 1),
            (KIB, KIB.astype("float32")),
            (KIB, KIB.reshape(2, 64)),
            ([KIB, 1], [KIB, 2]),
            (np.float32(1), np.float64(1)),
        ],
    )
    def test_other_dependencies_other_results(self, hp, first, second):
        calls = []

        def step(given):
            calls.append(given)
            return len(calls)

        assert [hp.cached("step", step, each) for each in (first, second, first)] == [1, 2, 1]

    @pytest.mark.parametrize(
        "step",
        [
            pytest.param(lambda scale: lambda: scale * 2, id="closure"),
            pytest.param(lambda scale: lambda factor=scale: factor * 2, id="default"),
            pytest.param(lambda scale: functools.partial(max, scale * 2, 0), id="partial"),
            pytest.param(lambda scale: functools.partial(int, str(scale * 2), base=10), id="name"),
            pytest.param(lambda scale: Doubled(scale).of_own, id="method"),
            pytest.param(lambda scale: Doubled(scale), id="object"),
            pytest.param(lambda scale: calling(lambda: scale * 2), id="closure of a closure"),
            pytest.param(lambda scale: [lambda: 2, lambda: 4, lambda: 6][scale - 1], id="code"),
        ],
    )
    def test_what_a_function_takes_along_is_a_dependency(self, hp, step):
        assert [hp.cached("step", step(scale)) for scale in (1, 2, 3, 1)] == [2, 4, 6, 2]

    def test_a_function_that_takes_along_the_same_is_the_same(self, hp):
        calls, data = [], [3]

        def make_data():
            def total():
                calls.append(1)
                return sum(data)

            return hp.cached("total", lambda: total())

        assert make_data() == make_data() == 3
        assert len(calls) == 1

    def test_equal_arrays_are_the_same_dependency(self, hp):
        calls = []
        for _ in range(2):
            hp.cached("step", lambda array: calls.append(array) or 1, KIB.copy())
        assert len(calls) == 1

    def test_steps_of_other_names_and_functions(self, hp):
        assert hp.cached("one", abs, -1) == 1
        assert hp.cached("two", str, -1) == "-1"
        assert hp.cached("one", str, -1) == "-1"

    def test_a_result_can_be_a_dependency(self, hp):
        doubled = hp.cached("doubled", lambda array: array * 2, KIB + 1)
        assert hp.cached("sum", lambda array: float(array.sum()), doubled) == 256.0

    def test_what_cannot_be_compared_is_refused(self, hp):
        with pytest.raises(TypeError, match=r"hp\.cached\('step', .*Received a object\. Pass"):
            hp.cached("step", abs, object())

    def test_a_copy_and_another_process_have_no_steps(self, hp):
        assert hp.copy().steps is None
        assert pickle.loads(pickle.dumps(hp)).steps is None  # noqa: S301


def test_the_default_limit_is_a_part_of_the_free_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("kerastune_lite._src.keras.data_cache.free_memory", lambda: 12_000)
    cache = DataCache(tmp_path)
    make, _made = made_counted()
    for name in "abc":
        cache.get(name, make)
    assert len(files(tmp_path)) == 1
    assert files(tmp_path)[0].parent.name.startswith(f"{os.getpid()}-")
    cache.close()
