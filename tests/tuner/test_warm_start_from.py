"""Searches that remember: what `warm_start_from` accepts, reads and keeps."""

import math
import shutil

import pytest

import kerastune_lite as kt
from kerastune_lite._src.search.warm_start import former_of
from kerastune_lite.errors import StoreError
from kerastune_lite.hyperparameters import Choice, Float, Int
from tests.kerastuner_projects import searched

SPACE = {"x": Float(-1.0, 1.0), "n": Int(1, 8), "kind": Choice(("a", "b"))}


def bowl(x, n, kind="a"):
    return (x - 0.4) ** 2 + 0.1 * abs(n - 6) + (kind == "b")


def shifted(x, n, kind="a"):
    return 3.0 * bowl(x + 0.05, n, kind) + 1.0


def search(tmp_path, name, function=shifted, space=SPACE, trials=12, **settings):
    settings = {"seed": 0, "directory": tmp_path, "project_name": name, "verbose": 0} | settings
    return kt.tune_function(function, space, max_trials=trials, **settings)


@pytest.fixture
def old(tmp_path):
    return search(tmp_path, "old", bowl, trials=25, seed=1)


def origins(tuner):
    return [trial.origin for trial in tuner.trials]


def values(tuner):
    return [dict(trial.values) for trial in tuner.trials]


# ---------------------------------------------------------------------- what it is good for


def test_the_best_point_of_the_former_project_comes_first(tmp_path, old):
    new = search(tmp_path, "new", warm_start_from=[old])
    assert new.trials[0].values == old.get_best_trials()[0].values
    assert origins(new)[:2] == ["former", "oracle"]
    assert 1 < origins(new).count("former") <= 4
    cold = search(tmp_path, "cold")
    assert new.get_best_trials()[0].loss < cold.get_best_trials()[0].loss


def test_no_more_of_them_if_they_are_bad(tmp_path):
    misleading = search(tmp_path, "old", lambda x, n, kind: -bowl(x, n, kind), trials=25)
    new = search(tmp_path, "new", warm_start_from=[misleading])
    assert origins(new).count("former") == 1


@pytest.mark.parametrize(
    "oracle", [kt.oracles.RandomOracle(), kt.oracles.GridOracle(), kt.oracles.EvolutionaryOracle()]
)
def test_other_oracles_take_the_first_points(tmp_path, old, oracle):
    new = search(tmp_path, "new", oracle=oracle, warm_start_from=[old])
    assert new.trials[0].values == old.get_best_trials()[0].values
    assert len({str(trial.values) for trial in new.trials}) == 12


def test_points_that_the_user_enqueues_come_before(tmp_path, old):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            hp = trial.hyperparameters
            return shifted(hp.Float("x", -1.0, 1.0), hp.Int("n", 1, 8))

    hp = kt.HyperParameters()
    hp.Float("x", -1.0, 1.0)
    hp.Int("n", 1, 8)
    tuner = Own(
        max_trials=3,
        directory=tmp_path,
        project_name="new",
        hyperparameters=hp,
        warm_start_from=[old],
    )
    tuner.enqueue({"x": 0.0})
    tuner.search(verbose=0)
    assert origins(tuner)[0] == "enqueued"
    assert "former" in origins(tuner)


def test_with_a_scheduler(tmp_path, old):
    def curve(epochs, x, n, kind):
        for epoch in range(epochs):
            yield bowl(x, n, kind) + 1.0 / (epoch + 1)

    scheduler = kt.schedulers.ASHA(max_epochs=9)
    new = search(tmp_path, "new", curve, scheduler=scheduler, warm_start_from=[old])
    assert new.trials[0].values == old.get_best_trials()[0].values


# ---------------------------------------------------------------------- what it accepts


def test_folders_opened_projects_and_tuners_are_the_same(tmp_path, old):
    sources = [
        [tmp_path / "old"],
        [str(tmp_path / "old")],
        [kt.open_project(tmp_path / "old")],
        [old],
        str(tmp_path / "old"),
    ]
    found = [
        values(search(tmp_path, f"new {i}", trials=6, warm_start_from=source))
        for i, source in enumerate(sources)
    ]
    assert all(each == found[0] for each in found)


