"""docs/migrating.md: its table is that of benchmarks/api_diff.py, and its example runs."""

import re
import runpy
import sys
from pathlib import Path

import keras
import pytest

import kerastune_lite as kt
from tests.kerastuner_projects import searched

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "migrating.md"
TEXT = PAGE.read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")  # of KerasTuner
def test_nothing_is_missing_and_the_table_is_up_to_date(monkeypatch, tmp_path):
    pytest.importorskip("keras_tuner")
    copy = tmp_path / "migrating.md"
    copy.write_text(TEXT, encoding="utf-8")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    script = ROOT / "benchmarks" / "api_diff.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--write", str(copy)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    written = copy.read_text(encoding="utf-8")
    assert ended.value.code == 0, written.partition("start -->")[2][:1000]
    assert written == TEXT, "run: python benchmarks/api_diff.py --write docs/migrating.md"


def build(hp):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 1, 64))])
    model.compile("sgd", "mse")
    return model


def test_a_search_starts_from_the_best_points_of_kerastuner(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    searched("runs", lambda hp: float(hp.Int("units", 1, 64)), name="old", max_trials=8)
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names = {"kt": kt, "build": build}
    exec(compile(block, PAGE.name, "exec"), names)
    best = names["old"].get_best_hyperparameters(5)
    assert len(best) == 5
    x = keras.ops.ones((8, 4))
    names["tuner"].max_trials = 5
    names["tuner"].search(x, x[:, :1], validation_split=0.5, epochs=1, verbose=0)
    tried = [trial.values["units"] for trial in names["tuner"].trials]
    assert tried == [hp["units"] for hp in best]
