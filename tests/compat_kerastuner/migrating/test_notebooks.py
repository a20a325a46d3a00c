"""Notebooks: cells, IPython's commands, and JSON that stays as it is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerastune_lite._src.compat_kerastuner.migrating.notebooks import cells
from kerastune_lite._src.compat_kerastuner.migrating.pieces import NotReadable
from tests.compat_kerastuner.migrating.running import migrated, notebook, sources

COMMANDS = [
    # Cells with what only IPython understands, before and after.
    ("!pip install keras-tuner -q", "!pip install kerastune_lite -q"),
    ("%pip install -q -U keras_tuner~=1.4.6", "%pip install -q -U kerastune_lite"),
    ("!pip install 'keras-tuner >= 1.1, < 2' tf", "!pip install 'kerastune_lite' tf"),
    ('!pip3 install "Keras-Tuner[bayesian]"', '!pip3 install "kerastune_lite"'),
    ("!pip install keras-tuner > /dev/null 2>&1", "!pip install kerastune_lite > /dev/null 2>&1"),
    ("!pip install keras-tuner>log.txt", "!pip install kerastune_lite>log.txt"),
    ("!python -m pip install kerastuner", "!python -m pip install kerastune_lite"),
    ("pip install keras-tuner", "pip install kerastune_lite"),
    (
        "!pip install git+https://github.com/keras-team/keras-tuner.git@1.4.6 -q",
        "!pip install kerastune_lite -q",
    ),
    ("!pip install numpy \\\n    keras-tuner", "!pip install numpy \\\n    kerastune_lite"),
    ("%%bash\nfor i in 1; do\n  pip install keras-tuner\ndone", None),
    ("if x:\n    !pip install keras-tuner\ny = 1", "if x:\n    !pip install kerastune_lite\ny = 1"),
    ("%%time\nimport keras_tuner as kt", "%%time\nimport kerastune_lite as kt"),
    ("%%writefile a.py\nimport keras_tuner as kt", "%%writefile a.py\nimport kerastune_lite as kt"),
    (
        "%matplotlib inline\nimport keras_tuner",
        "%matplotlib inline\nimport kerastune_lite as keras_tuner",
    ),
    ("?kt.Tuner\nimport keras_tuner as kt\nkt.Tuner??", None),
    ("files = !ls 'a\nimport keras_tuner as kt", "files = !ls 'a\nimport kerastune_lite as kt"),
    ("x = (7\n  % 3)\nt = %time 3 (\nimport keras_tuner as kt", None),
    ('a = """\n!pip install keras-tuner\n"""\n!ls', 'a = """\n!pip install keras-tuner\n"""\n!ls'),
    ("await f()\nimport keras_tuner as kt", None),
]
SAME = [
    "%%html\n<b>import keras_tuner</b>",
    "%%writefile a.txt\nimport keras_tuner as kt",
    "!pip uninstall keras-tuner",
    "!pip install keras-tuner-cloud ./keras-tuner",
    "# !pip install keras-tuner",
    "!ls keras-tuner",
    "cd ..",
    "",
]


@pytest.mark.parametrize("suffix", [".ipynb", ".py"])
@pytest.mark.parametrize(("before", "after"), [*COMMANDS, *((same, same) for same in SAME)])
def test_commands_are_no_python_and_no_obstacle(tmp_path, before, after, suffix):
    if after is None:
        after = before.replace("keras-tuner", "kerastune_lite")
        after = after.replace("import keras_tuner as", "import kerastune_lite as")
    raw = notebook(before) if suffix == ".ipynb" else before
    found, content = migrated(tmp_path / f"a{suffix}", raw)
    assert (sources(content) if suffix == ".ipynb" else [content.decode()]) == [after]
    assert found.damaged == []
    again, _ = migrated(tmp_path / f"a{suffix}")
    assert again.edits == []


lines = st.sampled_from(
    ["import keras_tuner as kt\n", "x = 'é \"\\\\ \U0001f600\t'\n", "# \u2028\n", "\n", "%time x\n"]
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["code", "markdown"]), st.lists(lines, max_size=5))),
    st.booleans(),
    st.sampled_from([None, 0, 1, "\t"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", ""]),
)
def test_only_the_import_changes_in_the_json(
    tmp_path_factory, parts, as_lists, indent, escaped, end
):
    given = [(kind, texts if as_lists else "".join(texts)) for kind, texts in parts]
    raw = notebook(*given, indent=indent, ensure_ascii=escaped) + end
    path = tmp_path_factory.mktemp("notebooks") / "a.ipynb"
    found, content = migrated(path, raw)
    changed = [
        (kind, [line.replace("keras_tuner", "kerastune_lite") for line in texts])
        if kind == "code"
        else (kind, texts)
        for kind, texts in parts
    ]
    expected = [(kind, texts if as_lists else "".join(texts)) for kind, texts in changed]
    assert content.decode() == notebook(*expected, indent=indent, ensure_ascii=escaped) + end
    assert found.damaged == []


@given(st.text(), st.booleans())
def test_each_character_has_its_place(text, escaped):
    raw = notebook([text, "end"], ensure_ascii=escaped)
    code, spans = cells(raw)[1]
    assert code == f"{text}end"
    assert "".join(json.loads(f'"{raw[start:end]}"') for start, end in spans[:-1]) == code
    assert len(spans) == len(code) + 1


def test_lines_may_be_divided_anywhere(tmp_path):
    raw = notebook(["import keras_", "tuner.tun", "ers", "\nx = 1"])
    _, content = migrated(tmp_path / "a.ipynb", raw)
    assert sources(content) == [
        "import kerastune_lite.tuners, kerastune_lite as keras_tuner\nx = 1"
    ]


def test_a_cell_that_is_no_python_is_named_and_the_others_change(tmp_path):
    raw = notebook(("markdown", "# Title"), "import keras_tuner as kt", "x = 1\nx = = 2")
    found, content = migrated(tmp_path / "a.ipynb", raw)
    assert sources(content)[1] == "import kerastune_lite as kt"
    (damage,) = found.damaged
    assert "a.ipynb, cell 3, line 2 is no Python" in damage


def test_a_byte_order_mark_stays(tmp_path):
    raw = b"\xef\xbb\xbf" + notebook("import keras_tuner as kt").encode()
    _, content = migrated(tmp_path / "a.ipynb", raw)
    assert content == raw.replace(b"keras_tuner", b"kerastune_lite")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"NaN",
        b"\xff",
        b"[" * 99999,
        b'{"cells": 1}',
        b'{"cells": [1]}',
        b'{"cells": [{"cell_type": "code", "source": [1]}]}',
        b'{"worksheets": []}',
    ],
)
def test_what_is_no_notebook_is_named_and_stays(tmp_path, raw):
    path = tmp_path / "a.ipynb"
    with pytest.raises(NotReadable, match=r"a\.ipynb is no (notebook|text)"):
        migrated(path, raw)
    assert path.read_bytes() == raw
