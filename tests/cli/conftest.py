"""Shared by the tests of the command."""

import pytest

from kerastune_lite._src.cli.command import main


@pytest.fixture
def run(capsys):
    """Run a command: exit code, standard output, standard error."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
