"""What loads Keras, and how quietly."""

import subprocess
import sys

import pytest

from tests import processes

LIGHT = ["", ".hypermodel", ".metric_directions", ".automatic_names", ".loading"]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=processes.environment(**environment),
    )


def test_the_light_modules_do_not_load_keras():
    imports = "; ".join(f"import kerastune_lite._src.keras{name}" for name in LIGHT)
    done = run(
        f"{imports}; import sys; print([m for m in ('keras', 'tensorflow') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_tuner_of_anything_else_does_not_load_keras(tmp_path):
    code = f"""
import sys
import kerastune_lite as kt

class Tuner(kt.RandomSearch):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", 0, 1)

tuner = Tuner(max_trials=3, directory={str(tmp_path)!r})
tuner.search(verbose=0)
print(len(tuner.trials), "keras" in sys.modules)
"""
    done = run(code)
    assert done.stdout.strip() == "3 False", done.stderr


@pytest.mark.slow
def test_keras_loads_without_chatter_whoever_imports_it_first(tmp_path):
    code = f"""
import kerastune_lite as kt

def build(hp):
    import keras
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 4))])
    model.compile("sgd", "mse")
    return model

kt.RandomSearch(build, "val_loss", directory={str(tmp_path)!r})
"""
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_failing_import_shows_what_was_held_back(tmp_path):
    (tmp_path / "keras.py").write_text("import os; os.write(2, b'native'); raise ImportError('no')")
    done = run(
        "from kerastune_lite._src.keras.loading import load_keras; load_keras()",
        PYTHONPATH=str(tmp_path),
    )
    assert done.returncode == 1
    assert "native" in done.stderr
    assert "ImportError: no" in done.stderr


@pytest.mark.slow
def test_a_program_without_standard_error_can_load_keras():
    code = (
        "import os, sys; os.close(2); sys.stderr = None\n"
        "from kerastune_lite._src.keras.loading import load_keras\n"
        "print(load_keras().__name__)"
    )
    assert run(code).stdout.strip() == "keras"
