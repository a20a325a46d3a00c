"""Lines that a search without a tuner of the user's own says of itself."""

from __future__ import annotations


def announce(text: str, verbose: int) -> None:
    """Print `text`, unless `verbose` is 0."""
    if verbose:
        print(text, flush=True)
