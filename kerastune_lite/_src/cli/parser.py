"""The commands, their arguments, and what `--help` says of them."""

from __future__ import annotations

import argparse

from kerastune_lite._src.util.version import __version__

_ABOUT = "Look at projects that kerastune_lite has searched or is searching. Nothing is changed."

_NOTES = """\
DIR is a project's folder, `directory/project_name`; left out, it is the current folder.
`kerastune COMMAND --help` tells more about a command.

Exit codes: 0 fine; 1 the project cannot be read, or has no results yet; 2 wrong arguments;
130 Ctrl-C.

Completion with Tab, in one line:
  eval "$(kerastune completion bash)"     in ~/.bashrc
  eval "$(kerastune completion zsh)"      in ~/.zshrc, below compinit
"""


class _Wide(argparse.RawDescriptionHelpFormatter):
    """Keeps the notes' lines, and each command on the line of its summary."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=18)


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole program; what it parses has `command` and `debug`."""
    parser = argparse.ArgumentParser(
        "kerastune",
        description=_ABOUT,
        epilog=_NOTES,
        formatter_class=_Wide,
    )
    parser.add_argument("--version", action="version", version=f"kerastune_lite {__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND [DIR]", required=True
    )
    for add in (_list, _show, _watch, _best, _export, _tensorboard, _report, _dashboard):
        added = add(commands)
        added.add_argument(
            "--debug", action="store_true", help="show the traceback of what goes wrong"
        )
    _completion(commands)
    return parser


def _list(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(
        commands,
        "list",
        "the projects below a folder: trials, best score, status",
        directory="a folder of projects, at any depth",
    )
    _add_json(added)
    return added


def _show(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(
        commands,
        "show",
        "the best trials, failures, search space, settings; or one trial",
        example="kerastune show runs/digits --trial 7",
    )
    which = added.add_mutually_exclusive_group()
    which.add_argument(
        "--top", type=_count, default=10, metavar="N", help="how many of the best (default: 10)"
    )
    which.add_argument(
        "--trial", type=_number, metavar="NUMBER", help="one trial and the end of its curves"
    )
    _add_json(added)
    return added


def _watch(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    return _add(
        commands,
        "watch",
        "follow a search of another process until it ends",
        "On a terminal one line is kept up to date; elsewhere there is a line per trial. Ctrl-C "
        "leaves the search alone.",
    )


def _best(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(
        commands,
        "best",
        "the hyperparameters of the best trial, as JSON",
        "One JSON object; with --top a list of them, from the best on.",
        example="kerastune best runs/digits > best.json",
    )
    added.add_argument("--top", type=_count, metavar="N", help="a list of the N best")
    return added


def _export(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(
        commands,
        "export",
        "the trials as CSV, JSON, or an Optuna study",
        "csv: one row per trial, the columns of to_dataframe(). json: settings, space, and all "
        "trials with their values, metrics, executions and learning curves. optuna: a file with "
        "one study for Optuna's own tools: a journal where its name ends in .log, else an SQLite "
        "database, which Optuna takes some 0.1 s a trial to write.",
        example="kerastune export runs/digits --to csv --output digits.csv",
    )
    added.add_argument("--to", required=True, choices=("csv", "json", "optuna"))
    added.add_argument(
        "--output",
        metavar="FILE",
        help="where to write (default: csv and json to the standard output, "
        "optuna to NAME.optuna.log); what is there is replaced",
    )
    return added


def _tensorboard(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(
        commands,
        "tensorboard",
        "TensorBoard on a project, or on all below a folder, until Ctrl-C",
        directory="a project's folder, or a folder of projects",
    )
    _add_port(added, default=0, least=0, hint="0, a free one")
    return added


def _report(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(commands, "report", "everything on one page of HTML, plots included")
    added.add_argument(
        "--output",
        metavar="FILE",
        default="report.html",
        help="where to write (default: report.html); what is there is replaced",
    )
    return added


def _dashboard(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    added = _add(
        commands,
        "dashboard",
        "optuna-dashboard on the trials so far, until Ctrl-C",
        "The trials are copied into an Optuna study first. What happens later is not in it: "
        "start it again for that.",
    )
    _add_port(added, default=8080, least=1, hint="8080")
    return added


def _completion(commands: argparse._SubParsersAction) -> None:
    added = commands.add_parser(
        "completion",
        help="the script that completes commands with Tab",
        description='Print a script for the shell. Put eval "$(kerastune completion bash)" into '
        "~/.bashrc, or the same with zsh into ~/.zshrc.",
    )
    added.add_argument("shell", choices=("bash", "zsh"))


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
    return added


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def _add_port(parser: argparse.ArgumentParser, default: int, least: int, hint: str) -> None:
    def port(text: str) -> int:
        number = _number(text)
        if not least <= number <= 65535:
            raise argparse.ArgumentTypeError(f"must be from {least} to 65535. Received: {text}")
        return number

    parser.add_argument(
        "--port",
        type=port,
        default=default,
        metavar="PORT",
        help=f"where to listen, on this machine only (default: {hint})",
    )


def _count(text: str) -> int:
    number = _number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1. Received: {text}")
    return number


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 on. Received: {text!r}")
    return int(text)