def test_a_project_of_kerastuner(tmp_path):
    def run(hp):
        return {"loss": bowl(hp.Float("x", -1.0, 1.0), hp.Int("n", 1, 8))}

    theirs = searched(tmp_path, run, max_trials=8)
    new = search(tmp_path, "new", warm_start_from=[theirs.project_dir])
    best = theirs.oracle.get_best_trials()[0].hyperparameters.values
    assert {name: new.trials[0].values[name] for name in best} == best


def test_a_project_with_another_objective(tmp_path, old):
    """It may be named; "auto" does not use it. Ranks are compared, not losses."""

    def accuracy(x, n, kind):
        return {"accuracy": 1.0 - bowl(x, n, kind)}

    settings = {"objective": kt.Objective("accuracy", "max"), "warm_start_from": "auto"}
    new = search(tmp_path, "auto", accuracy, **settings)
    assert "former" not in origins(new)
    new = search(tmp_path, "named", accuracy, **{**settings, "warm_start_from": [old]})
    assert origins(new).count("former") > 1


def test_a_project_with_several_objectives(tmp_path):
    """Its points count by their ranks."""

    def both(x, n, kind):
        return {"a": bowl(x, n, kind), "b": bowl(x + 0.1, n, kind)}

    objective = [kt.Objective("a", "min"), kt.Objective("b", "min")]
    old = search(tmp_path, "old", both, objective=objective, trials=15)
    new = search(tmp_path, "new", warm_start_from=[old])
    assert new.trials[0].values == old.get_best_trials()[0].values
    again = search(tmp_path, "again", both, objective=objective, warm_start_from="auto")
    assert again.trials[0].values == old.get_best_trials()[0].values


def test_a_space_that_has_grown(tmp_path, old):
    space = {**SPACE, "x": Float(-2.0, 2.0), "rate": Float(1e-3, 1.0, sampling="log")}
    new = search(
        tmp_path, "new", lambda rate, **kw: rate + bowl(**kw), space, warm_start_from=[old]
    )
    first = dict(new.trials[0].values)
    assert first.pop("rate") == pytest.approx(10**-1.5), "the middle"
    assert first == old.get_best_trials()[0].values


def test_a_space_that_is_not_known_yet(tmp_path, old):
    """The parameters are met in the first trial, and the points follow."""

    class Own(kt.Tuner):
        def run_trial(self, trial):
            hp = trial.hyperparameters
            return shifted(hp.Float("x", -1.0, 1.0), hp.Int("n", 1, 8))

    settings = {"max_trials": 6, "directory": tmp_path, "project_name": "new"}
    tuner = Own(warm_start_from=[old], **settings)
    tuner.search(verbose=0)
    assert "former" in origins(tuner)


def test_auto_finds_the_projects_that_fit(tmp_path, old, capsys):
    search(tmp_path, "other", lambda z: z, {"z": Float(0.0, 1.0)}, trials=4)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "study.sqlite3").write_bytes(b"no database")
    capsys.readouterr()
    new = search(tmp_path, "new", trials=4, warm_start_from="auto", verbose=2)
    assert "Remembering 1 former project: old (25 trials)" in capsys.readouterr().out
    assert new.trials[0].values == old.get_best_trials()[0].values
    # Itself is not among them, and nothing is read twice.
    again = search(tmp_path, "new", trials=6, warm_start_from="auto", verbose=2)
    assert "Remembering" not in capsys.readouterr().out
    assert len(again.trials) == 6


def test_auto_without_any(tmp_path):
    cold = search(tmp_path, "cold")
    new = search(tmp_path / "elsewhere", "new", warm_start_from="auto")
    assert values(new) == values(cold)


# ---------------------------------------------------------------------- what it keeps


def test_the_project_alone_decides_how_it_continues(tmp_path, old):
    whole = search(tmp_path, "whole", warm_start_from=[tmp_path / "old"])
    search(tmp_path, "cut", trials=5, warm_start_from=[tmp_path / "old"])
    shutil.rmtree(tmp_path / "old")
    cut = search(tmp_path, "cut", warm_start_from=[tmp_path / "old"])
    assert values(cut) == values(whole)
    assert [trial.origin for trial in kt.open_project(tmp_path / "cut").trials] == origins(whole)


