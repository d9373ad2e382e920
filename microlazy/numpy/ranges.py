"""Numbers in a row, grids of coordinates, and the windows of signal processing."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.context import Context
from microlazy.core import creation as _creation
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import NP, as_array, as_arrays, as_places, on_cpu
from microlazy.numpy.creation import steps
from microlazy.numpy.sorting import nonzero

__all__ = [
    "arange",
    "bartlett",
    "blackman",
    "diag_indices",
    "diag_indices_from",
    "eye",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "indices",
    "ix_",
    "kaiser",
    "linspace",
    "logspace",
    "mask_indices",
    "meshgrid",
    "tri",
    "tril_indices",
    "tril_indices_from",
    "triu_indices",
    "triu_indices_from",
    "vander",
]


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: Any = None,
    ctx: Context | None = None,
    *,
    device: Any = None,
) -> ndarray:
    """Make the numbers from start (0 if only one bound is given) to before stop.

    Examples
    --------
    >>> from microlazy import np
    >>> np.arange(3)
    array([0., 1., 2.])
    """
    if dtype is None and ctx is None and device is None:
        made = _creation.arange(start, stop, step)
        if made is not None:
            return made
    made = _f.from_numpy_result(NP, steps(start, stop, step), dtype)
    return _f.on_context(made, on_cpu(ctx, device))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    ctx: Context | None = None,
    *,
    device: Any = None,
) -> Any:
    """Make `num` numbers, evenly spaced from start to stop.

    Start and stop may be arrays: then there is one row of numbers for each of their elements, along
    `axis`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linspace(0, 1, 3)
    array([0. , 0.5, 1. ])
    """
    if endpoint is True and not retstep and dtype is None and ctx is None and device is None:
        made = _creation.linspace(start, stop, num)
        if made is not None:
            return made
    ctx = on_cpu(ctx, device)
    if isinstance(start, Tensor) or isinstance(stop, Tensor):
        return _between_arrays(start, stop, num, endpoint, retstep, dtype, axis)
    values, step = onp.linspace(start, stop, num, endpoint, retstep=True, axis=axis)
    result = _f.on_context(_f.from_numpy_result(NP, values, dtype), ctx)
    if not retstep:
        return result
    return result, float(step) if onp.ndim(step) == 0 else as_array(step)


def _between_arrays(
    start: Any, stop: Any, num: int, endpoint: bool, retstep: bool, dtype: Any, axis: int
) -> Any:
    start, stop = [_f.as_float(x) for x in as_arrays((start, stop))]
    step = (stop - start) / max(num - 1 if endpoint else num, 1)
    inner = num - 1 if endpoint and num > 1 else num
    numbers = _f.as_dtype(arange(inner), step.dtype)
    values = start + step * _f.reshape(numbers, (inner,) + (1,) * step.ndim)
    if inner < num:
        last = stop if stop.shape == step.shape else _f.broadcast_to(stop, step.shape)
        values = _f.concatenate([values, _f.expand_dims(last, 0)])  # exactly stop
    values = _f.as_dtype(values, dtype)
    if axis not in (0, -values.ndim):
        order = list(range(1, values.ndim))
        order.insert(axis if axis >= 0 else axis + values.ndim, 0)
        values = _f.transpose(values, order)
    return (values, step) if retstep else values


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: Any = None,
    axis: int = 0,
    ctx: Context | None = None,
) -> ndarray:
    """Make `num` numbers, evenly spaced on a logarithmic scale, from base**start to base**stop.

    Examples
    --------
    >>> from microlazy import np
    >>> np.logspace(0, 2, 3)
    array([  1.,  10., 100.])
    """
    if endpoint and dtype is None and ctx is None and axis == 0:
        made = _creation.powers(start, stop, num, base)
        if made is not None:
            return made
    ctx = on_cpu(ctx)
    if isinstance(start, Tensor) or isinstance(stop, Tensor):
        exponents = linspace(start, stop, num, endpoint, axis=axis)
        return _f.as_dtype(_f.binary_op("power", base, exponents), dtype)
    values = onp.logspace(start, stop, num, endpoint, base, axis=axis)
    return _f.on_context(_f.from_numpy_result(NP, values, dtype), ctx)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> ndarray:
    """Make `num` numbers, each the same multiple of the one before, from start to stop.

    Examples
    --------
    >>> from microlazy import np
    >>> np.geomspace(1, 8, 4)
    array([1., 2., 4., 8.])
    """
    if endpoint and dtype is None and axis == 0:
        made = _creation.geometric(start, stop, num)
        if made is not None:
            return made
    values = onp.geomspace(onp.asarray(start), onp.asarray(stop), num, endpoint, axis=axis)
    return _f.from_numpy_result(NP, values, dtype)


# ---- matrices ------------------------------------------------------------------------------------


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: Any = None,
    ctx: Context | None = None,
    *,
    device: Any = None,
) -> ndarray:
    """Make a matrix with ones on its k-th diagonal.

    Examples
    --------
    >>> from microlazy import np
    >>> np.eye(2)
    array([[1., 0.],
           [0., 1.]])
    """
    if dtype is None and ctx is None and device is None:
        made = _creation.on_diagonals(N, N if M is None else M, k, False)
        if made is not None:
            return made
    ctx = on_cpu(ctx, device)
    return _f.on_context(_f.from_numpy_result(NP, onp.eye(N, M, k), dtype), ctx)


def identity(n: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Make the identity matrix.

    Examples
    --------
    >>> from microlazy import np
    >>> np.identity(1)
    array([[1.]])
    """
    return eye(n, dtype=dtype, ctx=ctx)


