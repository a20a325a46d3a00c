"""`main`: from the arguments to an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from kerastune_lite._src.cli.parser import check_command, make_parser
from kerastune_lite._src.cli.usage_errors import CommandError
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.windows import reader_is_gone

FINE = 0
FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells count
PIPE_CLOSED = 141  # 128 + SIGPIPE

_HOMES = {
    "list": "showing",
    "show": "showing",
    "watch": "watching",
    "best": "showing",
    "compare": "comparing",
    "export": "exporting",
    "tensorboard": "serving",
    "report": "exporting",
    "dashboard": "serving",
    "prune": "pruning",
    "migrate": "migrating",
    "completion": "completing",
}
"""The module of each command in this folder; its function is `run_` and the command's name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; default: those of this process.

    Returns:
        The exit code, as `kerastune --help` lists them.

    Raises:
        SystemExit: after `--help` and `--version`, and with 2 where the arguments are wrong.
    """
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if not reader_is_gone(error):
            raise
        # `kerastune show | head`: nobody reads any more, so nothing may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    _write_what_can_be_shown()
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = make_parser()
    check_command(parser, given, list(_HOMES))
    options = parser.parse_args(given)
    module = importlib.import_module(f"kerastune_lite._src.cli.{_HOMES[options.command]}")
    try:
        code = getattr(module, f"run_{options.command}")(options)
    except (CommandError, StoreError, ImportError, OSError) as error:
        if options.debug or (isinstance(error, OSError) and reader_is_gone(error)):
            raise
        print(f"kerastune {options.command}: {error}", file=sys.stderr)
        return FAILED
    return FINE if code is None else int(code)


def _write_what_can_be_shown() -> None:
    """Have question marks for characters that the output lacks, as in a pipe on Windows."""
    if getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
