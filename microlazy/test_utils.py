"""`mx.test_utils`: what tests of MXNet programs compare arrays and make random ones with.

Random shapes and values come from NumPy's global generator: `numpy.random.seed` repeats them.
"""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy

from microlazy import autograd
from microlazy._late import is_symbol
from microlazy.base import MXNetError, data_dir
from microlazy.context import Context, current_context, num_gpus
from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor
from microlazy.gluon import utils as _utils
from microlazy.util import is_np_array

__all__ = [
    "almost_equal",
    "assert_allclose",
    "assert_almost_equal",
    "assert_almost_equal_ignore_nan",
    "assert_almost_equal_with_err",
    "assert_exception",
    "check_gluon_hybridize_consistency",
    "check_numeric_gradient",
    "collapse_sum_like",
    "compare_ndarray_tuple",
    "create_2d_tensor",
    "create_vector",
    "default_atols",
    "default_context",
    "default_dtype",
    "default_numeric_eps",
    "default_rtols",
    "download",
    "environment",
    "get_atol",
    "get_etol",
    "get_mnist",
    "get_rtol",
    "get_tols",
    "list_gpus",
    "np_reduce",
    "rand_coord_2d",
    "rand_ndarray",
    "rand_shape_2d",
    "rand_shape_3d",
    "rand_shape_nd",
    "random_arrays",
    "random_sample",
    "random_uniform_arrays",
    "retry",
    "same",
    "same_array",
    "set_default_context",
]

Array = numpy.ndarray
Tolerance = float | dict[Any, float] | None

# Relative and absolute tolerance, and the step of a central difference; whole numbers have none.
_TOLERANCES = {
    "float16": (1e-2, 1e-1, 1 / 2**6),
    "float32": (1e-4, 1e-3, 1 / 2**9),
    "float64": (1e-5, 1e-20, 1 / 2**14),
}
_WHOLE = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


# ---- contexts and defaults -----------------------------------------------------------------------


def list_gpus() -> Sequence[int]:
    """Return the numbers of the GPUs: none.

    Examples
    --------
    >>> from microlazy.test_utils import list_gpus
    >>> list(list_gpus())
    []
    """
    return range(num_gpus())


def default_context() -> Context:
    """Return the current context.

    Examples
    --------
    >>> from microlazy.test_utils import default_context
    >>> default_context()
    cpu(0)
    """
    return current_context()


def set_default_context(ctx: Context) -> None:
    """Make a context this thread's current one, outside of any `with`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.test_utils.set_default_context(mx.cpu())
    """
    if not isinstance(ctx, Context):
        raise TypeError(f"set_default_context: expected a Context such as cpu(), not {ctx!r}")
    ctx.__enter__()


def default_dtype() -> type:
    """Return float32."""
    return numpy.float32


def _by_dtype(place: int) -> dict[Any, float]:
    floats = {numpy.dtype(name): numbers[place] for name, numbers in _TOLERANCES.items()}
    return {**floats, **{numpy.dtype(name): 0.0 for name in _WHOLE}}


def default_rtols() -> dict[Any, float]:
    """Return the relative tolerance for each dtype.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.test_utils import default_rtols
    >>> default_rtols()[numpy.dtype("float32")]
    0.0001
    """
    return _by_dtype(0)


def default_atols() -> dict[Any, float]:
    """Return the absolute tolerance for each dtype."""
    return _by_dtype(1)


def default_numeric_eps() -> dict[Any, float]:
    """Return the step of a central difference for each dtype of floats."""
    return {numpy.dtype(name): numbers[2] for name, numbers in _TOLERANCES.items()}


def get_rtol(rtol: float | None = None, dtype: Any = numpy.float64) -> float:
    """Return a relative tolerance, or the default one of a dtype."""
    return default_rtols()[numpy.dtype(dtype)] if rtol is None else rtol


def get_atol(atol: float | None = None, dtype: Any = numpy.float64) -> float:
    """Return an absolute tolerance, or the default one of a dtype."""
    return default_atols()[numpy.dtype(dtype)] if atol is None else atol


