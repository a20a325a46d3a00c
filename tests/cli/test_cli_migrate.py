"""`kerastune migrate`: what it prints, which files it reads, and its exit codes."""

import os
import textwrap

import pytest

from kerastune_lite._src.cli.command import main
from tests.compat_kerastuner.migrating.running import notebook, sources

SCRIPT = '''\
"""Tune a network."""
import keras_tuner as kt
from tensorflow import keras

tuner = kt.Hyperband(build, objective="val_f1_score", max_epochs=9, seed=7)
tuner.search(x, y, epochs=5)
'''


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command in a folder of its own: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["migrate", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_dry_run_shows_the_lines_and_what_is_different(run, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    code, out, err = run("train.py")
    assert (code, err) == (0, "")
    assert out == textwrap.dedent("""\
        --- train.py
        +++ train.py
        @@ -2 +2 @@
        -import keras_tuner as kt
        +import kerastune_lite as kt

        train.py: what is different here
          line 3: tf.keras works if it is Keras 3, as from TensorFlow 2.16 on.
          line 5: "val_f1_score" is maximised here; KerasTuner minimises it.
          line 6: epochs= is ignored, as in KerasTuner: Hyperband decides, up to max_epochs=.
          The same seed= proposes other points here than in KerasTuner.

        Nothing was written. Add --write to change 1 file of 1.
        """)
    assert (tmp_path / "train.py").read_text() == SCRIPT


def test_write_changes_the_file_once(run, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    shown = run("train.py")[1]
    code, out, err = run("train.py", "--write")
    assert (code, err) == (0, "")
    assert out.splitlines()[:-1] == shown.splitlines()[:-1]
    assert out.endswith("\nChanged 1 file of 1.\n")
    after = SCRIPT.replace("keras_tuner", "kerastune_lite")
    assert (tmp_path / "train.py").read_text() == after
    assert run("train.py", "--write") == (0, "Nothing to change in 1 file.\n", "")
    assert (tmp_path / "train.py").read_text() == after


def test_notebooks_are_shown_by_cell(run, tmp_path):
    raw = notebook(
        ("markdown", "# Tuning"),
        "%pip install -q keras-tuner",
        "import keras_tuner\nfrom tensorflow import keras",
        "from tensorflow.keras import a\nfrom tensorflow.keras import b",
    )
    (tmp_path / "tune.ipynb").write_text(raw)
    code, out, err = run("tune.ipynb", "--write")
    assert (code, err) == (0, "")
    assert out == textwrap.dedent("""\
        --- tune.ipynb, cell 2
        +++ tune.ipynb, cell 2
        @@ -1 +1 @@
        -%pip install -q keras-tuner
        +%pip install -q kerastune_lite
        --- tune.ipynb, cell 3
        +++ tune.ipynb, cell 3
        @@ -1 +1 @@
        -import keras_tuner
        +import kerastune_lite as keras_tuner

        tune.ipynb: what is different here
          cell 3, line 2; cell 4, lines 1 and 2: tf.keras works if it is Keras 3, as from
            TensorFlow 2.16 on.

        Changed 1 file of 1.
        """)
    assert sources((tmp_path / "tune.ipynb").read_text())[1] == "%pip install -q kerastune_lite"


def test_many_lines_are_not_all_named(run, tmp_path):
    (tmp_path / "a.py").write_text("import keras_tuner, tensorflow as tf\n" + "tf.keras.x\n" * 9)
    assert "  lines 2, 3 and 4; and 6 more: tf.keras works" in run("a.py")[1]
    (tmp_path / "a.py").write_text("import keras_tuner, tensorflow as tf\n" + "tf.keras.x\n" * 4)
    assert "  lines 2, 3, 4 and 5: tf.keras works" in run("a.py")[1]


def test_folders_are_walked_but_not_what_is_installed(run, tmp_path):
    own = ["a.py", "deep/er/b.py"]
    others = [".venv/c.py", "env/lib/d.py", "lib/site-packages/e.py", "deep/__pycache__/f.py"]
    for name in [*own, *others, "g.txt", "env/pyvenv.cfg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import keras_tuner as kt\n")
    code, out, err = run(".", "a.py", "--write")
    assert (code, err) == (0, "")
    assert out.endswith("Changed 2 files of 2.\n")
    for name in [*own, *others, "g.txt"]:
        changed = (tmp_path / name).read_text() == "import kerastune_lite as kt\n"
        assert changed == (name in own), name


def test_what_cannot_be_read_is_named_and_the_others_are_done(run, tmp_path):
    (tmp_path / "good.py").write_text("import keras_tuner as kt\n")
    (tmp_path / "old.py").write_text("import keras_tuner as kt\nprint 'x'\n")
    (tmp_path / "damaged.ipynb").write_text("{")
    (tmp_path / "bytes.py").write_bytes(b"\xff\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").touch()
    paths = ["damaged.ipynb", "old.py", "bytes.py", "empty", "a.txt", "no.py", "good.py"]
    code, out, err = run(*paths, "--write")
    assert code == 1
    assert out.endswith("Changed 1 file of 2.\n")
    assert (tmp_path / "good.py").read_text() == "import kerastune_lite as kt\n"
    starts = [
        "There is no .py or .ipynb file in empty.",
        "a.txt is neither a script (.py) nor a notebook (.ipynb).",
        "There is no file no.py.",
        "damaged.ipynb is no notebook: ",
        "old.py, line 2 is no Python: Missing parentheses",
        "bytes.py is no text: ",
    ]
    lines = err.splitlines()
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts):
        assert line.startswith(f"kerastune migrate: {start}")


def test_a_file_that_cannot_be_written_stays_whole(run, tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("import keras_tuner as kt\n")
    replace = os.replace

    def refuse(old, new):
        if new.name == "a.py":
            raise PermissionError(13, "Permission denied", str(old))
        replace(old, new)

    monkeypatch.setattr(os, "replace", refuse)
    code, out, err = run("a.py", "b.py", "--write")
    assert (code, err) == (1, "kerastune migrate: a.py: Permission denied\n")
    assert out.endswith("Changed 1 file of 1.\n")
    assert (tmp_path / "a.py").read_text() == "import keras_tuner as kt\n"
    assert {each.name for each in tmp_path.iterdir()} == {"a.py", "b.py"}
    with pytest.raises(PermissionError):
        run("a.py", "--write", "--debug")
