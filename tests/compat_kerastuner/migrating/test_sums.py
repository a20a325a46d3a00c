"""Lists of objectives, which KerasTuner adds up."""

import ast

import pytest

from tests.compat_kerastuner.migrating.running import migrated, notebook, sources

PAIRS = [
    # What follows `import keras_tuner as kt`, before and after.
    (
        "kt.RandomSearch(b, objective=['loss', kt.Objective('auc', 'max')], max_trials=3)",
        "kt.RandomSearch(b, objective=kt.objectives.Sum(['loss', kt.Objective('auc', 'max')]), "
        "max_trials=3)",
    ),
    ("kt.Hyperband(b, ['a', 'b'])", "kt.Hyperband(b, kt.objectives.Sum(['a', 'b']))"),
    (
        "kt.oracles.RandomSearchOracle(['a', 'b'])",
        "kt.oracles.RandomSearchOracle(kt.objectives.Sum(['a', 'b']))",
    ),
    (
        "kt.GridSearch(b, [\n    'ä',\n    'b',\n])",
        "kt.GridSearch(b, kt.objectives.Sum([\n    'ä',\n    'b',\n]))",
    ),
    ("class T(kt.Tuner): pass\nT(objective=('a', 'b'))", None),
]
UNCHANGED = [
    "kt.RandomSearch(b, objective=['loss'])",
    "kt.RandomSearch(b, objective='loss')",
    "kt.RandomSearch(b, objective=OBJECTIVES)",
    "kt.RandomSearch(b, objective=[])",
    "model.compile(metrics=['a', 'b'])",
    "Other(objective=['a', 'b'])",
]
HEAD = "import keras_tuner as kt\n"


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_list_of_several_becomes_their_sum(tmp_path, before, after):
    found, content = migrated(tmp_path / "a.py", HEAD + before + "\n")
    if after is None:
        after = before.replace("('a', 'b')", "kt.objectives.Sum(('a', 'b'))")
    assert content.decode() == "import kerastune_lite as kt\n" + after + "\n"
    ast.parse(content)
    assert found.notes == {}
    # Once more there is nothing left to do.
    again, same = migrated(tmp_path / "a.py")
    assert (same, again.edits, again.notes) == (content, [], {})


@pytest.mark.parametrize("code", UNCHANGED)
def test_nothing_else_changes(tmp_path, code):
    _, content = migrated(tmp_path / "a.py", HEAD + code + "\n")
    assert content.decode() == "import kerastune_lite as kt\n" + code + "\n"


def test_without_a_name_for_the_package_it_is_said(tmp_path):
    code = "from keras_tuner import RandomSearch\n\nRandomSearch(b, objective=['a', 'b'])\n"
    found, content = migrated(tmp_path / "a.py", code)
    assert content.decode() == code.replace("keras_tuner", "kerastune_lite")
    ((note, places),) = found.notes.items()
    assert "write kerastune_lite.objectives.Sum([...])" in note
    assert [place.line for place in places] == [3]


def test_cells_use_the_name_of_an_earlier_cell(tmp_path):
    raw = notebook("import keras_tuner", "keras_tuner.Hyperband(b, ['a', 'b'])")
    _, content = migrated(tmp_path / "a.ipynb", raw)
    assert sources(content) == [
        "import kerastune_lite as keras_tuner",
        "keras_tuner.Hyperband(b, keras_tuner.objectives.Sum(['a', 'b']))",
    ]
