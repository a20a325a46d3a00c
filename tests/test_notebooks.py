"""The notebooks run from top to bottom in a real kernel; those kept are what their sources make."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))

SMALL = {
    "01_tune_an_ann": {"trials": 2},
    "02_hyperband_and_early_stopping": {"trials": 3, "max_epochs": 3},
    "03_keras_classifier_in_a_pipeline": {"trials": 2, "epochs": 1, "splits": 2},
    "04_reading_the_results": {"trials": 10, "epochs": 1},
    "05_from_keras_tuner": {"trials": 2, "max_epochs": 2},
    "06_nothing_to_write": {"seconds": 5, "trials": 2},
}
"""Budgets that take seconds, in place of the cell that is tagged `parameters`."""

BLOCKS = {
    "01_tune_an_ann": 1,
    "02_hyperband_and_early_stopping": 4,
    "03_keras_classifier_in_a_pipeline": 1,
    "04_reading_the_results": 1,
    "05_from_keras_tuner": 2,
    "06_nothing_to_write": 3,
}
"""How many searches each shows; a live display that were not one output would show as more."""

MOST_BYTES = 500_000

each_notebook = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def outputs_of(notebook):
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.get("outputs", [])
    ]


def blocks_of(notebook):
    """The text of each live display, as it stands at the end."""
    bundles = [output.get("data", {}) for output in outputs_of(notebook)]
    live = [data for data in bundles if "kerastune-progress" in data.get("text/html", "")]
    return [data["text/plain"] for data in live]


def check_blocks(notebook, stem):
    blocks = blocks_of(notebook)
    assert len(blocks) == BLOCKS[stem]
    for block in blocks:
        assert re.search(r"\d+ trials? in \d+:\d\d, \w+", block.splitlines()[-1]), block


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Jupyter's packages warn about one another
@each_notebook
def test_runs(path, tmp_path, monkeypatch):
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = jupytext.read(path)
    (budget,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    names = set(re.findall(r"\w+", budget.source.partition("=")[0]))
    assert names == set(SMALL[path.stem])
    budget.source = "\n".join(f"{name} = {value}" for name, value in SMALL[path.stem].items())
    nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    check_blocks(notebook, path.stem)


@each_notebook
def test_is_kept_as_its_source_made_it(path):
    jupytext = pytest.importorskip("jupytext")
    kept = path.with_suffix(".ipynb")
    executed, source = jupytext.read(kept), jupytext.read(path)
    assert [cell.source for cell in executed.cells] == [cell.source for cell in source.cells]
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    check_blocks(executed, path.stem)
    for output in outputs_of(executed):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
    text = kept.read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES
    assert "iopub" not in text, "times of execution would change with each run"
    assert re.search(r"/(home|root|tmp|work|Users)/", text) is None


def test_links_lead_somewhere():
    for path in SOURCES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
