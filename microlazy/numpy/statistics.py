"""Sums, means, extremes, running sums and covariance."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import places
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import as_array

__all__ = [
    "all",
    "alltrue",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "average",
    "corrcoef",
    "count_nonzero",
    "cov",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "max",
    "mean",
    "min",
    "prod",
    "product",
    "ptp",
    "sometrue",
    "std",
    "sum",
    "var",
]

_DOC = """{summary} over all axes, or those named.

    Parameters
    ----------
    a : ndarray
    axis : int or tuple of int, optional
    {dtype}out : ndarray, optional
    keepdims : bool
        Keep reduced axes, with size 1.
    {initial}where : ndarray of bool, optional
        Which elements count; broadcast to the shape of `a`.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([[1, 2], [3, 4]]), axis=1)
    array({result})
    """
_DTYPE = "dtype : dtype or str, optional\n        What to compute in.\n    "
_INITIAL = "initial : float, optional\n        What to begin with.\n    "


def _finish(result: ndarray, out: ndarray | None) -> ndarray:
    return result if out is None else _f.write_into(out, result)


def _mask(where: Any, a: ndarray) -> ndarray:
    """`where` as an array of a's shape."""
    if not isinstance(where, Tensor):
        where = _f.to_array(1, where, "bool")
    return _f.broadcast_to(where, a.shape)


def _total(name: str, summary: str, result: str, neutral: float) -> Callable[..., ndarray]:
    def function(
        a: ndarray,
        axis: Any = None,
        dtype: Any = None,
        out: ndarray | None = None,
        keepdims: bool = False,
        initial: float | None = None,
        where: Any = None,
    ) -> ndarray:
        a = as_array(a)
        if dtype is not None:
            a = _f.as_dtype(a, dtype)
        if where is not None:
            a = _f.where(_mask(where, a), a, neutral)
        total = _f.reduction(name, a, axis, keepdims)
        if dtype is not None and total.dtype != a.dtype:
            total = _f.as_dtype(total, a.dtype)
        if initial is not None:
            total = total * initial if neutral else total + initial
        return total if out is None else _f.write_into(out, total)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(
        summary=summary, dtype=_DTYPE, initial=_INITIAL, name=name, result=result
    )
    return function


sum = _total("sum", "The sum", "[3., 7.]", 0)
prod = _total("prod", "The product", "[ 2., 12.]", 1)


def _extreme(name: str, summary: str, result: str, nearer: str) -> Callable[..., ndarray]:
    def function(
        a: ndarray,
        axis: Any = None,
        out: ndarray | None = None,
        keepdims: bool = False,
        initial: float | None = None,
        where: Any = None,
    ) -> ndarray:
        a = as_array(a)
        if where is not None:
            if initial is None:
                raise ValueError(f"{name}: `where` needs `initial`, for where nothing is chosen")
            a = _f.where(_mask(where, a), a, initial)
        if initial is None:
            found = _f.reduction(name, a, axis, keepdims)
        elif a.size == 0:
            found = _f.reduction("sum", a, axis, keepdims) + initial
        else:
            found = _f.binary_op(nearer, _f.reduction(name, a, axis, keepdims), initial)
        return found if out is None else _f.write_into(out, found)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(
        summary=summary, dtype="", initial=_INITIAL, name=name, result=result
    )
    return function


max = _extreme("max", "The largest element", "[2., 4.]", "maximum")
min = _extreme("min", "The smallest element", "[1., 3.]", "minimum")
amax, amin, product = max, min, prod


def ptp(
    a: ndarray, axis: Any = None, out: ndarray | None = None, keepdims: bool = False
) -> ndarray:
    """Return the distance from the smallest to the largest element.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ptp(np.array([[1, 5], [2, 3]]), axis=1)
    array([4., 1.])
    """
    a = as_array(a)
    return _finish(max(a, axis, None, keepdims) - min(a, axis, None, keepdims), out)


