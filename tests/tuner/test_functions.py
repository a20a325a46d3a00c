"""`tune_function`: a search without Keras."""

import gc
import itertools
import subprocess
import sys

import pytest

import kerastune_lite as kt
from kerastune_lite.hyperparameters import Float, Int
from kerastune_lite.oracles import RandomOracle
from kerastune_lite.schedulers import ASHA, Hyperband


def bowl(point):
    return (point["x"] - 1) ** 2 + (point["kind"] == "b")


SPACE = {"x": Float(-5.0, 5.0), "kind": ["a", "b"]}


def test_a_function_of_a_dict():
    tuner = kt.tune_function(bowl, SPACE, max_trials=30, seed=0, verbose=0)
    best = tuner.get_best_trials()[0]
    assert len(tuner.trials) == 30
    assert best.score == pytest.approx(bowl(best.values))
    assert best.values["kind"] == "a"
    assert tuner.get_best_hyperparameters()[0].values == best.values


def test_a_function_of_hp():
    def function(hp):
        return hp.Float("x", 0, 1) + (hp.Int("n", 1, 3) if hp.Boolean("more") else 0)

    tuner = kt.tune_function(function, max_trials=20, seed=0, verbose=0)
    assert {"n" in trial.values for trial in tuner.trials} == {True, False}


def test_a_metric_to_be_maximised():
    tuner = kt.tune_function(
        lambda point: {"gain": -((point["x"] - 1) ** 2), "other": 3.0},
        {"x": Float(-5.0, 5.0)},
        kt.Objective("gain", "max"),
        20,
        seed=0,
        verbose=0,
    )
    assert tuner.get_best_trials()[0].score == max(t.score for t in tuner.trials)


def test_it_goes_on_in_a_directory(tmp_path):
    calls = []

    def function(point):
        calls.append(point)
        return point["n"]

    for trials in (3, 5):
        tuner = kt.tune_function(
            function, {"n": Int(0, 9)}, None, trials, seed=0, directory=tmp_path, verbose=0
        )
    assert len(calls) == len(tuner.trials) == 5


def test_without_a_directory_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tuner = kt.tune_function(bowl, SPACE, max_trials=2, verbose=0)
    (made,) = tmp_path.iterdir()
    assert made.name.startswith("kerastune_")
    del tuner
    gc.collect()
    assert list(tmp_path.iterdir()) == []


class TestEpochs:
    def test_told_for_how_many(self):
        told = []

        def function(point, epochs):
            told.append(epochs)
            return point["x"] + 1 / epochs

        tuner = kt.tune_function(
            function, {"x": Float(0.0, 1.0)}, None, None, scheduler=Hyperband(9), seed=0, verbose=0
        )
        assert sorted(set(told)) == [1, 3, 9]
        assert {t.epochs for t in tuner.trials} == {1, 3, 9}
        assert tuner.get_best_trials()[0].epochs == 9

    def test_going_on_where_it_stopped(self):
        trained = []

        def function(point, epochs, initial_epoch):
            for epoch in range(initial_epoch, epochs):
                trained.append((point["x"], epoch))
                yield point["x"] + 1 / (1 + epoch)

        tuner = kt.tune_function(
            function, {"x": Float(0.0, 1.0)}, None, None, scheduler=Hyperband(9), seed=0, verbose=0
        )
        assert len(trained) == len(set(trained)) == sum(t.epochs for t in tuner.trials)
        for trial in tuner.trials:
            assert trial.score == pytest.approx(trial.values["x"] + 1 / trial.epochs)
            assert trial.best_step == trial.epochs - 1
            (curves,) = tuner.history(trial)
            assert len(curves["default_objective"]) == trial.epochs

    def test_one_that_cannot_be_told_is_refused(self):
        with pytest.raises(TypeError, match=r"needs a parameter `epochs`.*signature \(point\)"):
            kt.tune_function(bowl, SPACE, None, None, scheduler=Hyperband(9), verbose=0)

    def test_one_that_yields_for_ever_is_stopped_at_each_rung(self):
        ended = []

        def function(x, epochs):
            try:
                for epoch in itertools.count():
                    yield {"loss": x + 1 / (1 + epoch)}
            finally:
                ended.append(epoch + 1)

        tuner = kt.tune_function(
            function, {"x": Float(0.0, 1.0)}, "loss", None, scheduler=Hyperband(9), verbose=0
        )
        assert {t.epochs for t in tuner.trials} == {1, 3, 9}
        assert set(ended) == {2, 4, 10}, "it is told when it yields what was not asked for"

    def test_stopped_in_between(self):
        def function(x, epochs):
            for epoch in range(epochs):
                yield x + 1 / (1 + epoch)

        tuner = kt.tune_function(
            function,
            {"x": Float(0.0, 1.0)},
            max_trials=12,
            scheduler=ASHA(9, stop=True),
            seed=0,
            verbose=0,
        )
        epochs = {trial.epochs for trial in tuner.trials}
        assert {1, 9} <= epochs <= {1, 3, 9}
        for trial in tuner.trials:
            assert trial.score == pytest.approx(trial.values["x"] + 1 / trial.epochs)


