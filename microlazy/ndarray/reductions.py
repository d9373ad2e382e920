"""Reductions: sums, extremes, norms and moments over axes; running sums."""

from collections.abc import Callable
from typing import Any

import numpy

from microlazy.base import MXNetError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.ops.numpy_call import call
from microlazy.ops.arguments import need_arrays, op

__all__ = [
    "all_finite",
    "argmax",
    "argmax_channel",
    "argmin",
    "cumsum",
    "max",
    "max_axis",
    "mean",
    "min",
    "min_axis",
    "moments",
    "multi_all_finite",
    "multi_sum_sq",
    "nanprod",
    "nansum",
    "norm",
    "prod",
    "sum",
    "sum_axis",
]

_REDUCTION = """{summary} over all axes, or those named.

    Parameters
    ----------
    data : NDArray
    axis : int or tuple of int, optional
    keepdims : bool
        Keep reduced axes, with size 1.
    exclude : bool
        Reduce all axes but those named.

    Returns
    -------
    NDArray
        Of shape (1,) when all axes are reduced.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.{name}(nd.array([[1, {second}], [3, 4]]), axis=1).asnumpy()
    array({result}, dtype=float32)
    """


def _reduction(
    name: str, summary: str, result: str, neutral: float | None = None
) -> Callable[..., NDArray]:
    """Make the reduction of a name; with `neutral` that number stands in for nan."""
    kind = name.removeprefix("nan")

    def function(
        data: NDArray, axis: Any = None, keepdims: bool = False, exclude: bool = False
    ) -> NDArray:
        if neutral is not None:
            data = _f.where(_f.test("isnan", data), neutral, data)
        exclude = exclude and axis is not None and axis != ()  # no axes mean all
        return _f.reduction(kind, data, axis, keepdims, exclude)

    function.__name__ = function.__qualname__ = name
    second = "2" if neutral is None else "float('nan')"
    function.__doc__ = _REDUCTION.format(name=name, summary=summary, result=result, second=second)
    return op(function)


sum = sum_axis = _reduction("sum", "The sum", "[3., 7.]")
prod = _reduction("prod", "The product", "[ 2., 12.]")
max = max_axis = _reduction("max", "The largest element", "[2., 4.]")
min = min_axis = _reduction("min", "The smallest element", "[1., 3.]")
mean = _reduction("mean", "The mean", "[1.5, 3.5]")
nansum = _reduction("nansum", "The sum of what is not nan", "[1., 7.]", 0.0)
nanprod = _reduction("nanprod", "The product of what is not nan", "[ 1., 12.]", 1.0)


@op
def argmax(data: NDArray, axis: int | None = None, keepdims: bool = False) -> NDArray:
    """Return the place of the largest element, the first if there are several, as float.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argmax(nd.array([[1, 5], [7, 2]]), axis=1).asnumpy()
    array([1., 0.], dtype=float32)
    """
    return _f.arg("argmax", data, axis, keepdims)


@op
def argmin(data: NDArray, axis: int | None = None, keepdims: bool = False) -> NDArray:
    """Return the place of the smallest element, the first if there are several, as float.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argmin(nd.array([[1, 5], [7, 2]]), axis=1).asnumpy()
    array([0., 1.], dtype=float32)
    """
    return _f.arg("argmin", data, axis, keepdims)


@op
def argmax_channel(data: NDArray) -> NDArray:
    """Return the place of the largest element along the second axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argmax_channel(nd.array([[1, 5], [7, 2]])).asnumpy()
    array([1., 0.], dtype=float32)
    """
    return _f.arg("argmax", data, 1)


@op
def norm(
    data: NDArray, ord: int = 2, axis: Any = None, out_dtype: Any = None, keepdims: bool = False
) -> NDArray:
    """Return the Euclidean norm (ord=2) or the sum of absolute values (ord=1).

    Parameters
    ----------
    data : NDArray
    ord : 1 or 2
    axis : int or tuple of int, optional
        All elements count if left out.
    out_dtype : dtype or str, optional
        What to compute in.
    keepdims : bool

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.norm(nd.array([3, 4])).asnumpy()
    array([5.], dtype=float32)
    """
    if ord not in (1, 2):
        raise MXNetError(f"norm: ord is 1 or 2, not {ord!r}")
    return _f.norm(_f.as_dtype(data, out_dtype), ord, axis, keepdims)


@op
def moments(data: NDArray, axes: Any = None, keepdims: bool = False) -> list[NDArray]:
    """Return the mean and the variance over axes.

    Examples
    --------
    >>> from microlazy import nd
    >>> mean, var = nd.moments(nd.array([[1, 2], [3, 4]]), axes=(0,))
    >>> mean.asnumpy(), var.asnumpy()
    (array([2., 3.], dtype=float32), array([1., 1.], dtype=float32))
    """
    return [_f.reduction("mean", data, axes, keepdims), _f.var(data, axes, 0, keepdims)]


@op
def cumsum(a: NDArray, axis: int | None = None, dtype: Any = None) -> NDArray:
    """Return the running sums along an axis, or over all elements in order.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.cumsum(nd.array([[1, 2], [3, 4]]), axis=1).asnumpy()
    array([[1., 3.],
           [3., 7.]], dtype=float32)
    """
    return _f.cumsum(a, axis, dtype)


def _all_finite(*arrays: numpy.ndarray) -> numpy.ndarray:
    return numpy.array([all(numpy.isfinite(array).all() for array in arrays)], "float32")


def _one_number(*arrays: NDArray) -> tuple[tuple[int, ...], Any]:
    return (1,), numpy.float32


@op
def all_finite(data: NDArray, init_output: bool = True) -> NDArray:
    """Return 1 if no element is infinite or nan, else 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.all_finite(nd.array([1, float("inf")])).asnumpy()
    array([0.], dtype=float32)
    """
    if not init_output:
        raise MXNetError("all_finite: init_output=False is not supported; combine results by *")
    return call(_all_finite, [_f.detach(data)], result=_one_number)


@op
def multi_all_finite(
    *data: NDArray, num_arrays: int | None = None, init_output: bool = True
) -> NDArray:
    """Return 1 if no element of any array is infinite or nan, else 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.multi_all_finite(nd.ones((2,)), nd.ones((3,)), num_arrays=2).asnumpy()
    array([1.], dtype=float32)
    """
    need_arrays(data, num_arrays)
    if not init_output:
        raise MXNetError("multi_all_finite: init_output=False is not supported")
    return call(_all_finite, [_f.detach(x) for x in data], result=_one_number)


@op
def multi_sum_sq(*data: NDArray, num_arrays: int | None = None) -> NDArray:
    """Return the sum of squares of each array.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.multi_sum_sq(nd.array([1, 2]), nd.array([3]), num_arrays=2).asnumpy()
    array([5., 9.], dtype=float32)
    """
    need_arrays(data, num_arrays)
    return _f.concatenate([_f.reduction("sum", _f.unary_op("square", x)) for x in data])
