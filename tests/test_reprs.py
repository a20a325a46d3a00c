"""What a notebook or a console shows of an object that is the last line of a cell."""

import dataclasses

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite.hyperparameters import (
    Choice,
    Condition,
    Float,
    HyperParameters,
    Int,
    Parameter,
    Space,
)
from tests.views.streams import completed, failed
from tests.views.test_notebook import texts

SPACE = Space(
    [
        Parameter("<kind>", Choice(["a&b", "c"])),
        Parameter("units", Int(8, 64), (Condition("<kind>", ("c",)),)),
    ]
)


def test_space():
    assert texts(SPACE._repr_html_()) == [
        "Space of 2 hyperparameters",
        *("hyperparameter", "domain", "default", "active when"),
        *("<kind>", "Choice a&b, c", "a&b", "always"),
        *("units", "Int 8..64", "8", "<kind> is c"),
    ]
    flat = Space([Parameter("rate", Float(0.0, 1.0))])
    assert "active when" not in flat._repr_html_()
    assert texts(Space()._repr_html_()) == ["Space of 0 hyperparameters"]


def test_hyperparameters():
    hp = HyperParameters(SPACE, {"<kind>": "c", "units": 32, "unknown": 1})
    assert texts(hp._repr_html_()) == [
        *("hyperparameter", "value", "domain"),
        *("<kind>", "c", "Choice a&b, c"),
        *("units", "32", "Int 8..64"),
        *("unknown", "1", "–"),
    ]
    assert hp.used_values() == {}, "to look at values is not to use them"


def test_trial():
    trial = completed(3, 0.97, units="<b>", rate=1 / 3)
    assert texts(trial._repr_html_()) == [
        "Trial 3 · COMPLETED · score 0.9700 · best epoch 5 · 3.1 s",
        *("hyperparameter", "value", "units", "<b>", "rate", "0.3333"),
    ]
    assert repr(trial) == (
        "Trial(3, COMPLETED, score=0.9700, values={'units': '<b>', 'rate': 0.3333333333333333})"
    )
    assert repr(Trial(0, {})) == "Trial(0, RUNNING, values={})"


def test_failed_trial():
    assert texts(failed(4)._repr_html_())[:2] == [
        "Trial 4 · FAILED · 0.2 s",
        "ValueError: units must be even",
    ]
    silent = dataclasses.replace(Trial(0, {}), status=TrialStatus.FAILED)
    assert "no reason was recorded" in silent._repr_html_()


class Bowl(kt.RandomSearch):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1, 1) ** 2


def test_tuner_and_opened_project(tmp_path):
    tuner = Bowl(max_trials=7, seed=1, directory=tmp_path, project_name="bowl")
    assert repr(tuner) == f"<Bowl {tmp_path / 'bowl'}: 0 trials>"
    assert texts(tuner._repr_html_()) == [f"Bowl {tmp_path / 'bowl'} · 0 trials"]
    tuner.search(verbose=0)
    best = tuner.get_best_trials()[0]
    project = kt.open_project(tuner.project_dir)
    for results, name in ((tuner, "Bowl"), (project, "OpenedProject")):
        place = f"{name} {tmp_path / 'bowl'}"
        assert repr(results) == f"<{place}: 7 trials, best default_objective {best.score:.4g}>"
        shown = texts(results._repr_html_())
        assert shown[0] == f"{place} · 7 trials"
        header = shown.index("rank")
        assert shown[header + 6 : header + 8] == ["1", str(best.number)]
        assert len(shown[header:]) == 6 * 6, "a header and the best five"


@pytest.mark.parametrize("value", [SPACE, HyperParameters(SPACE), failed(4)])
def test_ipython_finds_them(value):
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(value)
    assert data["text/html"] == value._repr_html_()
    assert data["text/plain"]
