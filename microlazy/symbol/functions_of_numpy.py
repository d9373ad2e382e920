"""Functions of NumPy's operators that no name of np or npx stands for: arithmetic with numbers, and
operators with other parameters than NumPy's functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from microlazy import numpy, numpy_extension
from microlazy.core.tensor import Tensor
from microlazy.symbol.attributes import need_few, parse

__all__ = ["FUNCTIONS_OF_NUMPY", "number_first", "with_number"]

Function = Callable[..., Any]

_np: Any = numpy  # functions take arrays of either type here
_npx: Any = numpy_extension


def with_number(function: Function) -> Function:
    """A function of an array and a number, as an operator has it.

    Examples
    --------
    >>> from microlazy.symbol.functions_of_numpy import with_number
    >>> with_number(lambda x, y: x - y)(5, scalar=2.0)
    3.0
    """

    def compute(data: Tensor, scalar: float, is_int: bool = False) -> Any:
        return function(data, int(scalar) if is_int else scalar)

    return compute


def number_first(function: Function) -> Function:
    """A function of a number and an array, as an operator has it.

    Examples
    --------
    >>> from microlazy.symbol.functions_of_numpy import number_first
    >>> number_first(lambda x, y: x - y)(5, scalar=2.0)
    -3.0
    """

    def compute(data: Tensor, scalar: float, is_int: bool = False) -> Any:
        return function(int(scalar) if is_int else scalar, data)

    return compute


def _tensordot(
    a: Tensor, b: Tensor, a_axes_summed: tuple[int, ...], b_axes_summed: tuple[int, ...]
) -> Any:
    return _np.tensordot(a, b, (a_axes_summed, b_axes_summed))


def _tensordot_last(a: Tensor, b: Tensor, axes: int = 2) -> Any:
    return _np.tensordot(a, b, axes)


def _einsum(*data: Tensor, subscripts: str, optimize: int = 0) -> Any:
    return _np.einsum(subscripts, *data, optimize=bool(optimize))


def _where_first(condition: Tensor, x: Tensor, scalar: float) -> Any:
    return _np.where(condition, scalar, x)


def _where_second(condition: Tensor, y: Tensor, scalar: float) -> Any:
    return _np.where(condition, y, scalar)


def _concatenate(*data: Tensor, axis: int | None = 0) -> Any:
    return _np.concatenate(list(data), axis=axis)


def _where_numbers(condition: Tensor, x: float, y: float) -> Any:
    return _np.where(condition, x, y).astype("float32")


def _percentile(
    a: Tensor,
    q: Tensor | None = None,
    axis: tuple[int, ...] | None = None,
    interpolation: str = "linear",
    keepdims: bool = False,
    q_scalar: float | None = None,
) -> Any:
    at = q_scalar if q is None else q
    return _np.percentile(a, at, axis, interpolation=interpolation, keepdims=keepdims)


def _average(
    a: Tensor,
    weights: Tensor | None = None,
    axis: tuple[int, ...] | None = None,
    returned: bool = False,
    weighted: bool = True,
) -> Any:
    return _np.average(a, axis, weights, returned)


def _norm(
    data: Tensor,
    ord: float = 2.0,
    axis: tuple[int, ...] | None = None,
    keepdims: bool = False,
    flag: int = -2,
) -> Any:
    """The flag says which norm: of all elements, of vectors, of matrices, Frobenius, nuclear."""
    kind = {-2: None, -1: ord, 0: ord, 1: None, 2: "nuc"}[flag]
    if axis is not None and len(axis) == 1:
        return _np.linalg.norm(data, kind, axis[0], keepdims)
    return _np.linalg.norm(data, kind, axis, keepdims)


def _pad(
    data: Tensor,
    pad_width: tuple[tuple[int, int], ...],
    mode: str = "constant",
    constant_value: float = 0.0,
    reflect_type: str = "even",
) -> Any:
    options: dict[str, Any] = {}
    if mode == "constant":
        options = {"constant_values": constant_value}
    elif mode in ("reflect", "symmetric"):
        options = {"reflect_type": reflect_type or "even"}
    return _np.pad(data, pad_width, mode, **options)


def _delete(
    arr: Tensor,
    obj: Tensor | None = None,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
    int_ind: int | None = None,
    axis: int | None = None,
) -> Any:
    at = obj if obj is not None else slice(start, stop, step) if int_ind is None else int_ind
    return _np.delete(arr, at, axis)


def _differences(
    data: Tensor,
    *ends: Tensor,
    to_begin_arr_given: bool = False,
    to_end_arr_given: bool = False,
    to_begin_scalar: float | None = None,
    to_end_scalar: float | None = None,
) -> Any:
    left = iter(ends)
    begin = next(left) if to_begin_arr_given else to_begin_scalar
    end = next(left) if to_end_arr_given else to_end_scalar
    return _np.ediff1d(data, end, begin)


def _bincount(
    data: Tensor, weights: Tensor | None = None, minlength: int = 0, has_weights: bool = False
) -> Any:
    return _np.bincount(data, weights, minlength)


def _logspace(
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: Any = "float32",
) -> Any:
    need_few((num,))
    return _np.logspace(start, stop, num, endpoint, base, dtype=dtype or "float32")


def _identity(shape: tuple[int, ...], dtype: Any = "float32") -> Any:
    need_few(shape)
    return _np.identity(shape[0], dtype=dtype or "float32")


def _eye(N: int, M: int | None = None, k: int = 0, dtype: Any = "float32") -> Any:
    need_few((N, M or N))
    return _np.eye(N, M or None, k, dtype=dtype or "float32")


def _window(function: Function) -> Function:
    def make(M: int, dtype: Any = "float32") -> Any:
        need_few((M,))
        return function(M, dtype=dtype or "float32")

    return make


def _insert_one(arr: Tensor, values: Tensor, int_ind: int, axis: int | None = None) -> Any:
    return _np.insert(arr, int_ind, values, axis)


def _insert_slice(
    arr: Tensor,
    values: Tensor,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
    axis: int | None = None,
) -> Any:
    return _np.insert(arr, slice(start, stop, step), values, axis)


def _insert_many(arr: Tensor, values: Tensor, obj: Tensor, axis: int | None = None) -> Any:
    return _np.insert(arr, obj, values, axis)


def _set_masked(data: Tensor, mask: Tensor, value: Any = 0.0, start_axis: int = 0) -> Any:
    made = data.copy()
    made[(slice(None),) * start_axis + (mask.astype("bool"),)] = value
    return made


def _pseudo_inverse(A: Tensor, rcond: float = 1e-15, hermitian: bool = False) -> Any:
    return _np.linalg.pinv(A, rcond, hermitian)


def _sampled(law: Function, *numbers: str) -> Function:
    """A sampler; those of its numbers that are None are the arrays, in order."""

    def compute(*arrays: Tensor, size: Any = None, dtype: Any = None, **given: Any) -> Any:
        need_few(size or ())
        left = iter(arrays)
        values = [next(left, None) if given.get(n) is None else given[n] for n in numbers]
        return law(*values, size, **({} if dtype is None else {"dtype": dtype}))

    return compute


def _bernoulli(*arrays: Tensor, is_logit: bool = False, **options: Any) -> Any:
    """The array is a probability, or a logit."""
    name = "logit" if is_logit else "prob"
    given = dict(zip([name], arrays, strict=False))
    need_few(options.get("size") or ())
    return _npx.random.bernoulli(**options | given)


def _choice(
    *p: Tensor, a: str, size: str | None = None, replace: bool = True, weighted: bool = False
) -> Any:
    shape = None if size is None else parse("ints", size)
    need_few(shape or ())
    return _np.random.choice(parse("int", a), shape, replace, p[0] if weighted else None)


_OF_NUMPY: dict[str, Function] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "true_divide": operator.truediv,
    "mod": operator.mod,
    "power": operator.pow,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "less": operator.lt,
    "less_equal": operator.le,
    "arctan2": _np.arctan2,
    "copysign": _np.copysign,
    "bitwise_and": _np.bitwise_and,
    "bitwise_or": _np.bitwise_or,
    "bitwise_xor": _np.bitwise_xor,
    "lcm": _np.lcm,
    "ldexp": _np.ldexp,
}

_SAMPLERS = {
    "exponential": "scale",
    "gamma": "shape scale",
    "gumbel": "loc scale",
    "logistic": "loc scale",
    "normal": "loc scale",
    "pareto": "a",
    "rayleigh": "scale",
    "uniform": "low high",
    "weibull": "a",
}

FUNCTIONS_OF_NUMPY: dict[str, Function] = {
    **{f"_npi_{name}_scalar": with_number(function) for name, function in _OF_NUMPY.items()},
    **{
        f"_npi_r{name}_scalar": number_first(_OF_NUMPY[name])
        for name in ("subtract", "true_divide", "mod", "power", "arctan2", "copysign", "ldexp")
    },
    "_npi_where_lscalar": _where_first,
    "_npi_where_rscalar": _where_second,
    "_npi_where_scalar2": _where_numbers,
    "_npi_tensordot": _tensordot,
    "_npi_tensordot_int_axes": _tensordot_last,
    "_npi_einsum": _einsum,
    "_npi_concatenate": _concatenate,
    "_npi_percentile": _percentile,
    "_npi_average": _average,
    "_npi_bincount": _bincount,
    "_npi_delete": _delete,
    "_npi_ediff1d": _differences,
    "_npi_norm": _norm,
    "_npi_pad": _pad,
    "_npi_logspace": _logspace,
    "_npi_identity": _identity,
    "_npi_eye": _eye,
    "_npi_blackman": _window(_np.blackman),
    "_npi_hamming": _window(_np.hamming),
    "_npi_hanning": _window(_np.hanning),
    "_npi_insert_scalar": _insert_one,
    "_npi_insert_slice": _insert_slice,
    "_npi_insert_tensor": _insert_many,
    "_npi_boolean_mask_assign_scalar": _set_masked,
    "_npi_boolean_mask_assign_tensor": _set_masked,
    "_npi_pinv_scalar_rcond": _pseudo_inverse,
    "_npi_bernoulli": _bernoulli,
    "_npi_choice": _choice,
    "_npi_normal_n": _sampled(_npx.random.normal_n, "loc", "scale"),
    "_npi_uniform_n": _sampled(_npx.random.uniform_n, "low", "high"),
    "_npi_powerd": _sampled(_np.random.power, "a"),
    **{
        f"_npi_{name}": _sampled(getattr(_np.random, name), *numbers.split())
        for name, numbers in _SAMPLERS.items()
    },
}
