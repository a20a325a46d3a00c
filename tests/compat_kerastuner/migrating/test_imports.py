"""What is replaced in scripts, and that nothing else is."""

import ast
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kerastune_lite._src.compat_kerastuner.migrating.pieces import NotReadable
from kerastune_lite._src.compat_kerastuner.migrating.reading import migration
from tests.compat_kerastuner.migrating.running import migrated

PAIRS = [
    ("import keras_tuner", "import kerastune_lite as keras_tuner"),
    ("import kerastuner", "import kerastune_lite as kerastuner"),
    ("import keras_tuner as kt", "import kerastune_lite as kt"),
    ("import os, keras_tuner as kt, sys", "import os, kerastune_lite as kt, sys"),
    ("import keras_tuner, os", "import kerastune_lite as keras_tuner, os"),
    (
        "import keras_tuner.engine.tuner",
        "import kerastune_lite.engine.tuner, kerastune_lite as keras_tuner",
    ),
    ("import keras_tuner.tuners as t", "import kerastune_lite.tuners as t"),
    ("from keras_tuner import *", "from kerastune_lite import *"),
    ("from keras_tuner import HyperModel as HM", "from kerastune_lite import HyperModel as HM"),
    ("from keras_tuner import oracles, tuners", "from kerastune_lite import oracles, tuners"),
    ("from keras_tuner.engine import tuner", "from kerastune_lite.engine import tuner"),
    (
        "from keras_tuner.engine.hyperparameters import HyperParameters",
        "from kerastune_lite.engine.hyperparameters import HyperParameters",
    ),
    (
        "from kerastuner.tuners import RandomSearch",
        "from kerastune_lite.tuners import RandomSearch",
    ),
    ("from kerastuner.engine.tuner import Tuner", "from kerastune_lite.engine.tuner import Tuner"),
    (
        "from keras_tuner.applications import HyperResNet",
        "from kerastune_lite.applications import HyperResNet",
    ),
    ("from kerastuner.oracles import Hyperband", "from kerastune_lite.oracles import Hyperband"),
    # Where KerasTuner's older releases and its private modules have a public class.
    (
        "from kerastuner.tuners.hyperband import Hyperband",
        "from kerastune_lite.tuners import Hyperband",
    ),
    (
        "from kerastuner.applications.resnet import HyperResNet",
        "from kerastune_lite.applications import HyperResNet",
    ),
    (
        "from keras_tuner.src.engine.tuner import Tuner",
        "from kerastune_lite.engine.tuner import Tuner",
    ),
    (
        "from keras_tuner.src.engine.hyperparameters.hyperparameters import HyperParameters",
        "from kerastune_lite.engine.hyperparameters import HyperParameters",
    ),
    # Forms that are rare.
    ("from  keras_tuner . engine  import tuner", "from  kerastune_lite . engine  import tuner"),
    (
        "from \\\n  keras_tuner import (\n  Tuner,  # é\n)",
        "from \\\n  kerastune_lite import (\n  Tuner,  # é\n)",
    ),
    ("'é'; import keras_tuner as kt; x = 'é'", "'é'; import kerastune_lite as kt; x = 'é'"),
    ("if 1:\n\timport keras_tuner as kt", "if 1:\n\timport kerastune_lite as kt"),
    (
        "try:\n import keras_tuner as kt\nexcept ImportError:\n import kerastuner as kt",
        "try:\n import kerastune_lite as kt\nexcept ImportError:\n import kerastune_lite as kt",
    ),
]
UNCHANGED = [
    "from tensorflow import keras",
    "import keras_tuner_extras",
    "import kerastune_lite as kt",
    "from . import keras_tuner",
    "from .keras_tuner import Tuner",
    "# import keras_tuner as kt",
    "'import keras_tuner'",
    '"""\nimport keras_tuner as kt\n"""',
    "text = 'a\u2028b\x0cc'  # line ends of str.splitlines alone",
    "",
]
LEFT = [
    ("import keras_tuner.src", "keras_tuner.src has no counterpart", "Do without it"),
    ("from keras_tuner.src.backend import io", "keras_tuner.src.backend.io has no", "Do without"),
    ("from keras_tuner import distribute", "keras_tuner.distribute has no", "search(workers=...)"),
    ("import keras_tuner.distribute.utils", "keras_tuner.distribute.utils has", "search(workers"),
    ("from keras_tuner.src import *", "keras_tuner.src has no counterpart", "Do without it"),
    ("from keras_tuner import Tuner, utils", "keras_tuner.utils has no counterpart", "Do without"),
    (
        "from kerastuner.oracles import HyperBand",
        "kerastuner.oracles.HyperBand has no counterpart",
        "Use kerastune_lite.oracles.Hyperband.",
    ),
    (
        "import keras_tuner.tuners.hyperband as h",
        "keras_tuner.tuners.hyperband has no counterpart",
        "Use kerastune_lite.tuners.Hyperband.",
    ),
    ("from keras_tuner. \\\n engine import tuner", "Write this import on one line", "not changed"),
]


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[before for before, _ in PAIRS])
def test_imports_change_and_nothing_else(tmp_path, before, after):
    found, content = migrated(tmp_path / "a.py", f"{before}\n")
    assert content.decode() == f"{after}\n"
    assert not any("not changed" in note for note in found.notes)
    ast.parse(content)