def get_etol(etol: float | None = None) -> float:
    """Return which share of elements may differ: none by default."""
    return 0.0 if etol is None else etol


def get_tols(x: Any, y: Any, rtol: Tolerance, atol: Tolerance) -> tuple[float, float]:
    """Return the relative and absolute tolerance for comparing two arrays.

    Parameters
    ----------
    x, y : arrays or numbers
    rtol, atol : float, dict or None
        One for all, one by dtype, or the wider of the two dtypes' default.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.test_utils import get_tols
    >>> get_tols(nd.ones((1,)), nd.ones((1,), dtype="float64"), None, None)
    (0.0001, 0.001)
    """
    dtypes = [
        numpy.dtype(getattr(value, "dtype", None) or _numbers(value).dtype) for value in (x, y)
    ]

    def wider(given: Tolerance, default: dict[Any, float]) -> float:
        if isinstance(given, (int, float)):
            return given
        return max({**default, **(given or {})}[dtype] for dtype in dtypes)

    return wider(rtol, default_rtols()), wider(atol, default_atols())


# ---- comparing -----------------------------------------------------------------------------------


def _numbers(value: Any) -> Array:
    return value.asnumpy() if isinstance(value, Tensor) else numpy.asarray(value)


def same(a: Any, b: Any) -> bool:
    """Say whether two arrays have the same shape and elements.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.test_utils import same
    >>> same(nd.ones((2,)), nd.ones((2,))), same(nd.ones((2,)), nd.ones((1,)))
    (True, False)
    """
    return numpy.array_equal(_numbers(a), _numbers(b))


def same_array(array1: Tensor, array2: Tensor) -> bool:
    """Say whether two arrays look at the same elements in memory.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.test_utils import same_array
    >>> x = np.ones(4)
    >>> same_array(x, x.reshape(4)), same_array(x, x.copy())
    (True, False)
    """
    views = [numpy.asarray(array) for array in (array1, array2)]
    places = [(v.__array_interface__["data"][0], v.shape, v.strides) for v in views]
    return places[0] == places[1]


def almost_equal(
    a: Any,
    b: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    use_broadcast: bool = True,
) -> bool:
    """Say whether the elements of two arrays are near each other.

    Parameters
    ----------
    a, b : arrays
    rtol, atol : float, optional
        ``|a - b|`` may be ``atol + rtol * |b|``; by default the tolerances of float64.
    equal_nan : bool
        Whether nan equals nan.
    use_broadcast : bool
        Whether shapes may be broadcast to each other.

    Examples
    --------
    >>> from microlazy.test_utils import almost_equal
    >>> almost_equal([1.0], [1.000001]), almost_equal([1.0], [1.1])
    (True, False)
    """
    first, second = _numbers(a), _numbers(b)
    if not use_broadcast:
        _check_shapes(first, second)
    tolerances = {"rtol": get_rtol(rtol), "atol": get_atol(atol)}
    return numpy.allclose(first, second, equal_nan=equal_nan, **tolerances)


