"""`mx.nd.contrib`: loops, attention, boxes, straight-through steps and other additions."""

import math
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.ops.numpy_call import call
from microlazy.ndarray import random as _random
from microlazy.ndarray.detection import CONTRIB as DETECTION
from microlazy.ndarray.layers import CONTRIB
from microlazy.ndarray.updates import CONTRIB as UPDATES
from microlazy.ops.arguments import ND, op
from microlazy.ops.checks import check_arrays
from microlazy.ops.gathering import index_update as _index_update
from microlazy.ops.surrogate_gradient import scaled, with_gradient

__all__ = [
    *CONTRIB,
    *DETECTION,
    *UPDATES,
    "allclose",
    "boolean_mask",
    "box_iou",
    "cond",
    "div_sqrt_dim",
    "foreach",
    "gradientmultiplier",
    "index_array",
    "index_copy",
    "interleaved_matmul_encdec_qk",
    "interleaved_matmul_encdec_valatt",
    "interleaved_matmul_selfatt_qk",
    "interleaved_matmul_selfatt_valatt",
    "isfinite",
    "isinf",
    "isnan",
    "quadratic",
    "rand_zipfian",
    "round_ste",
    "sign_ste",
    "uniform",
    "while_loop",
]

globals().update(CONTRIB | DETECTION | UPDATES)
uniform = _random.uniform


# ---- control flow --------------------------------------------------------------------------------


def _mapped(function: Callable[..., Any], *trees: Any) -> Any:
    """Apply a function to the arrays at each place of equally nested lists."""
    if isinstance(trees[0], (list, tuple)):
        return [_mapped(function, *items) for items in zip(*trees, strict=True)]
    return function(*trees)


def _first(tree: Any) -> NDArray:
    return _first(tree[0]) if isinstance(tree, (list, tuple)) else tree


def _stacked(*steps: NDArray) -> NDArray:
    return _f.stack(steps)


def foreach(body: Callable[..., Any], data: Any, init_states: Any) -> tuple[Any, Any]:
    """Run a function over the slices along the first axis, carrying states along.

    Parameters
    ----------
    body : callable
        ``body(slices, states)`` returns outputs and new states.
    data : NDArray or (nested) list of NDArray
    init_states : NDArray or (nested) list of NDArray

    Returns
    -------
    outputs, states
        The outputs of all steps, stacked; and the last states.

    Examples
    --------
    >>> from microlazy import nd
    >>> total = lambda x, state: (x + state, x + state)
    >>> sums, last = nd.contrib.foreach(total, nd.array([[1], [2], [3]]), nd.array([0]))
    >>> sums.asnumpy().tolist(), last.asnumpy()
    ([[1.0], [3.0], [6.0]], array([6.], dtype=float32))
    """
    steps, states = [], init_states
    for i in range(len(_first(data))):
        outputs, states = body(_mapped(lambda x, i=i: x[i], data), states)
        steps.append(outputs)
    if not steps:
        raise ShapeError("foreach: there is no step to run: the first axis has size 0")
    return _mapped(_stacked, *steps), states


def while_loop(
    cond: Callable[..., Any],
    func: Callable[..., Any],
    loop_vars: Any,
    max_iterations: int | None = None,
) -> tuple[Any, Any]:
    """Run a function while a condition on its variables holds.

    Parameters
    ----------
    cond : callable
        ``cond(*loop_vars)`` gives the condition, an array of one element.
    func : callable
        ``func(*loop_vars)`` returns outputs (or None) and new variables.
    loop_vars : NDArray or list of NDArray
    max_iterations : int
        When to stop in any case.

    Returns
    -------
    outputs, loop_vars
        The outputs of all steps, stacked, with zeros for steps up to `max_iterations` that were not
        run; an empty list if there was none. And the last variables.

    Examples
    --------
    >>> from microlazy import nd
    >>> square = lambda i: (i * i, i + 1)
    >>> squares, i = nd.contrib.while_loop(lambda i: i < 3, square, nd.array([1]), 4)
    >>> squares.asnumpy().ravel(), i.asnumpy()
    (array([1., 4., 0., 0.], dtype=float32), array([3.], dtype=float32))
    """
    if max_iterations is None:
        raise ValueError("while_loop: max_iterations should be specified")
    alone = isinstance(loop_vars, NDArray)
    variables = [loop_vars] if alone else list(loop_vars)
    if not variables:
        raise ValueError("while_loop: loop_vars must hold one array at least")
    steps: list[Any] = []
    while len(steps) < max_iterations and cond(*variables):
        outputs, new = func(*variables)
        variables = [new] if isinstance(new, NDArray) else list(new)
        steps.append([] if outputs is None else outputs)
    left = max_iterations - len(steps)
    if not steps:
        stacked: Any = []
    else:
        rest = _mapped(lambda x: _f.new_array(ND, x.shape, x.dtype, 0), steps[0])
        stacked = _mapped(_stacked, *steps, *[rest] * left)
    return stacked, variables[0] if alone else variables