def mean(
    a: ndarray,
    axis: Any = None,
    dtype: Any = None,
    out: ndarray | None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> ndarray:
    a = as_array(a)
    if dtype is not None:
        a = _f.as_dtype(a, dtype)
    if where is None:
        result = _f.reduction("mean", a, axis, keepdims)
    else:
        mask = _mask(where, a)
        count = _f.reduction("sum", mask, axis, keepdims)
        chosen = _f.where(mask, a if a.dtype.kind == "f" else _f.as_dtype(a, "float32"), 0)
        result = _f.reduction("sum", chosen, axis, keepdims) / count
    result = _f.as_dtype(result, dtype)
    return result if out is None else _f.write_into(out, result)


mean.__doc__ = _DOC.format(
    summary="The mean", dtype=_DTYPE, initial="", name="mean", result="[1.5, 3.5]"
)


def _variance(
    a: ndarray,
    axis: Any,
    dtype: Any,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean_: ndarray | None,
    correction: float | None,
) -> ndarray:
    if correction is not None:
        if ddof:
            raise ValueError("ddof and correction are two names of one number; give one")
        ddof = correction
    if dtype is not None:
        a = _f.as_dtype(a, dtype)
    if where is None and mean_ is None:
        return _f.var(a, axis, ddof, keepdims)
    mask = _mask(True if where is None else where, a)
    count = _f.reduction("sum", mask, axis, keepdims)
    a = _f.where(mask, a, 0)  # before squaring: what is left out may be nan, and so its gradient
    if mean_ is None:
        mean_ = mean(a, axis, keepdims=True, where=mask)
    squares = _f.where(mask, _f.unary_op("square", a - mean_), 0)
    return _f.reduction("sum", squares, axis, keepdims) / _f.clip(count - ddof, 0)


def _deviation(name: str, summary: str, root: bool) -> Callable[..., ndarray]:
    def function(
        a: ndarray,
        axis: Any = None,
        dtype: Any = None,
        out: ndarray | None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = None,
        mean: ndarray | None = None,
        correction: float | None = None,
    ) -> ndarray:
        result = _variance(as_array(a), axis, dtype, ddof, keepdims, where, mean, correction)
        if root:
            result = _f.root_of_variance(result)
        return result if out is None else _f.write_into(out, result)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary} over all axes, or those named.

    Parameters
    ----------
    a : ndarray
    axis : int or tuple of int, optional
    dtype : dtype or str, optional
        What to compute in.
    out : ndarray, optional
    ddof : float
        The sum of squares is divided by the number of elements less this.
    keepdims : bool
    where : ndarray of bool, optional
        Which elements count.
    mean : ndarray, optional
        The mean, if it is known already, with its axes kept.
    correction : float, optional
        Another name of `ddof`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([1, 3]))
    array(1.)
    """
    return function


var = _deviation("var", "The variance", False)
std = _deviation("std", "The standard deviation", True)


def average(
    a: ndarray,
    axis: Any = None,
    weights: ndarray | None = None,
    returned: bool = False,
    out: ndarray | None = None,
    *,
    keepdims: bool = False,
) -> ndarray | tuple[ndarray, ndarray]:
    """Return the mean, each element counting by its weight.

    Parameters
    ----------
    a : ndarray
    axis : int or tuple of int, optional
    weights : ndarray, optional
        Of the shape of `a`, or of its size along `axis`.
    returned : bool
        Return the sums of the weights as well.
    out : ndarray, optional
    keepdims : bool

    Examples
    --------
    >>> from microlazy import np
    >>> np.average(np.array([1, 2]), weights=np.array([3, 1]))
    array(1.25)
    """
    a = as_array(a)
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        total = result * 0 + a.size / onp.maximum(result.size, 1)
    else:
        weights = spread_weights("average", as_array(weights), a, axis)
        total = sum(weights, axis, keepdims=keepdims)
        result = sum(a * weights, axis, keepdims=keepdims) / total
    result = _finish(result, out)
    return (result, total) if returned else result


def spread_weights(name: str, weights: ndarray, a: ndarray, axis: Any) -> ndarray:
    """Return weights of some axes of `a`, broadcast to its shape.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.numpy.statistics import spread_weights
    >>> spread_weights("average", np.array([1, 2]), np.zeros((2, 2)), 0)
    array([[1., 1.],
           [2., 2.]])
    """
    if weights.shape == a.shape:
        return weights
    axes = onp.lib.array_utils.normalize_axis_tuple(range(a.ndim) if axis is None else axis, a.ndim)
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError(
            f"{name}: weights of shape {weights.shape} do not fit axis={axis} of shape {a.shape}"
        )
    weights = _f.transpose(weights, onp.argsort(axes).tolist())
    shape = tuple(n if i in axes else 1 for i, n in enumerate(a.shape))
    return _f.broadcast_to(_f.reshape(weights, shape), a.shape)


# ---- places and counts ---------------------------------------------------------------------------


def _place(name: str, summary: str, row: str, result: str) -> Callable[..., ndarray]:
    def function(
        a: ndarray, axis: int | None = None, out: ndarray | None = None, *, keepdims: bool = False
    ) -> ndarray:
        return _finish(_f.arg(name, as_array(a), axis, keepdims), out)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return the place of the {summary}, as int64: the first of several.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array({row}))
    array({result}, dtype=int64)
    """
    return function


