"""The commands, their arguments, and what `--help` says of them."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import Any

from kerastune_lite._src.util.version import __version__

_ABOUT = """\
Show and compare projects that kerastune_lite has searched or is searching; free the space that
they no longer need; and change scripts for KerasTuner."""

_NOTES = """\
DIR is a project's folder, `directory/project_name`; the default is the current folder.
`kerastune COMMAND --help` explains a command.

Exit codes: 0 success; 1 the project or a script cannot be read, or there are no results yet;
2 wrong arguments; 130 Ctrl-C.

Completion with Tab, in one line:
  eval "$(kerastune completion bash)"     in ~/.bashrc
  eval "$(kerastune completion zsh)"      in ~/.zshrc, below compinit
"""


class _Wide(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the notes, and each command on the line of its summary."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=18)


def check_command(
    parser: argparse.ArgumentParser, given: Sequence[str], commands: Sequence[str]
) -> None:
    """Refuse arguments without a command, in words that help more than those of argparse.

    Args:
        given: the arguments of the program.
        commands: their names.

    Raises:
        SystemExit: with 2.
    """
    if not given:
        parser.print_help(sys.stderr)
        raise SystemExit(2)
    word = next((each for each in given if not each.startswith("-")), None)
    if word is None or word in commands:
        return
    near = difflib.get_close_matches(word, commands, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`kerastune --help` lists them"
    parser.error(f"there is no command {word!r}; {hint}")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the program; its options have `command` and `debug`."""
    parser = argparse.ArgumentParser(
        "kerastune",
        description=_ABOUT,
        epilog=_NOTES,
        formatter_class=_Wide,
    )
    version = f"kerastune_lite {__version__}"
    parser.add_argument(
        "-V", "--version", action="version", version=version, help="show the version and exit"
    )
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND [DIR]", required=True
    )
    _add_showing(commands)
    _add_exporting(commands)
    _add_pruning(commands)
    _add_migrating(commands)
    completion = commands.add_parser(
        "completion",
        help="the script that completes commands with Tab",
        description='Print a script for the shell. Put eval "$(kerastune completion bash)" into '
        "~/.bashrc, or the same with zsh into ~/.zshrc.",
    )
    completion.add_argument("shell", choices=("bash", "zsh"))
    return parser


def _add_showing(commands: argparse._SubParsersAction) -> None:
    added = _add(
        commands,
        "list",
        "the projects below a folder: trials, best score, status",
        directory="a folder of projects, at any depth",
    )
    _add_json(added)
    added = _add(
        commands,
        "show",
        "the best trials, failures, search space, settings; or one trial",
        example="kerastune show runs/digits --trial 7",
    )
    which = added.add_mutually_exclusive_group()
    _add_number(which, 10, "how many of the best (default: 10)")
    which.add_argument(
        "--trial", type=_number, metavar="NUMBER", help="one trial and the end of its curves"
    )
    _add_json(added)
    added = _add(
        commands,
        "watch",
        "follow a search of another process until it ends",
        "On a terminal one line is updated in place; otherwise there is a line per trial. Ctrl-C "
        "does not stop the search.",
    )
    _add_quiet(added, "print nothing, only wait for the end")
    added = _add(
        commands,
        "best",
        "the hyperparameters of the best trial, as JSON",
        "One JSON object; with --top a list of them, the best first.",
        example="kerastune best runs/digits > best.json",
    )
    _add_number(added, None, "a list of the N best")
    added = commands.add_parser(
        "compare",
        help="searches with the same objective side by side",
        description="Searches with the same objective side by side: what they cost, their best "
        "scores, also by the number of trials, and the best values of the hyperparameters that all "
        "have. If the best trials were trained several times: whether the best search is ahead by "
        "more than chance.",
        epilog="Example: kerastune compare runs/random runs/bayesian",
    )
    added.add_argument("directory", metavar="DIR", help="a project's folder")
    added.add_argument("others", nargs="+", metavar="DIR", help="one or more others")
    _add_debug(added)
    _add_json(added)


