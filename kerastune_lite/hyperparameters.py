"""The search space: domains, conditions, the `hp` object, and reading a space from `build(hp)`."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.space.choice import Choice
    from kerastune_lite._src.space.domains import Boolean, Domain, Fixed, Value
    from kerastune_lite._src.space.hyperparameters import HyperParameters
    from kerastune_lite._src.space.numeric import Float, Int
    from kerastune_lite._src.space.parameters import Condition, Parameter, Space
    from kerastune_lite._src.space.reading import read_space

__all__ = [
    "Boolean",
    "Choice",
    "Condition",
    "Domain",
    "Fixed",
    "Float",
    "HyperParameters",
    "Int",
    "Parameter",
    "Space",
    "Value",
    "read_space",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Boolean": "_src.space.domains",
        "Choice": "_src.space.choice",
        "Condition": "_src.space.parameters",
        "Domain": "_src.space.domains",
        "Fixed": "_src.space.domains",
        "Float": "_src.space.numeric",
        "HyperParameters": "_src.space.hyperparameters",
        "Int": "_src.space.numeric",
        "Parameter": "_src.space.parameters",
        "Space": "_src.space.parameters",
        "Value": "_src.space.domains",
        "read_space": "_src.space.reading",
    },
)