def test_it_need_not_be_named_again(tmp_path, old):
    whole = search(tmp_path, "whole", warm_start_from=[old])
    search(tmp_path, "cut", trials=2, warm_start_from=[old])
    search(tmp_path, "old", bowl, trials=30, seed=1)  # It has grown meanwhile.
    assert values(search(tmp_path, "cut")) == values(whole)


def test_a_search_that_has_begun_without_it(tmp_path, old):
    search(tmp_path, "new", trials=2)
    new = search(tmp_path, "new", warm_start_from=[old])
    assert origins(new)[:3] == ["oracle", "oracle", "former"]


def test_overwriting_reads_anew(tmp_path, old):
    search(tmp_path, "new", warm_start_from=[old])
    new = search(tmp_path, "new", overwrite=True)
    assert "former" not in origins(new)


def test_failed_trials_are_remembered(tmp_path):
    def fails(x, n, kind):
        return math.nan if kind == "b" else bowl(x, n)

    old = search(tmp_path, "old", fails, trials=20, max_consecutive_failed_trials=20)
    new = search(tmp_path, "new", fails, trials=20, warm_start_from=[old])
    cold = search(tmp_path, "cold", fails, trials=20, max_consecutive_failed_trials=20)
    assert sum(trial.score is None for trial in new.trials) <= sum(
        trial.score is None for trial in cold.trials
    )


# ---------------------------------------------------------------------- errors


def refused(tmp_path, source, error, match, **settings):
    with pytest.raises(error, match=match):
        search(tmp_path, "new", warm_start_from=source, **settings)
    assert not (tmp_path / "new" / "study.sqlite3").exists()


def test_a_folder_without_a_project(tmp_path):
    refused(tmp_path, [tmp_path / "missing"], StoreError, "There is no folder .*missing")


@pytest.mark.parametrize("source", [3, [3], [None], {"a": 1}])
def test_what_is_no_project(tmp_path, source):
    refused(tmp_path, source, TypeError, "`warm_start_from` must be a list of projects")


def test_itself(tmp_path):
    search(tmp_path, "new", trials=2)
    with pytest.raises(ValueError, match="must name other projects than the new one"):
        search(tmp_path, "new", warm_start_from=[tmp_path / "new"])


def test_no_parameter_in_common(tmp_path):
    other = search(tmp_path, "other", lambda z: z, {"z": Float(0.0, 1.0)}, trials=3)
    match = r"other\. It has \['z'\]; the new space has \['x', 'n', 'kind'\]"
    refused(tmp_path, [other], ValueError, match)


def test_no_value_in_common(tmp_path, old):
    space = {**SPACE, "x": Float(5.0, 6.0)}
    match = r"None of its trials has values of \['x', 'n', 'kind'\] that are allowed"
    refused(tmp_path, [old], ValueError, match, space=space)


def test_no_results(tmp_path):
    with pytest.raises(RuntimeError):
        search(tmp_path, "old", lambda x, n, kind: 1 / 0, trials=3)
    refused(tmp_path, [tmp_path / "old"], ValueError, "at least one completed trial")


# ------------------------------------------------------------- constraints, changed arguments


def test_trials_that_violate_constraints_are_remembered_behind_the_others(tmp_path):
    forbidden = search(tmp_path, "forbidden", constraints=[lambda trial: trial.values["x"] > 9])
    assert forbidden.get_best_trials() == []
    former = former_of(forbidden)
    assert sorted(former.losses) == list(map(float, range(len(forbidden.trials))))
    some = former_of(search(tmp_path, "some", constraints=[lambda t: t.values["x"] <= 0.0]))
    allowed = [loss for point, loss in zip(some.points, some.losses) if point["x"] <= 0.0]
    violating = [loss for point, loss in zip(some.points, some.losses) if point["x"] > 0.0]
    assert max(allowed) < min(violating)


def test_other_projects_than_those_that_are_remembered_are_warned_of(tmp_path, old, caplog):
    search(tmp_path, "new", warm_start_from=[old])
    search(tmp_path, "new", warm_start_from=[tmp_path / "old"])
    assert "is not used" not in caplog.text
    search(tmp_path, "new", warm_start_from=[tmp_path / "gone"])
    assert "remembers old since it began, and continues with that" in caplog.text


def test_a_mistyped_auto(tmp_path):
    with pytest.raises(ValueError, match="Received: 'Auto'; write \"auto\""):
        search(tmp_path, "new", warm_start_from="Auto")
