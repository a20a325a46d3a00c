"""The search space: domains, conditions, the `hp` object, and reading a space from `build(hp)`."""

from kerastune_lite._src.space.domains import Boolean, Choice, Domain, Fixed, Value
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
