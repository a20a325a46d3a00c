"""What KerasTuner's scripts read of a member of `hp.space`, in the words of its domain."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from kerastune_lite._src.space.domains import Boolean, Domain, Value
from kerastune_lite._src.space.numeric import Numeric

_OURS = ("type", "has_own_default", "prior")
"""What of a domain's JSON is not among KerasTuner's settings."""

SAMPLES = 10
"""As in KerasTuner, so many values stand for those of a number without a step."""


def _setting(setting: str) -> Any:
    """A property that reads a setting of the domain, where the domain has it."""

    def read(self: DomainAttributes) -> Any:
        settings = [field.name for field in dataclasses.fields(self.domain)]  # type: ignore[arg-type]
        if setting not in settings:
            raise AttributeError(
                f"The hyperparameter {self.name!r} has no `{setting}`. "
                f"{type(self.domain).__name__} has: {', '.join(settings)}."
            )
        return getattr(self.domain, setting)

    return property(read, doc=f"The `{setting}` of the domain, if it has one.")


class DomainAttributes:
    """The attributes that members of `hp.space` have in KerasTuner."""

    name: str
    domain: Domain
    conditions: tuple[Any, ...]

    min_value = _setting("min_value")
    max_value = _setting("max_value")
    step = _setting("step")
    sampling = _setting("sampling")
    ordered = _setting("ordered")
    value = _setting("value")

    @property
    def default(self) -> Value:
        """The default of the domain."""
        return self.domain.default

    @property
    def values(self) -> list[Value]:
        """The values of the domain; of a number without a step, ten spread over its range."""
        domain = self.domain
        if isinstance(domain, Boolean):
            return [True, False]
        if isinstance(domain, Numeric) and domain.step is None:
            middles = [(index + 0.5) / SAMPLES for index in range(SAMPLES)]
            return list(dict.fromkeys(map(domain.from_unit, middles)))
        return domain.grid()

    def random_sample(self, seed: int | None = None) -> Value:
        """A random value, the same each time if there is a `seed`."""
        return self.domain.from_unit(random.Random(seed).random())

    def prob_to_value(self, prob: float) -> Value:
        """The value at `prob`, a position in [0, 1]; the inverse of `value_to_prob`."""
        return self.domain.from_unit(float(prob))

    def value_to_prob(self, value: Value) -> float:
        """The position of `value` in [0, 1]; in a finite domain the centre of its cell."""
        return self.domain.to_unit(value)

    def get_config(self) -> dict[str, Any]:
        """Name, conditions and the settings of the domain, as KerasTuner writes them."""
        conditions = [
            {"class_name": "Parent", "config": each.get_config()} for each in self.conditions
        ]
        settings = self.domain.to_json()
        settings = {k: v for k, v in settings.items() if k not in _OURS}
        return {"name": self.name, "conditions": conditions, **settings}

    def serialized(self) -> dict[str, Any]:
        """The type of the domain and `get_config()`, as KerasTuner writes them."""
        return {"class_name": type(self.domain).__name__, "config": self.get_config()}
