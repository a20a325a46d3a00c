"""The examples of docs/ready_made.md run."""

import re
from pathlib import Path

import pytest

import kerastune_lite as kt

TEXT = Path(__file__).parents[1].joinpath("docs", "ready_made.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        code = code.replace("max_trials=20", "max_trials=1")
        code = code.replace("HyperMLP(x_train, y_train)", "HyperMLP(x_train, y_train, epochs=1)")
        exec(code, names)
    assert len(names["labels"]) == len(names["y_val"])
    assert names["tuner"].trials[0].values["activation"] == "relu"
    assert names["build"](kt.HyperParameters()).output_shape == (None, 1)
