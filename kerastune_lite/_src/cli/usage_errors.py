"""The error that ends a command with a message and without a traceback."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot be done; the message says why, and what helps."""
