"""What ends a command with a message and no traceback."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot do what was asked; the message says why, and what helps."""
