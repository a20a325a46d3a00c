"""The guides that are one script each: their code runs from top to bottom, with small budgets."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"


def code_of(page, trials):
    text = DOCS.joinpath(f"{page}.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    code = re.sub(r"max_trials=\d+", f"max_trials={trials}", code)
    return re.sub(r"((?<!\.)epochs=)\d+", r"\g<1>1", code).replace("max_epochs=1", "max_epochs=3")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(page, trials=2):
        names = {"__name__": page}
        exec(compile(code_of(page, trials), f"{page}.md", "exec"), names)
        return names

    return run


def test_start(run, capsys):
    names = run("start")
    assert len(names["tuner"].trials) == 2
    assert "val_accuracy" in capsys.readouterr().out
    assert set(names["best"].values) >= {"layers", "units_0", "learning_rate"}


def test_networks(run):
    names = run("networks")
    first = names["tuner"].trials[0].values
    assert (first["layers"], first["optimizer"], first["learning_rate"]) == (2, "adam", 1e-3)
    assert "momentum" not in first
    assert names["again"].count_params() == names["model"].count_params()


def test_images(run):
    names = run("images", trials=1)
    assert names["tuner"].get_best_models()[0].input_shape == (None, 8, 8, 1)


def test_series(run):
    assert run("series")["tuner"].get_best_trials()[0].score < 2


def test_text(run):
    values = [trial.values["vocabulary"] for trial in run("text")["tuner"].trials]
    assert set(values) <= {50, 100}


def test_own_training(run):
    names = run("own_training")
    assert set(names["tuner"].get_best_hyperparameters()[0].values) == {"width", "depth"}
