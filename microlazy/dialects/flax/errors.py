"""Errors of Flax."""

from __future__ import annotations

from ...base import MXNetError, ShapeError

__all__ = [
    "CallCompactUnboundModuleError",
    "FlaxError",
    "InvalidRngError",
    "ModifyScopeVariableError",
    "NameInUseError",
    "ScopeCollectionNotFound",
    "ScopeParamNotFoundError",
    "ScopeParamShapeError",
    "SetAttributeFrozenModuleError",
]


class FlaxError(MXNetError):
    """The root of these errors."""


class CallCompactUnboundModuleError(FlaxError):
    """A module was called outside of `init` and `apply`."""

    def __init__(self) -> None:
        super().__init__("Can't call compact methods on unbound modules")


class InvalidRngError(FlaxError):
    """A module asked for a key that was not given."""


class ModifyScopeVariableError(FlaxError):
    """A module changes a variable of a collection that `apply` was not told is mutable."""


class NameInUseError(FlaxError):
    """Two modules or variables of one module have the same name."""


class ScopeCollectionNotFound(FlaxError):
    """A module has parameters, but none were given."""


class ScopeParamNotFoundError(FlaxError):
    """A parameter is not among those given."""


class ScopeParamShapeError(FlaxError, ShapeError):
    """A parameter that was given has another shape than the module makes."""


class SetAttributeFrozenModuleError(FlaxError, AttributeError):
    """An attribute of a module is set outside of `setup`."""