def tri(
    N: int, M: int | None = None, k: int = 0, dtype: Any = None, ctx: Context | None = None
) -> ndarray:
    """Make a matrix with ones on and below its k-th diagonal.

    Examples
    --------
    >>> from microlazy import np
    >>> np.tri(2, 3)
    array([[1., 0., 0.],
           [1., 1., 0.]])
    """
    if dtype is None and ctx is None:
        made = _creation.on_diagonals(N, N if M is None else M, k, True)
        if made is not None:
            return made
    return _f.on_context(_f.from_numpy_result(NP, onp.tri(N, M, k), dtype), on_cpu(ctx))


def vander(x: ndarray, N: int | None = None, increasing: bool = False) -> ndarray:
    """Return the powers of a vector's elements as columns, the highest first.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vander(np.array([2, 3]), 3)
    array([[4., 2., 1.],
           [9., 3., 1.]])
    """
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError(f"vander: x must have one axis, not {x.ndim}")
    if x.dtype.kind != "f":
        x = _f.as_dtype(x, "int64")  # as NumPy: powers soon leave a small dtype
    count = len(x) if N is None else operator.index(N)
    if count < 1:
        return _f.new_array(NP, (len(x), 0), x.dtype)
    first = _f.new_array(NP, (len(x), 1), x.dtype, 1)
    factors = _f.broadcast_to(_f.expand_dims(x, 1), (len(x), count - 1))
    powers = _f.cumprod(_f.concatenate([first, factors], axis=1), 1)
    return powers if increasing else _f.flip(powers, 1)


# ---- coordinates ---------------------------------------------------------------------------------