@pytest.mark.parametrize("source", UNCHANGED)
def test_what_is_no_import_of_keras_tuner_stays(tmp_path, source):
    found, content = migrated(tmp_path / "a.py", source)
    assert (found.edits, found.damaged, content.decode()) == ([], [], source)


@pytest.mark.parametrize(("source", "says", "advice"), LEFT, ids=[each[0] for each in LEFT])
def test_imports_without_counterpart_stay_and_are_named(tmp_path, source, says, advice):
    found, content = migrated(tmp_path / "a.py", f"\n{source}\n")
    assert content.decode() == f"\n{source}\n"
    (note,) = found.notes
    assert says in note
    assert advice in note
    assert [place.line for place in found.notes[note]] == [2]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*PAIRS, *((each, each) for each in UNCHANGED)]), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    st.booleans(),
)
def test_any_script_changes_once_and_keeps_its_bytes(
    tmp_path_factory, statements, end, encoding, last_line_ends
):
    assume((end, encoding) != ("\r", "latin-1"))  # Python finds no such cookie
    statements = [pair for pair in statements if "\u2028" not in pair[0] or encoding != "latin-1"]
    path = tmp_path_factory.mktemp("scripts") / "a.py"
    cookie = f"# -*- coding: {encoding.removesuffix('-sig')} -*-\n"

    def raw(texts):
        text = cookie + "\n".join([*texts, ""] if last_line_ends else texts)
        return text.replace("\n", end).encode(encoding)

    before, after = (raw([pair[i] for pair in statements]) for i in range(2))
    found, content = migrated(path, before)
    assert content == after
    assert found.damaged == []
    again, content = migrated(path)
    assert (again.edits, content) == ([], after)


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("import keras_tuner", "keras_tuner.Tuner"),
        ("import keras_tuner.errors", "keras_tuner.errors.FatalError"),
        ("import kerastuner.errors as e", "e.FatalError"),
        ("from keras_tuner.src.errors import FatalError", "FatalError"),
    ],
)
def test_what_an_import_bound_is_bound(tmp_path, source, uses):
    _, content = migrated(tmp_path / "a.py", f"{source}\nfound = {uses}\n")
    names = {}
    exec(content, names)
    assert names["found"].__module__.startswith("kerastune_lite")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights and links")
def test_a_script_stays_a_link_and_executable(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("#!/usr/bin/env python\nimport keras_tuner as kt\n")
    path.chmod(0o754)
    (tmp_path / "link.py").symlink_to(path)
    migration(tmp_path / "link.py").write()
    assert (tmp_path / "link.py").is_symlink()
    assert path.read_text().endswith("import kerastune_lite as kt\n")
    assert path.stat().st_mode & 0o777 == 0o754
    assert {each.name for each in tmp_path.iterdir()} == {"a.py", "link.py"}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"# -*- coding: utf-7 -*-\nx = '+AGE-'\n", "would not keep its bytes in utf-7"),
        (b"# -*- coding: klingon -*-\n", "is no text: unknown encoding"),
        (b"x = '\xff'\n", "is no text"),
    ],
)
def test_a_file_whose_bytes_would_not_be_kept_is_named(tmp_path, raw, says):
    with pytest.raises(NotReadable, match=f"a.py {says}"):
        migrated(tmp_path / "a.py", raw)
    assert (tmp_path / "a.py").read_bytes() == raw
