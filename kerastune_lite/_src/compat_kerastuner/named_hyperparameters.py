"""KerasTuner's types of hyperparameters, each of which has a name and a range in one object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from kerastune_lite._src.space import choice as listed
from kerastune_lite._src.space import domains, numeric
from kerastune_lite._src.space.declarations import choice
from kerastune_lite._src.space.domains import Domain, Value
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.kerastuner_json import parameter_from
from kerastune_lite._src.space.parameters import Condition, Parameter, condition
from kerastune_lite._src.util.public import public


class _TypeOfDomain(type):
    """The type of each parameter that has a domain of the type `domain_type`."""

    domain_type: Any

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Parameter) and isinstance(instance.domain, cls.domain_type)


@public("kerastune_lite.engine.hyperparameters")
class HyperParameter(Parameter, metaclass=_TypeOfDomain):
    """The type of all members of `hp.space`.

    Calling one of its subclasses makes a `Parameter`, which is an instance of that subclass.

    Raises:
        TypeError: it is called itself.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Choice, HyperParameter
        >>> isinstance(Choice("activation", ["relu", "tanh"]), HyperParameter)
        True
    """

    domain_type: ClassVar[Any] = Domain

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("HyperParameter is abstract. Use Choice, Int, Float, Boolean or Fixed.")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Parameter:
        """The hyperparameter of this type whose `get_config` returned `config`."""
        return parameter_from({"class_name": cls.domain_type.__name__, "config": config})


@public("kerastune_lite.engine.hyperparameters")
class Choice(HyperParameter):
    """One of the listed values, with a name.

    Args:
        name: of the hyperparameter.
        values, ordered, default: as of `hp.Choice`.
        conditions: a list of `Condition`s; all must hold for the hyperparameter to be active.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Choice
        >>> Choice("activation", ["relu", "tanh"]).values
        ['relu', 'tanh']
    """

    domain_type = listed.Choice

    def __new__(
        cls,
        name: str,
        values: Iterable[Value],
        ordered: bool | None = None,
        default: Any = None,
        conditions: Condition | Iterable[Condition] | None = None,
    ) -> Any:
        return _named("Choice", name, lambda: choice(values, ordered, default), conditions)


@public("kerastune_lite.engine.hyperparameters")
class Int(HyperParameter):
    """A whole number from `min_value` to `max_value`, both included, with a name.

    Args:
        name: of the hyperparameter.
        min_value, max_value, step, sampling, default: as of `hp.Int`.
        conditions: a list of `Condition`s; all must hold for the hyperparameter to be active.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Int
        >>> Int("units", 8, 32, step=8).values
        [8, 16, 24, 32]
    """

    domain_type = numeric.Int

    def __new__(
        cls,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        conditions: Condition | Iterable[Condition] | None = None,
    ) -> Any:
        def domain() -> Domain:
            return numeric.Int(min_value, max_value, step, sampling, default)

        return _named("Int", name, domain, conditions)


@public("kerastune_lite.engine.hyperparameters")
class Float(HyperParameter):
    """A real number from `min_value` to `max_value`, both included, with a name.

    Args:
        name: of the hyperparameter.
        min_value, max_value, step, sampling, default: as of `hp.Float`.
        conditions: a list of `Condition`s; all must hold for the hyperparameter to be active.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Float
        >>> Float("dropout", 0.0, 0.5).prob_to_value(0.5)
        0.25
    """

    domain_type = numeric.Float

    def __new__(
        cls,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        conditions: Condition | Iterable[Condition] | None = None,
    ) -> Any:
        def domain() -> Domain:
            return numeric.Float(min_value, max_value, step, sampling, default)

        return _named("Float", name, domain, conditions)


@public("kerastune_lite.engine.hyperparameters")
class Boolean(HyperParameter):
    """True or False, with a name.

    Args:
        name: of the hyperparameter.
        default: as of `hp.Boolean`.
        conditions: a list of `Condition`s; all must hold for the hyperparameter to be active.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Boolean
        >>> Boolean("batch_norm").default
        False
    """

    domain_type = domains.Boolean

    def __new__(
        cls,
        name: str,
        default: bool = False,
        conditions: Condition | Iterable[Condition] | None = None,
    ) -> Any:
        return _named("Boolean", name, lambda: domains.Boolean(default), conditions)


@public("kerastune_lite.engine.hyperparameters")
class Fixed(HyperParameter):
    """One value that is not tuned, with a name.

    Args:
        name: of the hyperparameter.
        value: as of `hp.Fixed`.
        conditions: a list of `Condition`s; all must hold for the hyperparameter to be active.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Fixed
        >>> Fixed("epochs", 10).value
        10
    """

    domain_type = domains.Fixed

    def __new__(
        cls,
        name: str,
        value: Value,
        conditions: Condition | Iterable[Condition] | None = None,
    ) -> Any:
        return _named("Fixed", name, lambda: domains.Fixed(value), conditions)


def _named(
    kind: str,
    name: str,
    domain: Callable[[], Domain],
    conditions: Condition | Iterable[Condition] | None,
) -> Parameter:
    given = (conditions,) if isinstance(conditions, Condition) else conditions or ()
    try:
        # A Condition made by a script may hold a list, which cannot be part of an identity.
        held = tuple(condition(each.name, each.values) for each in given)
        return Parameter(str(name), domain(), held)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{kind}({name!r}): {error}") from None


@public("kerastune_lite.engine.hyperparameters")
def serialize(obj: HyperParameters | Parameter | None) -> dict[str, Any] | None:
    """A type and a `get_config()` as JSON; `deserialize` is the inverse.

    Args:
        obj: an `hp` or a member of `hp.space`; None is returned as it is.

    Raises:
        ValueError: it is neither.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Fixed, serialize
        >>> serialize(Fixed("epochs", 10))
        {'class_name': 'Fixed', 'config': {'name': 'epochs', 'conditions': [], 'value': 10}}
    """
    if obj is None:
        return None
    if isinstance(obj, HyperParameters):
        return {"class_name": "HyperParameters", "config": obj.get_config()}
    if isinstance(obj, Parameter):
        return obj.serialized()
    raise ValueError(
        f"serialize() takes a HyperParameters object or a member of its space. Received: {obj!r}."
    )


@public("kerastune_lite.engine.hyperparameters")
def deserialize(config: Mapping[str, Any] | None) -> HyperParameters | Parameter | None:
    """What `serialize` converted to JSON, here or in KerasTuner.

    Args:
        config: the JSON; None is returned as it is.

    Raises:
        ValueError: it is not a dict with `class_name` and `config`, or its type is not known.

    Example:
        >>> from kerastune_lite.engine.hyperparameters import Fixed, deserialize, serialize
        >>> deserialize(serialize(Fixed("epochs", 10))).value
        10
    """
    if config is None:
        return None
    if not isinstance(config, Mapping) or not {"class_name", "config"} <= config.keys():
        raise ValueError(
            f"deserialize() takes a dict with `class_name` and `config`. Received: {config!r}."
        )
    if config["class_name"] == "HyperParameters":
        return HyperParameters.from_config(config["config"])
    return parameter_from(config)
