"""Points that the user enqueues: completed and checked by building them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kerastune_lite._src.space.domains import Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space, start_of


def complete_point(
    values: Mapping[str, Value],
    space: Space,
    build: Callable[[HyperParameters], object] | None,
) -> dict[str, Value]:
    """The values of a point that the user enqueues.

    Args:
        values: by name; the others are those that a search starts with (`Space.start`).
        space: as known so far.
        build: the user's function, if there is one.

    Raises:
        ValueError: `build` does not use a name, or a value is not in its domain.
    """
    if build is None:
        return space.complete(space.as_proposed(values)) if len(space) else dict(values)
    hp = HyperParameters(space, values, start_of)
    build(hp)
    used = hp.used_values()
    # Hyperparameters of `fit` or `run_trial` are known from earlier trials.
    elsewhere = {
        name: value
        for name, value in values.items()
        if name not in used and hp.space.active(name, {**values, **used}) is not None
    }
    unknown = [name for name in values if name not in used and name not in elsewhere]
    if unknown:
        raise ValueError(
            f"enqueue() takes hyperparameters that build(hp) uses. With these values it does not "
            f"use {unknown}; it uses {list(used)}."
        )
    used.update(elsewhere)
    used = hp.space.as_proposed(used)
    for name, value in used.items():
        parameter = hp.space.active(name, used)
        if parameter is not None:
            try:
                used[name] = parameter.domain.coerce(value)
            except ValueError as error:
                raise ValueError(f"enqueue(): {name!r}: {error}") from None
    return used
