"""Which parameters a builder will ask for, where the space does not say.

Builders ask through plain Python: `for i in range(hp.Int("layers", 1, 3)): hp.Int(f"units_{i}")`.
The space then holds three units without a condition, while a trial with one layer was never asked
for the others. Finished trials hold exactly what they were asked for. Where one discrete parameter
tells those that hold another from those that do not, it is taken for its condition; a point then
does not differ from its neighbours in what will not be asked for.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from kerastune_lite._src.algorithms.oracles.gp.encoding import Array, Encoding, Indices, Mask

_ABSENT = -1
"""The code of a parameter that is inactive."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """Axis `child` is not asked for where axis `parent` has one of `codes`."""

    child: int
    parent: int
    codes: tuple[int, ...]


def learned_rules(encoding: Encoding, units: Array, active: Mask) -> list[Rule]:
    """What finished trials tell: units and activity `(n, p)` as they were used."""
    if not len(units) or active.all():
        return []
    missing = encoding.active(units) & ~active
    rules = []
    for child in np.flatnonzero(missing.any(axis=0)):
        # Trials in which the declared conditions do not hold say nothing.
        could = missing[:, child] | active[:, child]
        rule = _rule(encoding, units[could], active[could], int(child))
        if rule is not None:
            rules.append(rule)
    return rules


def _rule(encoding: Encoding, units: Array, active: Mask, child: int) -> Rule | None:
    """The first earlier parameter that tells those with `child` from those without."""
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
    """Which parameters proposed points will be asked for: `(m, p)` for units `(m, p)`."""
    active = encoding.active(units)
    # In the order of the space: a parent may itself be asked for under a rule.
    for rule in rules:
        codes = _codes(encoding, units, active, rule.parent)
        active[:, rule.child] &= ~np.isin(codes, rule.codes)
    return active
