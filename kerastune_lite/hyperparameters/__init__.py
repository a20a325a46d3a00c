"""What can vary: domains, conditions, the `hp` object, and reading a space off `build(hp)`."""

from kerastune_lite.hyperparameters.domains import Boolean, Choice, Domain, Fixed, Value
from kerastune_lite.hyperparameters.hyperparameters import HyperParameters
from kerastune_lite.hyperparameters.numeric import Float, Int
from kerastune_lite.hyperparameters.reading import read_space
from kerastune_lite.hyperparameters.space import Condition, Parameter, Space

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
