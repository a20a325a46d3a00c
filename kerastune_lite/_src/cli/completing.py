"""Completion with Tab: a script that the shell reads once, so that Tab starts no Python."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import shtab

from kerastune_lite._src.cli.parser import make_parser


def run_completion(options: argparse.Namespace) -> None:
    """Print the script for `options.shell`."""
    parser = make_parser()
    for action in _actions(parser):
        if action.dest in ("directory", "others"):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest in ("output", "file", "paths"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, options.shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The actions of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)
