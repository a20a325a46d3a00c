"""The notebooks run from top to bottom in a real kernel, with small budgets."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")  # Jupyter's packages warn about one another
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_runs(path, tmp_path, monkeypatch):
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("TRIALS", "2")
    notebook = jupytext.read(path)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "kerastune-progress" in str(output.get("data", {}).get("text/html", ""))
    ]
    assert len(shown) == 1, "the live display is saved as one output"
    assert "2/2 trials" in shown[0]["data"]["text/html"]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_the_executed_notebook_is_that_of_the_source(path):
    jupytext = pytest.importorskip("jupytext")
    executed = jupytext.read(path.with_suffix(".ipynb"))
    source = jupytext.read(path)
    assert [cell.source for cell in executed.cells] == [cell.source for cell in source.cells]
    assert all(cell.get("execution_count") for cell in executed.cells if cell.cell_type == "code")
