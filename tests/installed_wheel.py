"""Tries an installed wheel as a user would; `make dist` runs it in an environment of its own.

python -I tests/installed_wheel.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(sys.executable).with_name("kerastune")

IMPORTS = """
import importlib, json, pkgutil, sys
import kerastune_lite
after_import = [name for name in ("tensorflow", "keras", "numpy", "rich") if name in sys.modules]
walked = pkgutil.walk_packages(kerastune_lite.__path__, "kerastune_lite.")
public = [each.name for each in walked if "._" not in each.name]
names = 0
for name in public:
    module = importlib.import_module(name)
    names += sum(getattr(module, each) is not None for each in module.__all__)
print(json.dumps([kerastune_lite.__file__, after_import, public, names]))
"""

TYPED = """
import kerastune_lite as kt
from kerastune_lite.schedulers import ASHA


def build(hp: kt.HyperParameters) -> object:
    hp.Int("units", 8, 64, step=8)
    return None


tuner = kt.RandomSearch(build, objective="val_loss", max_trials=3)
best: list[kt.HyperParameters] = tuner.get_best_hyperparameters(2)
score: float | None = tuner.get_best_trials()[0].score
kt.Tuner(build, "val_loss", scheduler=ASHA(max_epochs=9))
kt.RandomSearch(build, objective="val_loss", max_trials="3")  # type: ignore[arg-type]
number: int = tuner.project_dir  # type: ignore[assignment]
"""


def run(*command, folder):
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"{command}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def main():
    with tempfile.TemporaryDirectory() as folder:
        where, loaded, public, names = json.loads(
            run(sys.executable, "-I", "-c", IMPORTS, folder=folder)
        )
        if ROOT / "kerastune_lite" in Path(where).parents:
            sys.exit(f"This is not an installed wheel: {where}")
        if loaded:
            sys.exit(f"`import kerastune_lite` loads {loaded}")
        print(f"Imported: {names} names of {len(public)} public modules, from {where}")

        script = Path(folder, "typed.py")
        script.write_text(TYPED, encoding="utf-8")
        settings = ("--strict", "--warn-unused-ignores")
        print("Types:", run(sys.executable, "-m", "mypy", *settings, script, folder=folder).strip())

        demo = Path(folder, "digits.py")
        demo.write_bytes((ROOT / "examples" / "digits.py").read_bytes())
        searched = run(sys.executable, "-I", demo, "--trials", "3", folder=folder)
        print(searched.strip().splitlines()[-2])
        print("Command:", run(PROGRAM, "--version", folder=folder).strip())
        print(run(PROGRAM, "list", folder=folder), end="")
        if len(json.loads(run(PROGRAM, "list", "--json", folder=folder))) != 1:
            sys.exit("The project of the demo was not found.")


if __name__ == "__main__":
    main()
