"""All functions of tensors, and the methods among them given to `Tensor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import numpy as np
from . import _dtypes, _places, _reductions, _shapes  # noqa: F401  they fill the registry
from ._elementwise import TESTS, UNARY, in_place
from ._registry import FUNCTIONS, METHODS, PROPERTIES, of_arrays
from ._tensor import Tensor, refuse_leaf, with_recording

A = Any  # an array of the core with NumPy's rules


@of_arrays()
def clone(input: A) -> A:
    """A copy, through which gradients pass."""
    return input.copy()


METHODS["contiguous"] = lambda self: self
METHODS["type_as"] = lambda self, other: self.to(other)
for _name, _dtype in (("float", "float32"), ("double", "float64"), ("half", "float16"),
                      ("long", "int64"), ("int", "int32"), ("bool", "bool")):  # fmt: skip
    METHODS[_name] = lambda self, dtype=_dtypes.ALL[_dtype]: self.to(dtype)


def _written(self: Tensor, values: Any) -> Tensor:
    refuse_leaf(self)
    self[...] = values
    return self


METHODS["fill_"] = _written
METHODS["zero_"] = lambda self: _written(self, 0)
METHODS["copy_"] = lambda self, source: _written(self, source)
_CHANGING = [name for name in UNARY if name not in TESTS]
_CHANGING += ["add", "sub", "mul", "div", "pow", "remainder", "clamp", "masked_fill"]
for _name in _CHANGING:
    METHODS[f"{_name}_"] = in_place(_name, METHODS[_name])


def _drawn(law: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Tensor, first: float = 0.0, second: float = 1.0) -> Tensor:
        values = law(first, second, size=self._array.shape, dtype=self._array.dtype)
        refuse_leaf(self)
        with_recording(False, self._array.__setitem__, ..., values)
        return self

    return call


METHODS["normal_"] = _drawn(np.random.normal)
METHODS["uniform_"] = _drawn(np.random.uniform)

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)
for _name, _function in PROPERTIES.items():
    setattr(Tensor, _name, property(_function))


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def is_tensor(obj: Any) -> bool:
    """Whether something is a tensor."""
    return isinstance(obj, Tensor)


FUNCTIONS.update({"numel": numel, "is_tensor": is_tensor})
