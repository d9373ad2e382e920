"""`import microlazy.einops` tells einops how to work with our arrays, of either type.

Without this import `einops.array_api` works with np arrays, by the array API standard.
"""

from typing import Any

import numpy
from einops._backends import AbstractBackend

from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor
from microlazy.numpy import arange
from microlazy.ops.einsum import einsum as _einsum

__all__ = ["Backend"]


class Backend(AbstractBackend):
    """What einops asks of a framework; einops finds it as a subclass of its own class.

    Examples
    --------
    >>> import einops
    >>> import microlazy.einops
    >>> from microlazy import np
    >>> einops.rearrange(np.ones((2, 3, 4)), "b h w -> b (h w)").shape
    (2, 12)
    """

    framework_name = "microlazy"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor)

    def from_numpy(self, x: Any) -> Tensor:
        return _f.from_numpy_result(1, x, x.dtype)

    def to_numpy(self, x: Any) -> Any:
        return x.asnumpy()

    def arange(self, start: int, stop: int) -> Tensor:
        return arange(start, stop, dtype="int64")

    def reshape(self, x: Any, shape: Any) -> Tensor:
        return _f.reshape(x, tuple(shape))

    def transpose(self, x: Any, axes: Any) -> Tensor:
        return _f.transpose(x, list(axes))

    def reduce(self, x: Any, operation: str, axes: Any) -> Tensor:
        return _f.reduction(operation, x, tuple(axes))

    def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Tensor:
        return _f.stack(tensors)

    def add_axis(self, x: Any, new_position: int) -> Tensor:
        return _f.expand_dims(x, new_position)

    def tile(self, x: Any, repeats: Any) -> Tensor:
        return _f.tile(x, tuple(repeats))

    def concat(self, tensors: list[Any], axis: int) -> Tensor:
        return _f.concatenate(tensors, axis)

    def is_float_type(self, x: Any) -> bool:
        return numpy.dtype(x.dtype).kind == "f"

    def einsum(self, pattern: str, *x: Any) -> Tensor:
        return _einsum(pattern, list(x), False)
