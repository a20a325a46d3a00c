"""Which parameters `build(hp)` will ask for, if the space has no conditions.

`build(hp)` may use plain Python: `for i in range(hp.Int("layers", 1, 3)): hp.Int(f"units_{i}")`.
The space then has three units without conditions, but a trial with one layer did not use the
others. Finished trials have exactly the values that they used. If a discrete parameter separates
the trials that have another parameter from those that do not, it counts as its condition: points
do not differ in parameters that they will not use.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices, Mask

_ABSENT = -1
"""The code of a parameter that is inactive."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """Axis `child` is not used if axis `parent` has one of `codes`."""

    child: int
    parent: int
    codes: tuple[int, ...]


def learned_rules(encoding: Encoding, units: Array, active: Mask) -> list[Rule]:
    """The rules of finished trials, whose units and activity are `(n, p)`."""
    if not len(units) or active.all():
        return []
    missing = encoding.active(units) & ~active
    rules = []
    for child in np.flatnonzero(missing.any(axis=0)):
        # Only trials in which the declared conditions hold are informative.
        could = missing[:, child] | active[:, child]
        rule = _rule(encoding, units[could], active[could], int(child))
        if rule is not None:
            rules.append(rule)
    return rules


def _rule(encoding: Encoding, units: Array, active: Mask, child: int) -> Rule | None:
    """The first earlier parameter that separates the trials with `child` from those without."""
    for parent in range(child):
        if encoding.axes[parent].members is None:
            continue
        codes = _codes(encoding, units, active, parent)
        present = set(codes[active[:, child]].tolist())
        absent = set(codes[~active[:, child]].tolist())
        if not present & absent:
            return Rule(child, parent, tuple(sorted(absent)))
    return None


def _codes(encoding: Encoding, units: Array, active: Mask, axis: int) -> Indices:
    return np.where(active[:, axis], encoding.axes[axis].codes(units[:, axis]), _ABSENT)


def expected(encoding: Encoding, rules: list[Rule], units: Array) -> Mask:
    """Which parameters proposed points will use: `(m, p)` for units `(m, p)`."""
    active = encoding.active(units)
    # In the order of the space, because a parent may depend on a rule, too.
    for rule in rules:
        codes = _codes(encoding, units, active, rule.parent)
        active[:, rule.child] &= ~np.isin(codes, rule.codes)
    return active
