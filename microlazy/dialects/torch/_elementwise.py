"""Functions of each element, a row for each, and the operators of tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ... import numpy as np
from ... import numpy_extension as npx
from ._registry import FUNCTIONS, METHODS
from ._tensor import Tensor, apply, apply_to_two, refuse_leaf

A = Any  # an array of the core with NumPy's rules


TESTS = {"isnan", "isinf", "isfinite", "logical_not"}  # whose results are true or false
UNARY: dict[str, tuple[str, Callable[..., Any]]] = {
    **{
        name: (f"{name.capitalize()}", getattr(np, name))
        for name in (
            *("abs", "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "square", "sin"),
            *("cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil", "trunc", "sign"),
            *TESTS,
        )
    },
    **{
        name: (name.capitalize(), getattr(np, f"arc{name[1:]}"))
        for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")
    },
    "neg": ("Neg", np.negative),
    "reciprocal": ("Reciprocal", np.reciprocal),
    "rsqrt": ("Rsqrt", npx.rsqrt),
    "relu": ("Relu", npx.relu),
    "sigmoid": ("Sigmoid", npx.sigmoid),
    "erf": ("Erf", npx.erf),
}
BINARY: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("Add", operator.add),
    "sub": ("Sub", operator.sub),
    "mul": ("Mul", operator.mul),
    "div": ("Div", operator.truediv),
    "floor_divide": ("FloorDivide", operator.floordiv),
    "remainder": ("Remainder", operator.mod),
    "fmod": ("Fmod", np.fmod),
    "pow": ("Pow", operator.pow),
    "maximum": ("Maximum", np.maximum),
    "minimum": ("Minimum", np.minimum),
    "atan2": ("Atan2", np.arctan2),
    "eq": ("Eq", operator.eq),
    "ne": ("Ne", operator.ne),
    "lt": ("Lt", operator.lt),
    "le": ("Le", operator.le),
    "gt": ("Gt", operator.gt),
    "ge": ("Ge", operator.ge),
    "logical_and": ("LogicalAnd", np.logical_and),
    "logical_or": ("LogicalOr", np.logical_or),
    "logical_xor": ("LogicalXor", np.logical_xor),
}
ALIASES = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "absolute": "abs",
    "negative": "neg",
}


def _elementwise(name: str, op: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if name in UNARY:

        def call(input: Tensor) -> Tensor:
            return apply(op, function, input)

    else:

        def call(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:  # type: ignore[misc]
            return apply_to_two(op, function, input, other if alpha == 1 else alpha * other)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`{name}` of each element: `{function.__name__}` of arrays."
    return call


def in_place(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A method that writes what a function returns into the tensor itself.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.ones(2)
    >>> _ = x.mul_(3)
    >>> x
    tensor([3., 3.])
    """

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        refuse_leaf(self)
        result = function(self, *args, **kwargs)
        self[...] = result
        return self

    call.__name__ = call.__qualname__ = f"{name}_"
    call.__doc__ = f"`{name}`, written into the tensor itself."
    return call


for _name, (_op, _function) in {**UNARY, **BINARY}.items():
    FUNCTIONS[_name] = METHODS[_name] = _elementwise(_name, _op, _function)
for _name, _other in ALIASES.items():
    FUNCTIONS[_name] = METHODS[_name] = FUNCTIONS[_other]


def _operator(op: str, function: Callable[..., Any], swapped: bool) -> Callable[..., Any]:
    def call(self: Tensor, other: Any) -> Any:
        pair = (other, self) if swapped else (self, other)
        try:
            return apply_to_two(op, function, *pair)
        except TypeError:  # which Python says of the two types
            return NotImplemented

    return call


_OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
}
for _name, _other in _OPERATORS.items():
    _op, _function = BINARY[_other]
    setattr(Tensor, f"__{_name}__", _operator(_op, _function, False))
    setattr(Tensor, f"__r{_name}__", _operator(_op, _function, True))
    setattr(Tensor, f"__i{_name}__", in_place(_other, FUNCTIONS[_other]))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _operator(*BINARY[_name], False))
for _name, _function in (("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor)):
    setattr(Tensor, f"__{_name}__", _operator(_name.capitalize(), _function, False))
    setattr(Tensor, f"__r{_name}__", _operator(_name.capitalize(), _function, True))
METHODS["__neg__"], METHODS["__abs__"] = FUNCTIONS["neg"], FUNCTIONS["abs"]
METHODS["__pos__"] = lambda self: self
METHODS["__invert__"] = lambda self: apply("BitwiseNot", np.invert, self)