def _add_exporting(commands: argparse._SubParsersAction) -> None:
    added = _add(
        commands,
        "export",
        "the trials as CSV, JSON, an Optuna study, or KerasTuner's files",
        "csv: one row per trial, the columns of to_dataframe(). json: settings, space, and all "
        "trials with their values, metrics, executions and learning curves. optuna: a file with "
        "one study for Optuna's own tools: a journal if its name ends in .log, otherwise an SQLite "
        "database, which takes Optuna about 0.1 s per trial to write. --keras-tuner: the "
        "oracle.json and trial_*/trial.json of KerasTuner 1.4, without weights.",
        example="kerastune export runs/digits --to csv --output digits.csv",
    )
    which = added.add_mutually_exclusive_group(required=True)
    which.add_argument("--to", choices=("csv", "json", "optuna"))
    which.add_argument(
        "--keras-tuner",
        metavar="FOLDER",
        help="write the files of a KerasTuner project into this folder, which must not have one",
    )
    _add_output(added, None, "csv and json to the standard output, optuna to NAME.optuna.log")
    _add_quiet(added, "do not say what was written")
    added = _add(
        commands,
        "tensorboard",
        "TensorBoard for a project, or for all below a folder, until Ctrl-C",
        directory="a project's folder, or a folder of projects",
    )
    _add_port(added, default=0, least=0, hint="0, a free one")
    added = _add(
        commands,
        "report",
        "everything on one page of HTML, with plots",
        example="kerastune report runs/digits digits.html",
    )
    added.add_argument("file", nargs="?", metavar="FILE", help="the same as --output FILE")
    _add_output(added, None, "report.html")
    _add_quiet(added, "do not say what was written")
    added = _add(
        commands,
        "dashboard",
        "optuna-dashboard for the trials so far, until Ctrl-C",
        "The trials are copied into an Optuna study first. It does not show later trials: start "
        "it again for them.",
    )
    _add_port(added, default=8080, least=1, hint="8080")


def _add_pruning(commands: argparse._SubParsersAction) -> None:
    added = _add(
        commands,
        "prune",
        "delete files of a project that are no longer needed",
        "Without --keep these are weights and states of trainings that no result and no resumed "
        "search needs, logs of trials that did not fail, and what processes that died have left. "
        "It prints what it would delete, and asks. A project that is being searched is refused.",
        example="kerastune prune runs/digits --keep 1 --yes",
    )
    added.add_argument(
        "--keep",
        type=_number,
        metavar="N",
        help="keep the weights of only the N best trials (default: of all that have them); of "
        "several objectives also those of the front, unless N is 0",
    )
    added.add_argument("-y", "--yes", action="store_true", help="delete without asking")
    _add_quiet(added, "do not say what is deleted")


def _add_migrating(commands: argparse._SubParsersAction) -> None:
    added = commands.add_parser(
        "migrate",
        help="change the imports of scripts and notebooks for KerasTuner",
        description="Change the imports of scripts and notebooks that were written for KerasTuner, "
        "and list what they do that behaves otherwise here. Without --write nothing is changed.",
        epilog="Example: kerastune migrate train.py notebooks --write",
    )
    added.add_argument(
        "paths", nargs="+", metavar="PATH", help="a .py or .ipynb file, or a folder of them"
    )
    added.add_argument("--write", action="store_true", help="change the files")
    _add_quiet(added, "print only what could not be done")
    _add_debug(added)


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _add(
    commands: argparse._SubParsersAction,
    name: str,
    summary: str,
    details: str = "",
    directory: str = "a project's folder, directory/project_name",
    example: str | None = None,
) -> argparse.ArgumentParser:
    about = f"{summary[0].upper()}{summary[1:]}. {details}".strip()
    added: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=about, epilog=example and f"Example: {example}"
    )
    added.add_argument(
        "directory",
        nargs="?",
        default=".",
        metavar="DIR",
        help=f"{directory} (default: the current folder)",
    )
    _add_debug(added)
    return added


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def _add_number(parser: Any, default: int | None, explained: str) -> None:
    parser.add_argument("-n", "--top", type=_count, default=default, metavar="N", help=explained)


def _add_quiet(parser: argparse.ArgumentParser, explained: str) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help=explained)


def _add_output(parser: argparse.ArgumentParser, default: str | None, hint: str) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default=default,
        help=f"where to write (default: {hint}); an existing file is replaced",
    )


def _add_port(parser: argparse.ArgumentParser, default: int, least: int, hint: str) -> None:
    def port(text: str) -> int:
        number = _number(text)
        if not least <= number <= 65535:
            raise argparse.ArgumentTypeError(f"must be from {least} to 65535. Received: {text}")
        return number

    parser.add_argument(
        "-p",
        "--port",
        type=port,
        default=default,
        metavar="PORT",
        help=f"the port on 127.0.0.1 (default: {hint})",
    )


def _count(text: str) -> int:
    number = _number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1. Received: {text}")
    return number


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more. Received: {text!r}")
    return int(text)