argmax = _place("argmax", "largest element", "[1, 5, 2]", "1")
argmin = _place("argmin", "smallest element", "[1, 5, 0]", "2")


def _truth(name: str, summary: str, result: str, neutral: bool) -> Callable[..., ndarray]:
    def function(
        a: ndarray,
        axis: Any = None,
        out: ndarray | None = None,
        keepdims: bool = False,
        *,
        where: Any = None,
    ) -> ndarray:
        a = as_array(a)
        if where is not None:
            a = _f.where(_mask(where, a), a != 0, neutral)
        return _finish(_f.truth(name, a, axis, keepdims), out)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Say whether {summary} is true.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([1, 0]))
    array({result})
    """
    return function


all = _truth("all", "every element", "False", True)
any = _truth("any", "some element", "True", False)
alltrue, sometrue = all, any


def count_nonzero(a: ndarray, axis: Any = None, *, keepdims: bool = False) -> ndarray:
    """Return how many elements are not 0, as int64.

    Examples
    --------
    >>> from microlazy import np
    >>> np.count_nonzero(np.array([[1, 0], [2, 3]]), axis=0)
    array([2, 1], dtype=int64)
    """
    counts = places.count_along(a, axis, keepdims)
    if counts is not None:
        return counts
    options = {"axis": axis, "keepdims": keepdims}
    return call(onp.count_nonzero, [as_array(a)], options, dtype="int64")


# ---- running sums --------------------------------------------------------------------------------


def cumsum(
    a: ndarray, axis: int | None = None, dtype: Any = None, out: ndarray | None = None
) -> ndarray:
    """Return running sums along an axis, or over all elements in order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.cumsum(np.array([1, 2, 3]))
    array([1., 3., 6.])
    """
    a = as_array(a)
    return _finish(_f.cumsum(a, _running_axis(a, axis), dtype), out)


def _running_axis(a: ndarray, axis: int | None) -> int | None:
    """The axis to run along; a number counts as a vector of one, as in NumPy."""
    return None if a.ndim == 0 and axis in (0, -1) else axis


def cumprod(
    a: ndarray, axis: int | None = None, dtype: Any = None, out: ndarray | None = None
) -> ndarray:
    """Return running products along an axis, or over all elements in order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.cumprod(np.array([1, 2, 3]))
    array([1., 2., 6.])
    """
    a = as_array(a)
    return _finish(_f.cumprod(a, _running_axis(a, axis), dtype), out)


def _cumulative(
    name: str, function: Callable[..., ndarray], initial: float, result: str
) -> Callable[..., ndarray]:
    def cumulative(
        x: ndarray,
        /,
        *,
        axis: int | None = None,
        dtype: Any = None,
        out: ndarray | None = None,
        include_initial: bool = False,
    ) -> ndarray:
        x = as_array(x)
        if axis is None:
            if x.ndim != 1:
                raise ValueError(f"cumulative_{name}: {x.ndim} dimensions need an axis")
            axis = 0
        running = function(x, axis, dtype)
        if include_initial:
            axis = onp.lib.array_utils.normalize_axis_index(axis, x.ndim)
            shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
            first = _f.new_array(1, shape, running.dtype, initial)
            running = _f.concatenate([first, running], axis)
        return _finish(running, out)

    cumulative.__name__ = cumulative.__qualname__ = f"cumulative_{name}"
    cumulative.__doc__ = f"""Return running {name}s along an axis; a vector may leave it out.

    With `include_initial` there is {initial:.0f} before them.

    Examples
    --------
    >>> from microlazy import np
    >>> np.cumulative_{name}(np.array([1, 2, 3]), include_initial=True)
    array({result})
    """
    return cumulative


cumulative_sum = _cumulative("sum", cumsum, 0, "[0., 1., 3., 6.]")
cumulative_prod = _cumulative("prod", cumprod, 1, "[1., 1., 2., 6.]")


# ---- covariance ----------------------------------------------------------------------------------


def cov(
    m: ndarray,
    y: ndarray | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: ndarray | None = None,
    aweights: ndarray | None = None,
    *,
    dtype: Any = None,
) -> ndarray:
    """Return the matrix of covariances of variables.

    Parameters
    ----------
    m : ndarray
        A variable for each row, an observation for each column.
    y : ndarray, optional
        More variables.
    rowvar : bool
        False if the variables are the columns.
    bias : bool
        Divide by the number of observations N rather than by N - 1.
    ddof : int, optional
        Divide by N - ddof.
    fweights, aweights : ndarray, optional
        How often each observation was made, and how much each is worth.
    dtype : dtype or str, optional

    Examples
    --------
    >>> from microlazy import np
    >>> np.cov(np.array([[0, 1, 2], [2, 1, 0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    rows = _rows(as_array(m), rowvar, dtype)
    if y is not None:
        rows = _f.concatenate([rows, _rows(as_array(y), rowvar, dtype)], 0)
    if ddof is None:
        ddof = 0 if bias else 1
    fweights, aweights = (w if w is None else as_array(w) for w in (fweights, aweights))
    weights = _observation_weights(fweights, aweights, rows)
    if weights is None:
        total: Any = float(rows.shape[1])
        factor: Any = float(onp.maximum(total - ddof, 0))
        if factor == 0:
            warnings.warn("cov: there are no degrees of freedom", RuntimeWarning, stacklevel=2)
        center = _f.reduction("mean", rows, 1, True)
        weighted = centered = rows - center
    else:
        total = sum(weights)
        factor = total - ddof
        if ddof and aweights is not None:
            factor = total - ddof * sum(weights * _f.as_dtype(aweights, rows.dtype)) / total
        factor = _f.clip(factor, 0)
        center = sum(rows * weights, 1, keepdims=True) / total
        centered = rows - center
        weighted = centered * weights
    result = _f.matmul(weighted, _f.transpose(centered)) / factor
    return _f.squeeze(result)


def _rows(m: ndarray, rowvar: bool, dtype: Any) -> ndarray:
    if m.ndim > 2:
        raise ValueError(f"cov: expected a vector or a matrix, not shape {m.shape}")
    m = _f.as_dtype(m, dtype if dtype is not None or m.dtype.kind == "f" else "float32")
    if m.ndim < 2:
        return _f.reshape(m, (1, -1))
    return m if rowvar or m.shape[0] == 1 else _f.transpose(m)


def _observation_weights(
    fweights: ndarray | None, aweights: ndarray | None, rows: ndarray
) -> ndarray | None:
    weights = None
    for given in (fweights, aweights):
        if given is not None:
            if given.shape != rows.shape[1:]:
                raise ValueError(
                    f"cov: weights of shape {given.shape} for {rows.shape[1]} observations"
                )
            given = _f.as_dtype(given, rows.dtype)
            weights = given if weights is None else weights * given
    return weights


def corrcoef(
    x: ndarray, y: ndarray | None = None, rowvar: bool = True, *, dtype: Any = None
) -> ndarray:
    """Return the matrix of Pearson's correlations of variables; see `cov`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.corrcoef(np.array([[0, 1, 2], [4, 2, 0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    n = c.shape[0]
    scale = _f.unary_op("rsqrt", c[onp.arange(n), onp.arange(n)])
    result = c * _f.reshape(scale, (-1, 1)) * _f.reshape(scale, (1, -1))
    return _f.clip(result, -1.0, 1.0)
