"""Functions that make tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ... import numpy as np
from ... import random
from ...core.tensor import Tensor as Array
from . import _dtypes
from ._device import device
from ._tensor import Tensor, apply, unwrap, wrap

Kind = _dtypes.dtype | None


def _finished(array: Any, requires_grad: bool, place: Any) -> Tensor:
    device("cpu" if place is None else place)
    return wrap(array).requires_grad_(requires_grad)


def tensor(
    data: Any, *, dtype: Kind = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of values.

    Parameters
    ----------
    data : number, nested lists, numpy.ndarray or Tensor
        Fractions of Python become float32, whole numbers int64; NumPy's arrays keep their dtype.
    dtype : torch.dtype, optional
        The data type, where it is to be another.
    device : torch.device or str, optional
        The CPU.
    requires_grad : bool
        Whether a gradient is wanted.

    Raises
    ------
    ValueError
        If lists differ in length.
    TypeError
        If there are values that are no numbers.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> torch.tensor(0.5)
    tensor(0.5000)
    """
    data = unwrap(data)
    if isinstance(data, Array):
        data = data.asnumpy()
    given = isinstance(data, numpy.ndarray | numpy.generic)
    if not given:
        _refuse_ragged(data, 0)
    array = numpy.asarray(data)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"new(): invalid data type {type(data).__name__!r}: numbers are expected")
    number = _dtypes.to_numpy(dtype)
    if number is None:
        number = numpy.dtype("float32") if array.dtype.kind == "f" and not given else array.dtype
    return _finished(np.array(array, dtype=number), requires_grad, device)


def _refuse_ragged(data: Any, depth: int) -> None:
    if isinstance(data, Sequence) and not isinstance(data, str):
        for each in data:
            _refuse_ragged(each, depth + 1)
        sizes = [len(each) if isinstance(each, Sequence) else 0 for each in data]
        if len({*sizes}) > 1:
            other = next(size for size in sizes if size != sizes[0])
            raise ValueError(
                f"expected sequence of length {sizes[0]} at dim {depth + 1} (got {other})"
            )


def as_tensor(data: Any, dtype: Kind = None) -> Tensor:
    """A tensor of values; an array of NumPy or Gluon is copied, a tensor is returned as it is.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects import torch
    >>> torch.as_tensor(np.ones(2))
    tensor([1., 1.])
    """
    if isinstance(data, Tensor):
        return data.to(dtype) if dtype is not None else data
    return tensor(data, dtype=dtype)


def from_numpy(array: numpy.ndarray) -> Tensor:
    """A tensor on the memory of a NumPy array.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.dialects import torch
    >>> values = numpy.zeros(2)
    >>> x = torch.from_numpy(values)
    >>> values[0] = 1
    >>> x
    tensor([1., 0.], dtype=torch.float64)
    """
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return wrap(np.from_dlpack(array))


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], Sequence) else size


