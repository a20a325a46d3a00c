"""`kerastune compare`: searches side by side, made of events, without training anything."""

import dataclasses
import itertools

import pytest

from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.objective import Objective
from tests.cli.test_cli import strict
from tests.projects import recorded
from tests.views import streams

BOTH = create_objective([Objective("val_accuracy", "max"), Objective("size", "min")])


def searched(directory, name, results, objective=streams.ACCURACY):
    """A project in which these trials ended."""
    trials = itertools.chain.from_iterable(streams.whole(result) for result in results)
    start = streams.started(len(results), project=name, objective=objective)
    return recorded(directory, [start, *trials, streams.ended()], name)


@pytest.fixture
def pair(tmp_path):
    """A search with few trials that is ahead, and one with a failed trial."""
    good = [streams.repeated(0, [0.95, 0.951, 0.952], lr=0.01), streams.completed(1, 0.9)]
    bad = [streams.failed(0), streams.repeated(1, [0.8, 0.81, 0.79]), streams.completed(2, 0.7)]
    return searched(tmp_path / "a", "good", good), searched(tmp_path / "b", "bad", bad)


def table(out, title):
    """The rows of a table by their first cell."""
    lines = out[out.index(title) :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    return {row[0]: row[1:] for row in cells}


def test_what_each_has_found_and_for_how_much(pair, run):
    code, out, err = run("compare", *pair)
    assert (code, err) == (0, "")
    facts = table(out, "val_accuracy (max)")
    assert facts["status"] == ["ended", "ended"]
    assert facts["trials"] == ["2", "3"]
    assert facts["failed"] == ["0", "1"]
    assert facts["epochs"] == ["5", "5"]
    assert facts["best score"] == ["0.9510", "0.8000"]
    assert facts["±"] == ["0.001", "0.01"]
    assert facts["best trial"] == ["0", "1"]
    progress = table(out, "best val_accuracy after trials")
    assert progress == {"1": ["0.9510", "–"], "2": ["0.9510", "0.8000"]}
    values = table(out, "hyperparameters of the best trial")
    assert values["lr"] == ["0.01", "0.0021"]
    assert values["units_0"] == ["–", "64"]


def test_whether_the_difference_is_more_than_chance(pair, tmp_path, run):
    assert "good is ahead of bad by 0.151: more than chance." in run("compare", *pair)[1]
    near = searched(tmp_path, "near", [streams.repeated(0, [0.90, 0.99, 0.945])])
    assert "good is ahead of near by 0.006: it may be chance." in run("compare", near, pair[0])[1]
    once = searched(tmp_path, "once", [streams.completed(0, 0.5)])
    out = run("compare", pair[0], once)[1]
    assert "good is ahead of once by 0.451: whether that is chance is not known." in out
    assert "executions_per_trial" in out
    same = searched(tmp_path, "same", [streams.completed(0, 0.5)])
    assert "once and same are equally good." in run("compare", once, same)[1]


def test_as_json(pair, run):
    shown = strict(run("compare", *pair, "--json")[1])
    assert shown["objectives"] == [{"name": "val_accuracy", "direction": "max"}]
    assert shown["best_search"] == str(pair[0])
    good, bad = shown["searches"]
    assert (good["best_score"], good["best_scores"]) == (0.951, [0.95, 0.951, 0.952])
    assert good["best_values"] == {"lr": 0.01}
    assert bad["trials"] == {"COMPLETED": 2, "FAILED": 1}
    assert bad["after_trials"] == {"1": None, "2": pytest.approx(0.8)}
    assert bad["epochs"] == 5
    (difference,) = shown["differences"]
    assert difference["to"] == str(pair[1])
    assert difference["ahead"] == pytest.approx(0.151)
    assert difference["more_than_chance"] is True


def test_names_are_as_long_as_they_must_be(tmp_path, run):
    places = [
        searched(tmp_path / place, name, [streams.completed(0, 0.5)])
        for place, name in (("a", "digits"), ("b", "digits"), ("b", "other"))
    ]
    out = run("compare", *places)[1]
    header = out.splitlines()[0].split()
    assert header == ["val_accuracy", "(max)", "a/digits", "b/digits", "b/other"]


def test_fronts_are_compared_by_their_hypervolumes(tmp_path, run):
    def goals(number, accuracy, size):
        trial = streams.completed(number, accuracy)
        metrics = {"val_accuracy": accuracy, "size": size}
        return BOTH.judged(dataclasses.replace(trial, metrics=metrics))

    small = searched(tmp_path, "small", [goals(0, 0.9, 9.0)], BOTH)
    large = searched(tmp_path, "large", [goals(0, 0.8, 2.0), goals(1, 0.7, 10.0)], BOTH)
    code, out, _ = run("compare", small, large)
    assert code == 0
    facts = table(out, "val_accuracy (max) and size (min)")
    assert facts["best val_accuracy"] == ["0.9000", "0.8000"]
    assert facts["best size"] == ["9.000", "2.000"]
    assert facts["trials of the front"] == ["1", "1"]
    # Of the worst values, an accuracy of 0.7 and a size of 10.
    assert facts["hypervolume"] == ["0.2000", "0.8000"]
    assert table(out, "hypervolume after trials")["1"] == ["0.2000", "0.8000"]
    assert "large has the largest hypervolume." in out
    assert strict(run("compare", small, large, "--json")[1])["searches"][1][
        "hypervolume"
    ] == pytest.approx(0.8)


def test_searches_without_results_are_compared_too(pair, tmp_path, run):
    none = searched(tmp_path, "none", [streams.failed(0)])
    code, out, _ = run("compare", none, pair[1])
    assert code == 0
    assert table(out, "val_accuracy (max)")["best score"] == ["–", "0.8000"]
    neither = searched(tmp_path, "neither", [streams.failed(0)])
    assert run("compare", none, neither)[1].endswith("None of them has a result yet.\n")


def test_errors_say_what_does_not_fit(pair, tmp_path, run):
    loss = searched(tmp_path, "loss", [], Objective("val_loss", "min"))
    code, out, err = run("compare", pair[0], loss)
    assert (code, out) == (1, "")
    assert err == (
        "kerastune compare: Only searches with the same objective can be compared. "
        f"{pair[0]} has val_accuracy (max), and {loss} has val_loss (min).\n"
    )
    again = pair[0].parent / "." / "good"
    assert "was named more than once" in run("compare", pair[0], again)[2]
    new = recorded(tmp_path, [], "new")
    assert "No search was recorded" in run("compare", pair[0], new)[2]
    assert "There is no folder" in run("compare", pair[0], tmp_path / "no")[2]