def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> list[ndarray]:
    """Make coordinate matrices from coordinate vectors.

    Parameters
    ----------
    *xi : ndarray
        One vector for each axis.
    copy : bool
        Whether each result has memory of its own; always so unless sparse.
    sparse : bool
        Leave axes along which nothing changes at size 1.
    indexing : {"xy", "ij"}
        "xy" exchanges the first two axes, as for pictures.

    Examples
    --------
    >>> from microlazy import np
    >>> np.meshgrid(np.array([1, 2, 3]), np.array([5, 6]))
    [array([[1., 2., 3.],
           [1., 2., 3.]]), array([[5., 5., 5.],
           [6., 6., 6.]])]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    vectors = as_arrays(xi)
    places = list(range(len(vectors)))
    if indexing == "xy" and len(places) > 1:
        places[:2] = [1, 0]
    n = len(vectors)
    shape, thin = [1] * n, []
    for x, place in zip(vectors, places, strict=True):
        own = [1] * n
        own[place] = shape[place] = x.size
        thin.append(_f.reshape(x, own))
    if sparse:
        return [x.copy() for x in thin] if copy else thin
    return [_f.broadcast_to(x, shape) for x in thin]


def indices(
    dimensions: Any, dtype: Any = "int32", ctx: Context | None = None, sparse: bool = False
) -> Any:
    """Make the coordinates of each element of a grid: one array for each axis, stacked.

    With `sparse`, a tuple of arrays in which only the own axis has its full size.

    Examples
    --------
    >>> from microlazy import np
    >>> np.indices((2, 2))[0]
    array([[0, 0],
           [1, 1]], dtype=int32)
    """
    if dtype == "int32" and ctx is None and not sparse:
        made = _creation.grid(dimensions)
        if made is not None:
            return made
    on_cpu(ctx)
    if sparse:
        grid = onp.indices(dimensions, sparse=True)
        return _f.on_context(tuple([_f.from_numpy_result(NP, part, dtype) for part in grid]), ctx)
    return _f.on_context(_f.from_numpy_result(NP, onp.indices(dimensions), dtype), ctx)


def ix_(*args: Any) -> tuple[ndarray, ...]:
    """Make an index that picks rows, columns and so on together, from one vector for each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.arange(6).reshape(2, 3)
    >>> x[np.ix_([0, 1], [0, 2])]
    array([[0., 2.],
           [3., 5.]])
    """
    made = _f.open_grid(args)
    if made is not None:
        return made
    vectors = [x if isinstance(x, Tensor) else onp.asarray(x) for x in args]
    vectors = [as_places(onp.flatnonzero(x) if x.dtype == bool else x) for x in vectors]
    return tuple(meshgrid(*vectors, copy=False, sparse=True, indexing="ij"))


def _on_diagonal(n: Any, ndim: Any = 2) -> tuple[ndarray, ...] | None:
    return _creation.diagonal_places(n, ndim)


def _in_triangle(upper: bool) -> Callable[..., Any]:
    def quick(n: Any, k: Any = 0, m: Any = None) -> tuple[ndarray, ...] | None:
        m = n if m is None else m
        if type(n) is not int or type(k) is not int or type(m) is not int or min(n, m) < 0:
            return None
        return nonzero(_creation.triangle_mask(n, m, k, upper, NP))

    return quick


def _coordinates(
    function: Callable[..., Any], quick: Callable[..., Any], summary: str, call: str, result: str
) -> Any:
    """A function of NumPy's; `quick` gives None for arguments that are not usual."""

    def places(*args: Any, **options: Any) -> tuple[ndarray, ...]:
        found = quick(*args, **options)
        if found is not None:
            return found
        values = function(*args, **options)
        return tuple([_f.from_numpy_result(NP, part, "int64") for part in values])

    name = function.__name__
    places.__name__ = places.__qualname__ = name
    places.__doc__ = f"""{summary}, as one int64 array for each axis.

    The arguments are those of `numpy.{name}`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{call}
    {result}
    """
    return places


def _of_shape(name: str, function: Callable[..., Any]) -> Any:
    """Make the `_from` form: sizes are taken from a matrix."""

    def places(arr: ndarray, k: int = 0) -> tuple[ndarray, ...]:
        if arr.ndim != 2:
            raise ValueError(f"{name}: the array must have 2 axes, not {arr.ndim}")
        return function(arr.shape[0], k, arr.shape[1])

    places.__name__ = places.__qualname__ = name
    places.__doc__ = f"""The places of `{name.removesuffix("_from")}` for a matrix of this shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.zeros((1, 1)))
    (array([0], dtype=int64), array([0], dtype=int64))
    """
    return places


