"""The arrows of docs/architecture.md: imports point one way only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kerastune_lite

PACKAGE = Path(kerastune_lite.__file__).parent

# From the bottom up. A module may import from its own row's unit and from rows further down;
# units of one row do not know one another.
LAYERS = [
    {"errors", "formatting", "threads", "foreign_data"},
    {"hyperparameters", "checksums"},
    {"describing"},
    {"objective", "trial"},
    {"events", "visited", "best_trials"},
    {"history", "limits"},
    {"oracles", "schedulers", "insight"},
    {"store", "views", "hypermodel", "hooks", "interrupts"},
    {"training"},
    {"runners"},
    {"recorder", "planner", "segments", "failures"},
    {"search", "settings", "results"},
    {"tuner_oracle", "user_trials", "sklearn"},
    {"tuner_training"},
    {"tuner_models"},
    {"tuner"},
    {"presets", "functions"},
    {"cli"},
    {"__main__"},
]
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}


def modules():
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem != "__init__")


def unit_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_units(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "kerastune_lite" and len(parts) > 1 and parts[1] in RANK:
                yield parts[1]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    unit = unit_of(path)
    assert unit in RANK, f"{unit} has no place in LAYERS yet"
    for other in imported_units(path):
        allowed = other == unit or RANK[other] < RANK[unit]
        assert allowed, f"{path.name} ({unit}) imports {other}, which is not below it"


def in_fresh_process(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_package_alone_loads_next_to_nothing():
    loaded = in_fresh_process("import sys, kerastune_lite; print(*sorted(sys.modules))").split()
    for heavy in ("tensorflow", "keras", "numpy", "rich", "sqlite3", "tensorboard"):
        assert heavy not in loaded


def test_data_and_decisions_load_no_tensorflow():
    units = [unit for units in LAYERS[:6] for unit in sorted(units)]
    imports = "; ".join(f"import kerastune_lite.{unit}" for unit in units)
    loaded = in_fresh_process(f"import sys; {imports}; print(*sorted(sys.modules))").split()
    for heavy in ("tensorflow", "keras", "sqlite3", "rich"):
        assert heavy not in loaded


def test_tuning_a_function_loads_no_tensorflow(tmp_path):
    code = f"""
import sys
import kerastune_lite as kt
class Tuner(kt.RandomSearch):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1, 1) ** 2
Tuner(max_trials=3, directory={str(tmp_path)!r}).search(verbose=0)
print(*sorted(sys.modules))
"""
    loaded = in_fresh_process(code).split()
    assert "tensorflow" not in loaded
    assert "keras" not in loaded


def test_only_training_imports_keras():
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                if name.split(".")[0] in ("keras", "tensorflow"):
                    assert unit_of(path) == "training", path


def test_only_the_sklearn_side_and_the_importances_import_scikit_learn():
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                if name.split(".")[0] in ("sklearn", "scikeras", "joblib"):
                    assert unit_of(path) == "sklearn" or path.name == "importances.py", path


def test_the_sklearn_side_loads_nothing_before_a_name_is_used():
    code = "import sys, kerastune_lite.sklearn as side; print(*sorted(sys.modules))"
    loaded = in_fresh_process(code).split()
    for heavy in ("tensorflow", "keras", "sklearn", "scikeras"):
        assert heavy not in loaded


def test_public_names_are_all_there():
    for name in kerastune_lite.__all__:
        assert getattr(kerastune_lite, name) is not None
    assert set(kerastune_lite.__all__) <= set(dir(kerastune_lite))
    with pytest.raises(AttributeError, match=r"no 'Randomsearch'\. It offers: .*RandomSearch"):
        _ = kerastune_lite.Randomsearch
