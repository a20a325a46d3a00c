"""The examples of docs/extending.md run."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the blocks define, run one after the other."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("projects"))
        for block in BLOCKS:
            exec(compile(block, "extending.md", "exec"), found)
            found.setdefault("tuners", []).append(found["tuner"])
    return found


def test_the_oracle_begins_with_corners(names):
    values = [tuple(trial.values.values()) for trial in names["tuners"][0].trials]
    assert len(set(values)) == 5
    corners = {(a, b) for a in (0, 9) for b in (0, 9)}
    assert len(corners & set(values)) >= 3


def test_the_scheduler_stops_some_trials(names):
    trials = names["tuners"][1].trials
    assert len(trials) == 12
    epochs = {trial.epochs for trial in trials}
    assert epochs == {3, 5}


def test_both_are_asked_without_a_search(names):
    assert set(names["point"].values()) <= {0, 9}
    assert names["history"][4] in names["history"].running
    assert names["decision"] is names["Decision"].STOP