def cond(pred: NDArray, then_func: Callable[[], Any], else_func: Callable[[], Any]) -> Any:
    """Return what one function returns if an element is not 0, else what the other does.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.cond(nd.array([1]) > 0, lambda: "positive", lambda: "not")
    'positive'
    """
    return then_func() if pred.asscalar() else else_func()


# ---- choosing ------------------------------------------------------------------------------------


@op
def boolean_mask(data: NDArray, index: NDArray, axis: int = 0) -> NDArray:
    """Return the slices along the first axis where the mask is not 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.boolean_mask(nd.array([[1, 2], [3, 4]]), nd.array([0, 1])).asnumpy()
    array([[3., 4.]], dtype=float32)
    """
    if axis != 0:
        raise MXNetError(f"boolean_mask: the axis must be 0, not {axis}")
    if index.shape != data.shape[:1]:
        raise ShapeError(f"boolean_mask: a mask of shape {index.shape} for data of {data.shape}")
    return _f.take(data, numpy.flatnonzero(index.asnumpy()), 0)


@op
def index_copy(old_tensor: NDArray, index_vector: NDArray, new_tensor: NDArray) -> NDArray:
    """Return the old array with the new one's slices at places along the first axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.index_copy(nd.zeros((3,)), nd.array([2, 0]), nd.array([5, 6])).asnumpy()
    array([6., 0., 5.], dtype=float32)
    """
    places = _f.as_dtype(index_vector, "int64")
    return _index_update(old_tensor, places, new_tensor)


@op
def index_array(data: NDArray, axes: Any = None) -> NDArray:
    """Return the place of each element, along all axes or some, as the last axis; int64.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.index_array(nd.zeros((2, 2)), axes=(1,)).asnumpy().tolist()
    [[[0], [1]], [[0], [1]]]
    """
    places = numpy.moveaxis(numpy.indices(data.shape), 0, -1)
    return _f.from_numpy_result(ND, places if axes is None else places[..., list(axes)], "int64")


# ---- attention -----------------------------------------------------------------------------------


def _heads(x: NDArray, heads: int, parts: int) -> list[NDArray]:
    """Cut (length, batch, heads * parts * size) into parts of shape (batch * heads, length, size).

    The parts of each head stand beside each other.
    """
    if x.ndim != 3 or x.shape[2] % (heads * parts):
        raise ShapeError(
            f"interleaved_matmul: expected (length, batch, {heads * parts} * size), not {x.shape}"
        )
    length, batch, width = x.shape
    size = width // (heads * parts)
    x = _f.transpose(_f.reshape(x, (length, batch, heads, parts, size)), (3, 1, 2, 0, 4))
    return [_f.reshape(part, (batch * heads, length, size)) for part in x]


def _scores(queries: NDArray, keys: NDArray) -> NDArray:
    return _f.batch_dot(queries / math.sqrt(queries.shape[2]), keys, False, True)


