from __future__ import annotations

import io
import os
import subprocess
import sys
import types
from typing import Any

import numpy as np
import pytest

from kerastune_lite._src.views.choose import progress_view
from kerastune_lite._src.views.console import LineView, LiveView
from kerastune_lite._src.views.notebook import NotebookView
from kerastune_lite._src.views.where import in_notebook
from tests.views.conformance import Terminal


class ZMQInteractiveShell:
    """Called like the shell of Jupyter's kernels."""


class ColabShell:
    kernel = object()


class TerminalShell:
    kernel = None


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def pretend_shell(monkeypatch: pytest.MonkeyPatch, shell: object) -> None:
    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    display: Any = types.ModuleType("IPython.display")
    display.display = print
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)


@pytest.mark.parametrize("verbose", [0, False, np.int64(0)])
def test_silent(verbose: Any, terminal: Terminal) -> None:
    assert progress_view(verbose, terminal) is None


@pytest.mark.parametrize("verbose", [1, True, "auto"])
def test_live_on_a_terminal(verbose: Any, terminal: Terminal) -> None:
    assert isinstance(progress_view(verbose, terminal), LiveView)


@pytest.mark.parametrize("verbose", [2, 3])
def test_lines_when_asked_for(
    verbose: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_shell(monkeypatch, ZMQInteractiveShell())
    assert isinstance(progress_view(verbose, terminal), LineView)
    assert isinstance(progress_view(verbose), LineView)


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_lines_on_a_terminal_without_a_cursor(
    term: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    assert isinstance(progress_view(1, terminal), LineView)


def test_lines_without_a_terminal() -> None:
    assert isinstance(progress_view(1, io.StringIO()), LineView)


def test_stream_is_the_one_that_was_given() -> None:
    from tests.views.streams import ended

    stream = io.StringIO()
    view = progress_view(1, stream)
    assert view is not None
    view.on_event(ended())
    assert stream.getvalue().endswith("max_trials reached\n")


def test_without_a_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert isinstance(progress_view(1), LineView)


@pytest.mark.parametrize("shell", [ZMQInteractiveShell(), ColabShell()])
def test_block_in_a_notebook(shell: object, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_shell(monkeypatch, shell)
    assert isinstance(progress_view(1), NotebookView)


def test_named_stream_wins_over_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_shell(monkeypatch, ZMQInteractiveShell())
    assert isinstance(progress_view(1, io.StringIO()), LineView)


@pytest.mark.parametrize("shell", [TerminalShell(), None])
def test_ipython_on_a_terminal_is_no_notebook(
    shell: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_shell(monkeypatch, shell)
    assert not in_notebook()


@pytest.mark.parametrize("verbose", [-1, 4, 1.0, None, "loud", "1", [1]])
def test_anything_else_is_refused(verbose: Any) -> None:
    with pytest.raises(ValueError, match=r'must be 0 \(silent\), 1 or "auto"') as refusal:
        progress_view(verbose)
    assert f"Received: verbose={verbose!r}." in str(refusal.value)


def test_views_import_neither_rich_nor_ipython_before_they_are_needed() -> None:
    program = (
        "import sys\n"
        "from kerastune_lite._src.views.choose import progress_view\n"
        "progress_view(0)\n"
        "heavy = {'rich', 'IPython', 'tensorflow', 'keras'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "progress_view(1); assert 'IPython' not in sys.modules\n"
        "import kerastune_lite._src.views.notebook\n"
        "assert 'IPython' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_real_terminal() -> None:
    import pty

    program = (
        "import sys\n"
        "from kerastune_lite._src.views.choose import progress_view\n"
        "from tests.views.streams import completed, ended, started, whole\n"
        "out, err = sys.stdout, sys.stderr\n"
        "view = progress_view(1)\n"
        "view.on_event(started(1))\n"
        "print('a print'); print('a warning', file=sys.stderr)\n"
        "for event in whole(completed(0, 0.9)): view.on_event(event)\n"
        "view.on_event(ended())\n"
        "view.close()\n"
        "print(type(view).__name__, sys.stdout is out, sys.stderr is err)\n"
    )
    here, there = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=there, stdout=there, stderr=there, env=environment
    )
    os.close(there)
    received = b""
    try:
        while chunk := os.read(here, 4096):
            received += chunk
    except OSError:  # how Linux says that the other end was closed
        pass
    os.close(here)
    assert process.wait() == 0
    terminal = Terminal()
    terminal.write(received.decode())
    assert terminal.screen().splitlines() == [
        "a print",
        "a warning",
        "rank   trial   val_accuracy   best epoch   seconds   units_0       lr   activation",
        "─" * 82,
        "   1       0         0.9000            5       3.1        64   0.0021         relu",
        "",
        "digits: 1/1 trial in 0:00, max_trials reached",
        "LiveView True True",
    ]