class TestSpaces:
    """The forms in which a space can be given, and how the function gets the values."""

    def points(self, function, space, trials=12, **kwargs):
        tuner = kt.tune_function(
            function, space, None, trials, oracle=RandomOracle(), seed=0, verbose=0, **kwargs
        )
        return [trial.values for trial in tuner.trials]

    def test_lists_ranges_and_domains(self):
        space = {"x": Float(0.0, 1.0), "n": range(9, 0, -2), "kind": ("a", "b", None)}
        points = self.points(lambda point: point["n"], space, 40)
        assert {point["n"] for point in points} == {1, 3, 5, 7, 9}
        assert {point["kind"] for point in points} == {"a", "b", None}

    def test_values_by_name(self):
        seen = []

        def function(x, *, kind, epochs=None):
            seen.append({"x": x, "kind": kind})
            return x

        assert self.points(function, SPACE) == seen

    def test_values_by_any_name(self):
        assert self.points(lambda **values: values["x"], SPACE)[0].keys() == {"x", "kind"}

    def test_one_parameter_of_another_name_gets_all(self):
        seen = []
        points = self.points(lambda values, other=3: seen.append(values) or 1.0, SPACE)
        assert points == seen

    def test_a_function_of_hp_with_plain_ifs(self):
        def space(hp):
            if hp.Choice("kind", ["a", "b"]) == "a":
                hp.Float("x", 0.0, 1.0)

        points = self.points(lambda kind, x=2.0: x, space)
        assert {frozenset(point) for point in points} == {
            frozenset(["kind", "x"]),
            frozenset(["kind"]),
        }

    def test_declared_beforehand_with_conditions(self):
        hp = kt.HyperParameters()
        hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["a"]):
            hp.Float("x", 0.0, 1.0)
        points = self.points(lambda kind, x=2.0: x, hp)
        assert all(("x" in point) == (point["kind"] == "a") for point in points)
        assert len({len(point) for point in points}) == 2
        with pytest.raises(TypeError, match="conditional parameter needs a default"):
            self.points(lambda kind, x: x, hp)

    def test_epochs_by_name_and_as_a_hyperparameter(self):
        points = self.points(lambda epochs: float(epochs), {"epochs": [1, 2, 3]}, 3)
        assert sorted(point["epochs"] for point in points) == [1, 2, 3]

    @pytest.mark.parametrize(
        ("space", "message"),
        [
            ({"x": 3}, r"Received: x=3 of type int"),
            ({"x": "uniform(0, 1)"}, "Received: x='uniform.* of type str"),
            ({"x": (0.0, 1.0)}, r"range or two values\. Write Float\(0\.0, 1\.0\)"),
            ({"x": (0, 1)}, r"Write Int\(0, 1\) .* or \[0, 1\]"),
            ({3: [1, 2]}, "must be strings.*write '3'"),
            ([("x", [1, 2])], r"`space` must be a dict such as .* of type list"),
            ("x", "`space` must be a dict"),
        ],
    )
    def test_what_is_none_is_refused(self, space, message):
        with pytest.raises(TypeError, match=message):
            kt.tune_function(bowl, space, verbose=0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (None, "`function` must be a function. Received: None"),
        (SPACE, "The function comes first"),
        (lambda: 1.0, r"a parameter for each name of the space, \['x', 'kind'\].*signature \(\)"),
        (lambda x, z: 1.0, r"Received a function with the signature \(x, z\)"),
        (lambda point, epochs: 1.0, "this search has none. Pass scheduler="),
    ],
)
def test_functions_that_cannot_be_called_are_refused(function, message, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(TypeError, match=message):
        kt.tune_function(function, bowl if function is SPACE else SPACE, verbose=0)
    assert list(tmp_path.iterdir()) == []


def test_what_it_returns_is_called_by_its_name():
    def bad(x):
        pass

    with pytest.raises(TypeError, match=r"^bad\(\) must return a float.*forget to return"):
        kt.tune_function(bad, {"x": [1, 2]}, verbose=0)


def test_no_keras_is_loaded():
    code = (
        "import sys, kerastune_lite as kt; "
        "from kerastune_lite.hyperparameters import Float; "
        "kt.tune_function(lambda p: p['x'], {'x': Float(0.0, 1.0)}, max_trials=3, verbose=0); "
        "print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]


def test_a_changed_prior_is_taken_when_a_search_goes_on(tmp_path):
    def search(prior, trials):
        hp = kt.HyperParameters()
        hp.Float("x", 0.0, 1.0, prior=prior)
        kwargs = {"directory": tmp_path, "project_name": "p", "verbose": 0, "seed": 1}
        return kt.tune_function(lambda x: (x - 0.6) ** 2, hp, max_trials=trials, **kwargs)

    assert search(None, 2).trials[0].values["x"] == 0.5
    search(kt.prior.around(0.6), 4)
    (parameter,) = kt.open_project(tmp_path / "p").space
    assert parameter.domain.prior == kt.prior.around(0.6)
    columns = search(kt.prior.around(0.4), 5).space.columns()
    assert columns["prior"] == ["around 0.4 +- 15%"]