def _attended(attention: NDArray, values: NDArray, heads: int) -> NDArray:
    result = _f.batch_dot(attention, values)
    rows, length, size = result.shape
    result = _f.reshape(result, (rows // heads, heads, length, size))
    result = _f.transpose(result, (2, 0, 1, 3))
    return _f.reshape(result, (length, rows // heads, heads * size))


@op
def interleaved_matmul_selfatt_qk(queries_keys_values: NDArray, heads: int) -> NDArray:
    """Return the scores of self-attention, queries @ keys.T / sqrt(size); Vaswani et al. 2017.

    Parameters
    ----------
    queries_keys_values : NDArray, shape (length, batch, heads * 3 * size)
    heads : int

    Returns
    -------
    NDArray, shape (batch * heads, length, length)

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.interleaved_matmul_selfatt_qk(nd.ones((3, 2, 12)), heads=2).shape
    (4, 3, 3)
    """
    queries, keys, _ = _heads(queries_keys_values, heads, 3)
    return _scores(queries, keys)


@op
def interleaved_matmul_selfatt_valatt(
    queries_keys_values: NDArray, attention: NDArray, heads: int
) -> NDArray:
    """Return attention @ values, shape (length, batch, heads * size).

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.ones((3, 2, 12))
    >>> nd.contrib.interleaved_matmul_selfatt_valatt(x, nd.ones((4, 3, 3)), heads=2).shape
    (3, 2, 4)
    """
    return _attended(attention, _heads(queries_keys_values, heads, 3)[2], heads)


@op
def interleaved_matmul_encdec_qk(queries: NDArray, keys_values: NDArray, heads: int) -> NDArray:
    """Return the scores of attention to another sequence, (batch * heads, length, other length).

    Parameters
    ----------
    queries : NDArray, shape (length, batch, heads * size)
    keys_values : NDArray, shape (other length, batch, heads * 2 * size)
    heads : int

    Examples
    --------
    >>> from microlazy import nd
    >>> x, y = nd.ones((3, 2, 4)), nd.ones((5, 2, 8))
    >>> nd.contrib.interleaved_matmul_encdec_qk(x, y, heads=2).shape
    (4, 3, 5)
    """
    return _scores(_heads(queries, heads, 1)[0], _heads(keys_values, heads, 2)[0])


@op
def interleaved_matmul_encdec_valatt(
    keys_values: NDArray, attention: NDArray, heads: int
) -> NDArray:
    """Return attention @ values of another sequence, shape (length, batch, heads * size).

    Examples
    --------
    >>> from microlazy import nd
    >>> y = nd.ones((5, 2, 8))
    >>> nd.contrib.interleaved_matmul_encdec_valatt(y, nd.ones((4, 3, 5)), heads=2).shape
    (3, 2, 4)
    """
    return _attended(attention, _heads(keys_values, heads, 2)[1], heads)


@op
def div_sqrt_dim(data: NDArray) -> NDArray:
    """Divide by the square root of the last axis's size.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.div_sqrt_dim(nd.array([[2, 4, 6, 8]])).asnumpy()
    array([[1., 2., 3., 4.]], dtype=float32)
    """
    return data / math.sqrt(data.shape[-1])


@op
def box_iou(lhs: NDArray, rhs: NDArray, format: str = "corner") -> NDArray:
    """Return the area that each pair of boxes shares, over the area that it covers.

    Parameters
    ----------
    lhs, rhs : NDArray, shape (..., 4)
        Boxes as xmin, ymin, xmax, ymax; or x, y, width, height with ``format="center"``.
    format : "corner" or "center"

    Returns
    -------
    NDArray, shape lhs.shape[:-1] + rhs.shape[:-1]

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.box_iou(nd.array([[0, 0, 1, 1]]), nd.array([[0, 0, 1, 2]])).asnumpy()
    array([[0.5]], dtype=float32)
    """
    if format not in ("corner", "center"):
        raise MXNetError(f"box_iou: format is 'corner' or 'center', not {format!r}")
    (first_low, first_high), (low, high) = (_corners(x, format) for x in (lhs, rhs))
    ones = (1,) * (rhs.ndim - 1)
    first_low, first_high = (
        _f.reshape(x, lhs.shape[:-1] + ones + (2,)) for x in (first_low, first_high)
    )
    shared = _area(
        _f.binary_op("maximum", first_low, low), _f.binary_op("minimum", first_high, high)
    )
    covered = _area(first_low, first_high) + _area(low, high) - shared
    empty = _f.binary_op("equal", covered, 0)  # then nothing is shared either
    return shared / (covered + _f.as_dtype(empty, covered.dtype))


def _corners(boxes: NDArray, format: str) -> tuple[NDArray, NDArray]:
    first, second = _f.split(boxes, 2, -1)
    return (first, second) if format == "corner" else (first - second / 2, first + second / 2)


def _area(low: NDArray, high: NDArray) -> NDArray:
    return _f.reduction("prod", _f.unary_op("relu", high - low), -1)


# ---- elements ------------------------------------------------------------------------------------


@op
def gradientmultiplier(data: NDArray, scalar: float = 1.0) -> NDArray:
    """Return the array; its gradient is multiplied by a number; Ganin and Lempitsky 2015.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.gradientmultiplier(nd.array([2]), -1).asnumpy()
    array([2.], dtype=float32)
    """
    return with_gradient(scaled, data, data, scale=scalar)


def _straight_through(name: str, step: Callable[[NDArray], NDArray], result: str) -> Any:
    def function(data: NDArray) -> NDArray:
        return with_gradient(scaled, data, step(_f.detach(data)))

    function.__name__ = function.__qualname__ = f"{name}_ste"
    function.__doc__ = f"""The {name} of each element, with the gradient of the identity.

    The straight-through estimator of Bengio et al. 2013.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.{name}_ste(nd.array([1.2, -2.7])).asnumpy()
    array({result}, dtype=float32)
    """
    return op(function)


round_ste = _straight_through("round", _f.round, "[ 1., -3.]")
sign_ste = _straight_through("sign", lambda x: _f.unary_op("sign", x), "[ 1., -1.]")


@op
def quadratic(data: NDArray, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> NDArray:
    """Return a * x**2 + b * x + c.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.quadratic(nd.array([1, 2]), a=1, b=2, c=3).asnumpy()
    array([ 6., 11.], dtype=float32)
    """
    return (a * data + b) * data + c


def _test(name: str, summary: str, number: str) -> Any:
    def function(data: NDArray) -> NDArray:
        return _f.as_dtype(_f.test(name, data), data.dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}, as 0 or 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.{name}(nd.array([float("{number}")])).asnumpy()
    array([1.], dtype=float32)
    """
    return function


isnan = _test("isnan", "Whether an element is not a number", "nan")
isinf = _test("isinf", "Whether an element is infinite", "inf")
isfinite = _test("isfinite", "Whether an element is neither infinite nor nan", "1")


def _close(a: numpy.ndarray, b: numpy.ndarray, **options: Any) -> numpy.ndarray:
    return numpy.array([numpy.allclose(a, b, **options)], "uint8")


@op
def allclose(
    a: NDArray, b: NDArray, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = True
) -> NDArray:
    """Return 1 if all elements of two arrays are near each other, else 0; uint8.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.allclose(nd.array([1]), nd.array([1.000001])).asnumpy()
    array([1], dtype=uint8)
    """
    check_arrays("allclose", a=a, b=b)
    options = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan}
    return call(_close, [a, b], options, dtype="uint8")


def rand_zipfian(
    true_classes: NDArray, num_sampled: int, range_max: int, ctx: Any = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Draw classes of [0, range_max) from an approximately Zipfian distribution.

    Class k has probability log((k + 2) / (k + 1)) / log(range_max + 1).

    Returns
    -------
    samples, expected counts of the true classes, expected counts of the samples

    Examples
    --------
    >>> from microlazy import nd
    >>> samples, true_count, count = nd.contrib.rand_zipfian(nd.array([3]), 4, 5)
    >>> samples.shape, true_count.asnumpy().round(3)
    ((4,), array([0.498]))
    """
    width = math.log(range_max + 1)
    drawn = _random.uniform(0, width, (num_sampled,), "float64", ctx)
    samples = _f.as_dtype(_f.unary_op("exp", drawn) - 1, "int64") % range_max
    counts = [
        _f.unary_op("log1p", 1 / (_f.as_dtype(x, "float64") + 1)) * (num_sampled / width)
        for x in (true_classes, samples)
    ]
    return samples, counts[0], counts[1]


def __getattr__(name: str) -> Any:
    from microlazy.outside import explain

    raise AttributeError(explain("microlazy.nd.contrib", name))