def _filled(make: Callable[..., Any], doc: str) -> Callable[..., Tensor]:
    def call(
        *size: Any, dtype: Kind = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        number = _dtypes.to_numpy(dtype or _dtypes.float32)
        return _finished(make(_shape(size), number), requires_grad, device)

    call.__doc__ = doc
    return call


zeros = _filled(lambda size, dtype: np.zeros(size, dtype=dtype), "Zeros of a shape.")
ones = _filled(lambda size, dtype: np.ones(size, dtype=dtype), "Ones of a shape.")
empty = _filled(lambda size, dtype: np.zeros(size, dtype=dtype), "A tensor of a shape; zeros.")
rand = _filled(
    lambda size, dtype: np.random.uniform(size=size, dtype=dtype),
    "Random numbers of a shape, evenly from 0 to 1.",
)
randn = _filled(
    lambda size, dtype: np.random.normal(size=size, dtype=dtype),
    "Random numbers of a shape, of the normal distribution.",
)


def full(
    size: Sequence[int], fill_value: Any, *, dtype: Kind = None, requires_grad: bool = False
) -> Tensor:
    """One number in a shape.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    kind = dtype or {bool: _dtypes.bool_, int: _dtypes.int64}.get(type(fill_value), _dtypes.float32)
    array = np.full(tuple(size), fill_value, dtype=_dtypes.to_numpy(kind))
    return _finished(array, requires_grad, None)


def _like(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(input: Tensor, *, dtype: Kind = None, requires_grad: bool = False) -> Tensor:
        return make(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)

    call.__doc__ = f"{make.__doc__.rstrip('.')}, that of a tensor, and of its dtype."  # type: ignore[union-attr]
    return call


zeros_like, ones_like, empty_like = _like(zeros), _like(ones), _like(empty)
rand_like, randn_like = _like(rand), _like(randn)


def full_like(input: Tensor, fill_value: Any, *, dtype: Kind = None) -> Tensor:
    """One number in the shape of a tensor, of its dtype."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype)


def arange(start: float, end: float | None = None, step: float = 1, *, dtype: Kind = None,
           requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Numbers from `start` to below `end`; of `end` numbers, with one argument.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.arange(3)
    tensor([0, 1, 2])
    >>> torch.arange(0, 1, 0.5)
    tensor([0.0000, 0.5000])
    """
    if end is None:
        start, end = 0, start
    whole = all(isinstance(each, int) for each in (start, end, step))
    number = _dtypes.to_numpy(dtype or (_dtypes.int64 if whole else _dtypes.float32))
    return _finished(np.arange(start, end, step, dtype=number), requires_grad, None)


def linspace(start: float, end: float, steps: int, *, dtype: Kind = None) -> Tensor:
    """So many numbers from `start` to `end`, evenly spaced."""
    return wrap(np.linspace(start, end, steps, dtype=_dtypes.to_numpy(dtype or _dtypes.float32)))


def eye(n: int, m: int | None = None, *, dtype: Kind = None) -> Tensor:
    """A matrix with ones on its diagonal."""
    return wrap(np.eye(n, m, dtype=_dtypes.to_numpy(dtype or _dtypes.float32)))


def randint(low: int, high: Any = None, size: Any = None, *, dtype: Kind = None) -> Tensor:
    """Random whole numbers from `low`, or 0, to below `high`.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.randint(1, (2,))
    tensor([0, 0])
    """
    if size is None:
        low, high, size = 0, low, high
    number = _dtypes.to_numpy(dtype or _dtypes.int64)
    return wrap(np.random.randint(low, high, size=tuple(size), dtype=number))


def randperm(n: int) -> Tensor:
    """The numbers below n in a random order."""
    return wrap(np.array(np.random.permutation(n), dtype="int64"))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None) -> Tensor:
    """Random numbers of normal distributions; means and deviations may be tensors."""
    mean, std = (each._array if isinstance(each, Tensor) else each for each in (mean, std))
    return wrap(np.random.normal(mean, std, size=None if size is None else tuple(size)))


def bernoulli(input: Tensor) -> Tensor:
    """1 with the probability that each element says, else 0."""
    draws = rand(*input.shape)
    return apply("Bernoulli", lambda p, u: (u < p).astype(p.dtype), input, draws)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False) -> Tensor:
    """Places drawn with the weights of a vector, or of each row of a matrix."""
    if not replacement:
        # The largest of log(weight) + Gumbel noise are a draw without putting back.
        noise = -((-(rand_like(input).log())).log())
        return (input.log() + noise).topk(num_samples, -1)[1]
    sums = input.cumsum(-1)
    draws = rand(*input.shape[:-1], num_samples) * sums[..., -1:]
    return (sums.unsqueeze(-2) <= draws.unsqueeze(-1)).sum(-1)


def meshgrid(*tensors: Tensor, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid."""
    grids = np.meshgrid(*[each._array for each in tensors], indexing=indexing)
    return tuple(wrap(each) for each in grids)


def manual_seed(seed: int) -> None:
    """Let the random numbers begin anew; the same seed gives the same numbers.

    They are microlazy's: the same for any number of threads, and not those of PyTorch.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.manual_seed(1)
    >>> first = torch.rand(2)
    >>> torch.manual_seed(1)
    >>> torch.equal(torch.rand(2), first)
    True
    """
    random.seed(seed)


FUNCTIONS = {
    each: globals()[each]
    for each in (
        *("tensor", "as_tensor", "from_numpy", "zeros", "ones", "empty", "full", "zeros_like"),
        *("ones_like", "empty_like", "full_like", "rand", "randn", "rand_like", "randn_like"),
        *("arange", "linspace", "eye", "randint", "randperm", "normal", "bernoulli"),
        *("multinomial", "meshgrid", "manual_seed"),
    )
}
for _name in ("zeros", "ones", "empty", "rand", "randn", "zeros_like", "ones_like", "empty_like",
              "rand_like", "randn_like"):  # fmt: skip
    FUNCTIONS[_name].__name__ = FUNCTIONS[_name].__qualname__ = _name


def _new(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(self: Tensor, *args: Any, dtype: Kind = None, **options: Any) -> Tensor:
        return make(*args, dtype=dtype or self.dtype, **options)

    call.__doc__ = "As the function of `torch`, of this tensor's dtype."
    return call


for _name in ("zeros", "ones", "empty", "full", "tensor"):
    setattr(Tensor, f"new_{_name}", _new(FUNCTIONS[_name]))