def _check_shapes(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise AssertionError(f"a.shape = {a.shape} and b.shape = {b.shape} are not equal")


def assert_almost_equal(
    a: Any,
    b: Any,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    names: Sequence[str] = ("a", "b"),
    equal_nan: bool = False,
    use_broadcast: bool = True,
    mismatches: tuple[int, int] = (10, 10),
) -> None:
    """Raise AssertionError, naming the worst elements, unless two arrays are near each other.

    Parameters
    ----------
    a, b : arrays
    rtol, atol : float, dict by dtype, or None
        See `get_tols`.
    names : two texts
        What the arrays are called in the message.
    equal_nan, use_broadcast : bool
        As for `almost_equal`.
    mismatches : (int, int)
        How many elements the message lists; the second number is not used.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.test_utils import assert_almost_equal
    >>> assert_almost_equal(nd.ones((2,)), nd.array([1, 2]))
    Traceback (most recent call last):
    AssertionError: 1 of 2 elements (50%) are further apart than rtol=0.0001, atol=0.001 allow
      at (1,): a=1.0, b=2.0
    """
    relative, absolute = get_tols(a, b, rtol, atol)
    _assert_near(a, b, relative, absolute, names, equal_nan, use_broadcast, mismatches[0], 0.0)


def _assert_near(
    a: Any,
    b: Any,
    rtol: float,
    atol: float,
    names: Sequence[str],
    equal_nan: bool,
    use_broadcast: bool,
    listed: int,
    allowed: float,
) -> None:
    first, second = _numbers(a), _numbers(b)
    if not use_broadcast:
        _check_shapes(first, second)
    near = numpy.isclose(first, second, rtol, atol, equal_nan=equal_nan)
    wrong = near.size - int(near.sum())
    if wrong <= allowed * near.size:
        return
    first, second = numpy.broadcast_arrays(first, second)
    with numpy.errstate(all="ignore"):
        wide = [x.astype("float64") for x in (first, second)]
        distance = abs(wide[0] - wide[1]) / (atol + rtol * abs(wide[1]) + 1e-20)
    distance = numpy.where(near, -1, numpy.nan_to_num(distance, nan=numpy.inf, posinf=numpy.inf))
    places = [
        tuple(int(i) for i in numpy.unravel_index(place, near.shape))
        for place in numpy.argsort(-distance, axis=None, kind="stable")[: min(wrong, listed)]
    ]
    lines = [
        f"  at {place}: {names[0]}={first[place].item()!r}, {names[1]}={second[place].item()!r}"
        for place in places
    ]
    raise AssertionError(
        f"{wrong} of {near.size} elements ({100 * wrong / near.size:.3g}%) are further apart than "
        f"rtol={rtol:g}, atol={atol:g} allow\n" + "\n".join(lines)
    )


def assert_allclose(
    a: Any, b: Any, rtol: float = 1e-7, atol: float = 0.0, equal_nan: bool = True
) -> None:
    """Call `assert_almost_equal` with the tolerances of NumPy's function.

    Examples
    --------
    >>> from microlazy.test_utils import assert_allclose
    >>> assert_allclose([1.0], [1.0])
    """
    assert_almost_equal(a, b, rtol, atol, equal_nan=equal_nan)


def assert_almost_equal_with_err(
    a: Any,
    b: Any,
    rtol: float | None = None,
    atol: float | None = None,
    etol: float | None = None,
    names: Sequence[str] = ("a", "b"),
    equal_nan: bool = False,
    mismatches: tuple[int, int] = (10, 10),
) -> None:
    """Call `assert_almost_equal`, but let a share `etol` of the elements differ.

    Examples
    --------
    >>> from microlazy.test_utils import assert_almost_equal_with_err
    >>> assert_almost_equal_with_err([1.0, 2, 3, 4], [1.0, 2, 3, 5], etol=0.25)
    """
    relative, absolute = get_tols(a, b, rtol, atol)
    _assert_near(a, b, relative, absolute, names, equal_nan, True, mismatches[0], get_etol(etol))


def assert_almost_equal_ignore_nan(
    a: Any,
    b: Any,
    rtol: float | None = None,
    atol: float | None = None,
    names: Sequence[str] = ("a", "b"),
) -> None:
    """Call `assert_almost_equal` on the elements that are nan in neither array.

    Examples
    --------
    >>> from microlazy.test_utils import assert_almost_equal_ignore_nan
    >>> assert_almost_equal_ignore_nan([float("nan"), 1.0], [2.0, 1.0])
    """
    first, second = _numbers(a), _numbers(b)
    both = ~(numpy.isnan(first) | numpy.isnan(second))
    assert_almost_equal(
        numpy.where(both, first, 0), numpy.where(both, second, 0), rtol, atol, names
    )


def compare_ndarray_tuple(
    t1: Any, t2: Any, rtol: float | None = None, atol: float | None = None
) -> None:
    """Call `assert_almost_equal` on the arrays at equal places of two (nested) tuples; None skips.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.test_utils import compare_ndarray_tuple
    >>> compare_ndarray_tuple((nd.ones((1,)), None), (nd.ones((1,)), None))
    """
    if t1 is None or t2 is None:
        return
    if isinstance(t1, tuple):
        for one, other in zip(t1, t2, strict=True):
            compare_ndarray_tuple(one, other, rtol, atol)
    else:
        assert_almost_equal(t1, t2, rtol, atol)


def assert_exception(
    f: Callable[..., Any], exception_type: type[BaseException], *args: Any, **kwargs: Any
) -> None:
    """Raise AssertionError unless a call raises an exception of a type.

    Examples
    --------
    >>> from microlazy.test_utils import assert_exception
    >>> assert_exception(int, ValueError, "x")
    """
    try:
        f(*args, **kwargs)
    except exception_type:
        return
    raise AssertionError(f"no {exception_type.__name__} was raised")


def retry(n: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: call a random test again if it fails, n times at most in all.

    Examples
    --------
    >>> from microlazy.test_utils import retry
    >>> @retry(3)
    ... def test():
    ...     assert True
    >>> test()
    """
    if n < 1:
        raise ValueError(f"retry: n must be at least 1, not {n}")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for _ in range(n - 1):
                try:
                    return function(*args, **kwargs)
                except AssertionError:
                    continue
            return function(*args, **kwargs)

        return call

    return decorate


# ---- making --------------------------------------------------------------------------------------


def rand_shape_2d(dim0: int = 10, dim1: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """Return a random shape of two axes, each of a size up to a number.

    Examples
    --------
    >>> from microlazy.test_utils import rand_shape_2d
    >>> len(rand_shape_2d(3, 5))
    2
    """
    return _random_shape((dim0, dim1), allow_zero_size)


def rand_shape_3d(
    dim0: int = 10, dim1: int = 10, dim2: int = 10, allow_zero_size: bool = False
) -> tuple[int, ...]:
    """Return a random shape of three axes."""
    return _random_shape((dim0, dim1, dim2), allow_zero_size)


def rand_shape_nd(num_dim: int, dim: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """Return a random shape of `num_dim` axes."""
    return _random_shape((dim,) * num_dim, allow_zero_size)


def _random_shape(most: tuple[int, ...], allow_zero_size: bool) -> tuple[int, ...]:
    least = 0 if allow_zero_size else 1
    return tuple(int(numpy.random.randint(least, n + 1)) for n in most)


def rand_coord_2d(x_low: int, x_high: int, y_low: int, y_high: int) -> tuple[int, int]:
    """Return random whole numbers x and y, the upper limits excluded.

    Examples
    --------
    >>> from microlazy.test_utils import rand_coord_2d
    >>> rand_coord_2d(0, 1, 5, 6)
    (0, 5)
    """
    return int(numpy.random.randint(x_low, x_high)), int(numpy.random.randint(y_low, y_high))


def random_arrays(*shapes: tuple[int, ...]) -> Any:
    """Return normally distributed NumPy arrays of float32; one array for one shape, else a list.

    Examples
    --------
    >>> from microlazy.test_utils import random_arrays
    >>> [x.shape for x in random_arrays((2, 3), ())]
    [(2, 3), ()]
    """
    made: list[Array] = [
        numpy.asarray(numpy.random.randn(*shape), default_dtype()) for shape in shapes
    ]
    return made[0] if len(made) == 1 else made


def random_uniform_arrays(
    *shapes: tuple[int, ...], low: float = 0.0, high: float = 1.0, dtype: Any = numpy.float32
) -> list[Array]:
    """Return a list of uniformly distributed NumPy arrays.

    Examples
    --------
    >>> from microlazy.test_utils import random_uniform_arrays
    >>> random_uniform_arrays((2,), low=3, high=3)
    [array([3., 3.], dtype=float32)]
    """
    return [numpy.asarray(numpy.random.uniform(low, high, shape), dtype) for shape in shapes]


def random_sample(population: Sequence[Any], k: int) -> list[Any]:
    """Return k elements of a sequence in random order, none twice.

    Examples
    --------
    >>> from microlazy.test_utils import random_sample
    >>> sorted(random_sample([3, 1, 2], 3))
    [1, 2, 3]
    """
    if not 0 <= k <= len(population):
        raise ValueError(f"random_sample: k={k} of {len(population)} elements")
    return [population[i] for i in numpy.random.permutation(len(population))[:k]]


def rand_ndarray(
    shape: Any,
    stype: str = "default",
    density: float | None = None,
    dtype: Any = None,
    modifier_func: Callable[[float], float] | None = None,
    shuffle_csr_indices: bool = False,
    distribution: str | None = None,
    ctx: Any = None,
) -> Any:
    """Return a normally distributed nd array.

    Parameters
    ----------
    shape : tuple of int
    stype : "default"
        Only dense arrays are there; `density`, `shuffle_csr_indices` and `distribution` say
        nothing about them.
    dtype : dtype, optional
    modifier_func : callable, optional
        Applied to each element.
    ctx : Context, optional

    Raises
    ------
    MXNetError
        If a sparse array is asked for.

    Examples
    --------
    >>> from microlazy.test_utils import rand_ndarray
    >>> rand_ndarray((2, 3)).shape
    (2, 3)
    """
    from microlazy import ndarray as nd

    if stype != "default":
        raise MXNetError(f"rand_ndarray: stype={stype!r}, but only dense arrays are there")
    values = random_arrays(tuple(shape))
    if modifier_func is not None:
        values = numpy.vectorize(modifier_func, otypes=[values.dtype])(values)
    return nd.array(values, dtype=dtype, ctx=ctx)


def create_2d_tensor(rows: int, columns: int, dtype: Any = numpy.int64) -> Any:
    """Return an nd array whose rows are filled with their own number.

    Examples
    --------
    >>> from microlazy.test_utils import create_2d_tensor
    >>> create_2d_tensor(2, 2).asnumpy().tolist()
    [[0, 0], [1, 1]]
    """
    from microlazy import ndarray as nd

    column = nd.arange(rows, dtype=dtype).reshape((rows, 1))
    return nd.broadcast_to(column, shape=(rows, columns))


def create_vector(size: int, dtype: Any = numpy.int64) -> Any:
    """Return the nd array 0, 1, ..., size - 1."""
    from microlazy import ndarray as nd

    return nd.arange(size, dtype=dtype)


def np_reduce(dat: Array, axis: Any, keepdims: bool, numpy_reduce_func: Callable[..., Any]) -> Any:
    """Reduce a NumPy array over several axes by a function that takes one.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.test_utils import np_reduce
    >>> np_reduce(numpy.ones((2, 3)), (0, 1), True, numpy.sum)
    array([[6.]])
    """
    axes = range(dat.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = sorted((a % dat.ndim for a in axes), reverse=True)
    result = dat
    for each in axes:
        result = numpy_reduce_func(result, axis=each)
    if keepdims:
        result = numpy.reshape(result, [1 if i in axes else n for i, n in enumerate(dat.shape)])
    return result


def collapse_sum_like(a: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which a shape was broadcast to the array's.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.test_utils import collapse_sum_like
    >>> collapse_sum_like(numpy.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    if len(shape) > a.ndim:
        raise ValueError(f"collapse_sum_like: shape {shape} has more axes than {a.shape}")
    a = a.sum(axis=tuple(range(a.ndim - len(shape))))
    axes = tuple(i for i, (n, m) in enumerate(zip(a.shape, shape, strict=True)) if n != m)
    return a.sum(axis=axes, keepdims=True)


# ---- gradients and networks ----------------------------------------------------------------------


def _to_arrays(values: Any, dtype: Any) -> dict[Any, Any]:
    """Arrays of the current face by their names or numbers."""
    named = values.items() if isinstance(values, dict) else enumerate(values)
    return {name: _f.to_array(int(is_np_array()), _numbers(x), dtype) for name, x in named}


def _function_of(symbol: Any) -> Callable[..., Any]:
    """The function, of arrays by the names of its arguments, that a symbol describes."""
    from microlazy import gluon, sym

    if symbol.list_auxiliary_states():
        raise TypeError(
            "check_numeric_gradient: the symbol has auxiliary states, "
            f"{symbol.list_auxiliary_states()}; check a block with these layers"
        )
    names = symbol.list_arguments()
    block = gluon.SymbolBlock(symbol, [sym.var(name) for name in names])
    return lambda **arrays: block(*(arrays[name] for name in names))


def check_numeric_gradient(
    sym: Any,
    location: Any,
    aux_states: Any = None,
    numeric_eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    grad_nodes: Any = None,
    use_forward_train: bool = True,
    ctx: Any = None,
    grad_stype_dict: Any = None,
    dtype: Any = numpy.float32,
) -> None:
    """Compare the gradient of a function, block or symbol with central differences.

    Parameters
    ----------
    sym : callable or Symbol
        From arrays to an array; a block, for instance.
    location : list or dict of arrays
        Its arguments, by place or by name; they are copied.
    numeric_eps : float, optional
        The step of the differences.
    rtol, atol : float, optional
    grad_nodes : list, optional
        The places or names whose gradient is compared; all by default.
    use_forward_train : bool
        Whether the differences are made in training mode.
    dtype : dtype
        Of the arguments; float64 is the safest.
    aux_states, ctx, grad_stype_dict
        Not used: blocks keep their states, and there is one context and one kind of array.

    Raises
    ------
    AssertionError
        If they differ.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import nd
    >>> from microlazy.test_utils import check_numeric_gradient
    >>> check_numeric_gradient(nd.tanh, [numpy.array([0.1, 0.7])])
    """
    if is_symbol(sym):
        if not isinstance(location, dict):
            location = dict(zip(sym.list_arguments(), location, strict=True))
        sym = _function_of(sym)
    if not callable(sym):
        raise TypeError(
            f"check_numeric_gradient: expected a function, block or symbol, not {sym!r}"
        )
    step = numeric_eps or default_numeric_eps()[numpy.dtype(dtype)]
    arrays = _to_arrays(location, dtype)

    def run() -> Any:
        return sym(**arrays) if isinstance(location, dict) else sym(*arrays.values())

    for x in arrays.values():
        x.attach_grad()
    with autograd.record():
        y = run()
    weights = numpy.random.uniform(0.1, 1.1, y.shape).astype(numpy.dtype(y.dtype))
    y.backward(_f.to_array(_f.face_of(y), weights, y.dtype))

    def total() -> float:
        with autograd.pause(train_mode=use_forward_train):
            return float((run().asnumpy().astype("float64") * weights).sum())

    for name in arrays if grad_nodes is None else grad_nodes:
        x = arrays[name]
        view = numpy.asarray(x)
        slope = numpy.zeros(view.shape)
        for place in numpy.ndindex(*view.shape):
            kept, found = view[place].copy(), []
            for moved in (kept + step, kept - step):
                view[place] = moved
                found.append(total())
            view[place] = kept
            slope[place] = (found[0] - found[1]) / (2 * step)
        names = (f"difference by {name}", f"gradient by {name}")
        assert_almost_equal(slope.astype(view.dtype), x.grad, rtol, atol, names)


def check_gluon_hybridize_consistency(
    net_builder: Callable[..., Any],
    data_l: Sequence[Any],
    numpy_func: Callable[..., Any] | None = None,
    test_grad: bool = True,
    rtol: float = 1e-4,
    atol: float = 1e-4,
) -> None:
    """Compare a block with itself hybridized: outputs, gradients of the inputs, a NumPy function.

    Parameters
    ----------
    net_builder : callable
        ``net_builder(prefix="net_")`` makes the block, without random layers.
    data_l : list of arrays
        Its inputs.
    numpy_func : callable, optional
        What it computes, from NumPy arrays.
    test_grad : bool
    rtol, atol : float

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> from microlazy.test_utils import check_gluon_hybridize_consistency
    >>> check_gluon_hybridize_consistency(lambda prefix: gluon.nn.Dense(2, prefix=prefix),
    ...                                   [nd.ones((3, 4))])
    """
    net = net_builder(prefix="net_")
    net.initialize()
    results = []
    for active in (False, True):
        net.hybridize(active)
        inputs = [x.copy() for x in data_l]
        outputs = net(*inputs)
        results.append([outputs])
        if test_grad:
            for x in inputs:
                x.attach_grad()
            with autograd.record():
                outputs = net(*inputs)
            outputs.backward(outputs.detach())
            results[-1] += [outputs, *(x.grad for x in inputs)]
    for eager, planned in zip(*results, strict=True):
        assert_almost_equal(planned, eager, rtol, atol, ("hybridized", "eager"))
    if numpy_func is not None:
        expected = numpy_func(*(x.asnumpy() for x in data_l))
        assert_almost_equal(results[0][0], expected, rtol, atol, ("block", "numpy_func"))


# ---- files and surroundings ----------------------------------------------------------------------


def download(
    url: str,
    fname: str | None = None,
    dirname: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    retries: int = 5,
) -> str:
    """Fetch a file by its URL, unless it is there already: `gluon.utils.download`.

    Parameters
    ----------
    url : str
    fname : str, optional
        The file's name; by default the URL's last part.
    dirname : path, optional
        The folder, which is made if it is not there; by default this one.
    overwrite : bool
        Fetch it even if it is there.
    retries : int
        How often to try again after an error.

    Returns
    -------
    str
        The file's path.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy.test_utils import download
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> size = (folder / "a.txt").write_text("hello")
    >>> open(download((folder / "a.txt").as_uri(), "b.txt", folder)).read()
    'hello'
    """
    name = url.rsplit("/", 1)[-1] if fname is None else fname
    return _utils.download(url, os.path.join(dirname or "", name), overwrite, retries=retries)


def get_mnist(folder: str | os.PathLike[str] | None = None) -> dict[str, Array]:
    """Return MNIST's images and labels from files on this machine; nothing is downloaded.

    Parameters
    ----------
    folder : path, optional
        Where the four files are, as they are published (train-images-idx3-ubyte.gz, ...), packed or
        not. By default `data`, or datasets/mnist in `mx.base.data_dir()`.

    Returns
    -------
    dict
        train_data and test_data, float32 from 0 to 1 of shape (n, 1, 28, 28); train_label and
        test_label, int8.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is not what its name says.

    Examples
    --------
    >>> from microlazy.test_utils import get_mnist
    >>> get_mnist("nowhere")
    Traceback (most recent call last):
    FileNotFoundError: train-images-idx3-ubyte.gz is not in nowhere: put MNIST's four files there
    """
    from microlazy.gluon.data.vision._formats import read_idx  # brings the loader with it

    default = ["data", os.path.join(data_dir(), "datasets", "mnist")]
    folders = default if folder is None else [os.fspath(folder)]
    found = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        images = read_idx(f"{name}-images-idx3-ubyte.gz", folders, 3)
        labels = read_idx(f"{name}-labels-idx1-ubyte.gz", folders, 1)
        if len(images) != len(labels):
            raise ValueError(f"MNIST: {len(images)} images in {name}, but {len(labels)} labels")
        found[f"{part}_data"] = images[:, None].astype("float32") / 255
        found[f"{part}_label"] = labels.astype("int8")
    return found


@contextmanager
def environment(*args: Any) -> Iterator[None]:
    """Set environment variables inside a `with`.

    Parameters
    ----------
    *args
        A name and a value, or a dict; a value of None takes the variable away.

    Examples
    --------
    >>> import os
    >>> from microlazy.test_utils import environment
    >>> with environment("NUMBER_OF_MINE", 3):
    ...     os.environ["NUMBER_OF_MINE"]
    '3'
    >>> "NUMBER_OF_MINE" in os.environ
    False
    """
    if len(args) not in (1, 2):
        raise TypeError(f"environment: give a name and a value, or a dict, not {args!r}")
    wanted = dict(args[0]) if len(args) == 1 else {args[0]: args[1]}
    before = {name: os.environ.get(name) for name in wanted}

    def put(values: dict[str, Any]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = str(value)

    put(wanted)
    try:
        yield
    finally:
        put(before)


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"module 'microlazy.test_utils' has no attribute {name!r}: what needs symbols, sparse "
        "arrays or downloads is not part of microlazy"
    )