diag_indices = _coordinates(
    onp.diag_indices,
    _on_diagonal,
    "The places of the diagonal of an n x n array",
    "diag_indices(2)",
    "(array([0, 1], dtype=int64), array([0, 1], dtype=int64))",
)
tril_indices = _coordinates(
    onp.tril_indices,
    _in_triangle(False),
    "The places on and below the k-th diagonal of an n x m matrix",
    "tril_indices(2)",
    "(array([0, 1, 1], dtype=int64), array([0, 0, 1], dtype=int64))",
)
triu_indices = _coordinates(
    onp.triu_indices,
    _in_triangle(True),
    "The places on and above the k-th diagonal of an n x m matrix",
    "triu_indices(2)",
    "(array([0, 0, 1], dtype=int64), array([0, 1, 1], dtype=int64))",
)
tril_indices_from = _of_shape("tril_indices_from", tril_indices)
triu_indices_from = _of_shape("triu_indices_from", triu_indices)


def diag_indices_from(arr: ndarray) -> tuple[ndarray, ...]:
    """The places of the diagonal of an array whose axes are all of one size.

    Examples
    --------
    >>> from microlazy import np
    >>> np.diag_indices_from(np.zeros((1, 1)))
    (array([0], dtype=int64), array([0], dtype=int64))
    """
    if arr.ndim < 2 or len(set(arr.shape)) > 1:
        raise ValueError(
            f"diag_indices_from: the array must have at least 2 axes, all of one size; its shape "
            f"is {arr.shape}"
        )
    return diag_indices(arr.shape[0], arr.ndim)


def mask_indices(n: int, mask_func: Callable[..., ndarray], k: int = 0) -> tuple[ndarray, ...]:
    """The places that a function such as `np.triu` leaves in an n x n matrix of ones.

    Examples
    --------
    >>> from microlazy import np
    >>> np.mask_indices(2, np.tril)
    (array([0, 1, 1], dtype=int64), array([0, 0, 1], dtype=int64))
    """
    return nonzero(mask_func(_f.new_array(NP, (n, n), None, 1), k))


# ---- windows -------------------------------------------------------------------------------------

_WINDOW_DOC = """{summary}.

    Parameters
    ----------
    M : int
        Number of points.
    dtype : dtype or str, optional
        float32 by default.
    ctx : Context, optional

    Examples
    --------
    >>> from microlazy import np
    >>> np.{call}
    {result}
    """


def _window(function: Callable[..., Any], summary: str, result: str) -> Any:
    def window(M: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
        if dtype is None and ctx is None:
            made = _creation.window(name, M)
            if made is not None:
                return made
        return _f.on_context(_f.from_numpy_result(NP, function(M), dtype), on_cpu(ctx))

    name = function.__name__
    window.__name__ = window.__qualname__ = name
    window.__doc__ = _WINDOW_DOC.format(summary=summary, call=f"{name}(5).round(2)", result=result)
    return window


bartlett = _window(
    onp.bartlett, "The triangular window that is 0 at both ends", "array([0. , 0.5, 1. , 0.5, 0. ])"
)
blackman = _window(
    onp.blackman,
    "The Blackman window: three cosine terms",
    "array([-0.  ,  0.34,  1.  ,  0.34, -0.  ])",
)
hamming = _window(
    onp.hamming,
    "The Hamming window: a raised cosine that does not reach 0",
    "array([0.08, 0.54, 1.  , 0.54, 0.08])",
)
hanning = _window(
    onp.hanning,
    "The Hann window: a raised cosine that is 0 at both ends",
    "array([0. , 0.5, 1. , 0.5, 0. ])",
)


def kaiser(M: int, beta: float, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """The Kaiser window, made of Bessel functions; `beta` says how narrow it is.

    Examples
    --------
    >>> from microlazy import np
    >>> np.kaiser(3, 0)
    array([1., 1., 1.])
    """
    return _f.on_context(_f.from_numpy_result(NP, onp.kaiser(M, beta), dtype), on_cpu(ctx))
