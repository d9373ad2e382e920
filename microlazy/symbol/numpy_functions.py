"""Functions of `mx.sym.np` that choose an operator or its attributes by their arguments.

Parameters have NumPy's names. Where MXNet's operators take others, `PARAMETERS` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from microlazy.symbol.choosing import binary, split_v2
from microlazy.symbol.composing import call
from microlazy.symbol.symbol import Symbol

__all__ = ["LINALG", "PARAMETERS", "WRITTEN"]

_numpy = partial(call, numpy=True)


def _of_two(name: str, swapped: str | None = None) -> Callable[..., Any]:
    scalar = f"_npi_{name}_scalar"
    other = f"_npi_{swapped or name}_scalar"
    return binary(f"_npi_{name}", scalar, other, ("x1", "x2"), True)


def _filled_like(fill: float, given: str) -> Callable[..., Any]:
    def function(*args: Any, dtype: Any = None, name: str | None = None, **kwargs: Any) -> Symbol:
        source = args[0] if args else kwargs[given]
        attributes = {"fill_value": fill} | ({} if dtype is None else {"dtype": dtype})
        return _numpy("_npi_full_like", [source], attributes, name)

    return function


def _where(condition: Symbol, x: Any, y: Any) -> Symbol:
    if isinstance(x, Symbol) and isinstance(y, Symbol):
        return _numpy("_npi_where", [condition, x, y], {})
    if isinstance(y, Symbol):
        return _numpy("_npi_where_lscalar", [condition, y], {"scalar": float(x)})
    if isinstance(x, Symbol):
        return _numpy("_npi_where_rscalar", [condition, x], {"scalar": float(y)})
    return _numpy("_npi_where_scalar2", [condition], {"x": float(x), "y": float(y)})


def _tensordot(a: Symbol, b: Symbol, axes: Any = 2) -> Symbol:
    if isinstance(axes, int):
        return _numpy("_npi_tensordot_int_axes", [a, b], {"axes": axes})
    first, second = ([part] if isinstance(part, int) else part for part in axes)
    attributes = {"a_axes_summed": tuple(first), "b_axes_summed": tuple(second)}
    return _numpy("_npi_tensordot", [a, b], attributes)


def _inner(a: Symbol, b: Symbol) -> Symbol:
    return _tensordot(a, b, [-1, -1])


def _outer(a: Symbol, b: Symbol) -> Symbol:
    return _tensordot(_ravel(a), _ravel(b), 0)


def _vdot(a: Symbol, b: Symbol) -> Symbol:
    return _tensordot(_ravel(a), _ravel(b), 1)


def _einsum(subscripts: str, *operands: Symbol, optimize: Any = False) -> Symbol:
    attributes = {
        "num_args": len(operands),
        "subscripts": subscripts,
        "optimize": int(bool(optimize)),
    }
    return _numpy("_npi_einsum", operands, attributes)


def _concatenate(seq: Sequence[Symbol], axis: int | None = 0, name: str | None = None) -> Symbol:
    attributes = {"num_args": len(seq), "axis": axis}
    return _numpy("_npi_concatenate", list(seq), attributes, name)


def _append(arr: Symbol, values: Symbol, axis: int | None = None) -> Symbol:
    return _concatenate([arr, values], axis)


def _row_stack(arrays: Sequence[Symbol]) -> Symbol:
    return _numpy("_npi_vstack", list(arrays), {"num_args": len(arrays)})


def _insert(arr: Symbol, obj: Any, values: Symbol, axis: int | None = None) -> Symbol:
    if not isinstance(values, Symbol):
        raise TypeError(f"insert: values must be a Symbol, not {values!r}")
    if isinstance(obj, Symbol):
        return _numpy("_npi_insert_tensor", [arr, values, obj], {"axis": axis})
    if isinstance(obj, slice):
        ends = {"start": obj.start, "stop": obj.stop, "step": obj.step or 1}
        return _numpy("_npi_insert_slice", [arr, values], ends | {"axis": axis})
    return _numpy("_npi_insert_scalar", [arr, values], {"int_ind": int(obj), "axis": axis})


def _delete(arr: Symbol, obj: Any, axis: int | None = None) -> Symbol:
    if isinstance(obj, Symbol):
        return _numpy("_npi_delete", [arr, obj], {"axis": axis})
    if isinstance(obj, slice):
        ends = {"start": obj.start, "stop": obj.stop, "step": obj.step or 1}
        return _numpy("_npi_delete", [arr], ends | {"axis": axis})
    return _numpy("_npi_delete", [arr], {"int_ind": int(obj), "axis": axis})


def _ediff1d(ary: Symbol, to_end: Any = None, to_begin: Any = None) -> Symbol:
    attributes: dict[str, Any] = {}
    inputs = [ary]
    for name, value in (("to_begin", to_begin), ("to_end", to_end)):
        is_array = isinstance(value, Symbol)
        inputs += [value] if is_array else []
        attributes[f"{name}_arr_given"] = is_array
        attributes[f"{name}_scalar"] = None if is_array else value
    return _numpy("_npi_ediff1d", inputs, attributes)


def _average(
    a: Symbol,
    axis: Any = None,
    weights: Symbol | None = None,
    returned: bool = False,
    out: None = None,
) -> Symbol:
    axis = (axis,) if isinstance(axis, int) else axis
    attributes = {"axis": axis, "returned": returned, "weighted": weights is not None}
    return _numpy("_npi_average", [a] if weights is None else [a, weights], attributes)


_PADDING = {"constant": ("constant_values", 0), "reflect": ("reflect_type", "even")}
_PADDING["symmetric"] = _PADDING["reflect"]


def _pad(x: Symbol, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Symbol:
    name, value = _PADDING.get(mode, ("", None))
    given = kwargs.pop(name, value)
    if kwargs:
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {set(kwargs)}")
    key = name.removesuffix("s")
    attributes = {"pad_width": pad_width, "mode": mode} | ({key: given} if key else {})
    return _numpy("_npi_pad", [x], attributes)


# The flags of the operator, by what NumPy calls the norm.
_NORMS = {None: 1, "fro": 1, "f": 1, "nuc": 2}


def _norm(x: Symbol, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Symbol:
    axis = (axis,) if isinstance(axis, int) else axis
    flag = _NORMS.get(ord, 0 if axis is not None and len(axis) == 2 else -1)
    if axis is None and ord is None:
        flag = -2
    number = 2 if ord in _NORMS else ord
    attributes = {"ord": number, "axis": axis, "keepdims": keepdims, "flag": flag}
    return _numpy("_npi_norm", [x], attributes)


def _split(ary: Symbol, indices_or_sections: Any, axis: int = 0) -> Symbol:
    return split_v2(ary, indices_or_sections, axis)


def _split_along(axis: int) -> Callable[..., Any]:
    def function(ary: Symbol, indices_or_sections: Any) -> Symbol:
        return split_v2(ary, indices_or_sections, axis)

    return function


def _ravel(x: Symbol, order: str = "C") -> Symbol:
    if order != "C":
        raise NotImplementedError(f"ravel: order must be 'C', not {order!r}")
    return _numpy("_np_reshape", [x], {"newshape": (-1,)})


def _flip_along(axis: int) -> Callable[..., Any]:
    def function(m: Symbol) -> Symbol:
        return _numpy("_npi_flip", [m], {"axis": (axis,)})

    return function


def _around(x: Symbol, decimals: int = 0, **kwargs: Any) -> Symbol:
    return _numpy("_npi_around", [x], {"decimals": decimals})


def _each(operator: str) -> Callable[..., Any]:
    def function(x: Symbol, **kwargs: Any) -> Symbol:
        return _numpy(operator, [x], {})

    return function


def _percentile(
    a: Symbol,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: Any = None,
    interpolation: str = "linear",
    keepdims: bool = False,
) -> Symbol:
    attributes = {"axis": axis, "interpolation": interpolation, "keepdims": keepdims}
    if isinstance(q, Symbol):
        return _numpy("_npi_percentile", [a, q], attributes | {"q_scalar": None})
    return _numpy("_npi_percentile", [a], attributes | {"q_scalar": float(q)})


def _quantile(
    a: Symbol,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: Any = None,
    interpolation: str = "linear",
    keepdims: bool = False,
) -> Symbol:
    return _percentile(a, q * 100, axis, out, overwrite_input, interpolation, keepdims)


def _bincount(x: Symbol, weights: Symbol | None = None, minlength: int = 0) -> Symbol:
    inputs = [x] if weights is None else [x, weights]
    attributes = {"minlength": minlength, "has_weights": weights is not None}
    return _numpy("_npi_bincount", inputs, attributes)


def _full(
    shape: Any, fill_value: float, dtype: Any = None, order: str = "C", ctx: Any = None
) -> Symbol:
    shape = (shape,) if isinstance(shape, int) else shape
    attributes = {"shape": shape, "value": float(fill_value), "dtype": dtype or "float32"}
    return _numpy("_npi_full", [], attributes)


def _identity(n: int, dtype: Any = None, ctx: Any = None) -> Symbol:
    return _numpy("_npi_identity", [], {"shape": (n, n), "dtype": dtype or "float32"})


def _linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    ctx: Any = None,
) -> Any:
    attributes = {"start": start, "stop": stop, "num": num, "endpoint": endpoint}
    made = _numpy("_npi_linspace", [], attributes | {"dtype": dtype or "float32"})
    return (made, (stop - start) / (num - endpoint)) if retstep else made


def _logspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: Any = None,
    axis: int = 0,
    ctx: Any = None,
) -> Symbol:
    attributes = {"start": start, "stop": stop, "num": num, "endpoint": endpoint, "base": base}
    return _numpy("_npi_logspace", [], attributes | {"dtype": dtype or "float32"})


def _histogram(
    a: Symbol,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    normed: None = None,
    weights: None = None,
    density: None = None,
) -> Symbol:
    if normed or density or weights is not None:
        raise NotImplementedError("histogram: normed, weights and density are not supported")
    if isinstance(bins, Symbol):
        return _numpy("_npi_histogram", [a, bins], {})
    return _numpy("_npi_histogram", [a], {"bin_cnt": bins, "range": range})


def _sort(a: Symbol, axis: int = -1, kind: None = None, order: None = None) -> Symbol:
    return _numpy("_npi_sort", [a], {"axis": axis, "is_ascend": True})


def _argsort(a: Symbol, axis: int = -1, kind: None = None, order: None = None) -> Symbol:
    attributes = {"axis": axis, "is_ascend": True, "dtype": "int64"}
    return _numpy("_npi_argsort", [a], attributes)


def _pinv(a: Symbol, rcond: Any = 1e-15, hermitian: bool = False) -> Symbol:
    if isinstance(rcond, Symbol):
        return _numpy("_npi_pinv", [a, rcond], {"hermitian": hermitian})
    return _numpy("_npi_pinv_scalar_rcond", [a], {"rcond": rcond, "hermitian": hermitian})


WRITTEN: dict[str, Callable[..., Any]] = {
    **{name: _of_two(name) for name in ("add", "multiply", "equal", "not_equal", "lcm")},
    **{name: _of_two(name) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: _of_two(name) for name in ("maximum", "minimum")},
    **{
        name: _of_two(name, f"r{name}")
        for name in ("subtract", "true_divide", "mod", "power", "arctan2", "copysign", "ldexp")
    },
    "divide": _of_two("true_divide", "rtrue_divide"),
    "remainder": _of_two("mod", "rmod"),
    "greater": _of_two("greater", "less"),
    "less": _of_two("less", "greater"),
    "greater_equal": _of_two("greater_equal", "less_equal"),
    "less_equal": _of_two("less_equal", "greater_equal"),
    "append": _append,
    "argsort": _argsort,
    "around": _around,
    "array_split": _split,
    "average": _average,
    "bincount": _bincount,
    "concatenate": _concatenate,
    "delete": _delete,
    "deg2rad": _each("_npi_radians"),
    "dsplit": _split_along(2),
    "ediff1d": _ediff1d,
    "einsum": _einsum,
    "empty_like": _filled_like(0.0, "prototype"),
    "fabs": _each("_npi_absolute"),
    "fliplr": _flip_along(1),
    "flipud": _flip_along(0),
    "full": _full,
    "histogram": _histogram,
    "hsplit": _split_along(1),
    "identity": _identity,
    "inner": _inner,
    "insert": _insert,
    "invert": _each("_npi_bitwise_not"),
    "linspace": _linspace,
    "logspace": _logspace,
    "ones_like": _filled_like(1.0, "a"),
    "outer": _outer,
    "pad": _pad,
    "percentile": _percentile,
    "quantile": _quantile,
    "rad2deg": _each("_npi_degrees"),
    "ravel": _ravel,
    "round": _around,
    "round_": _around,
    "row_stack": _row_stack,
    "sort": _sort,
    "split": _split,
    "tensordot": _tensordot,
    "vdot": _vdot,
    "vsplit": _split_along(0),
    "where": _where,
    "zeros_like": _filled_like(0.0, "a"),
}
LINALG = {"norm": _norm, "pinv": _pinv}

# NumPy's name of a parameter, and those of operators: behind a colon, the functions.
_RENAMED = """
data=a: argmax argmin clip expand_dims swapaxes
data=m: flip rot90 tril
data=x: nan_to_num
data=A: tile
data=ar: unique
data=arr: diag_indices_from
data=arrays: stack vstack hstack dstack
data=tup: column_stack
data=arys: atleast_1d atleast_2d atleast_3d
dim1=axis1: swapaxes
dim2=axis2: swapaxes
A=a: cholesky det eig eigh eigvals eigvalsh inv slogdet solve svd
B=b: solve
a_axes=axes: tensorsolve
"""


def _renamed() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in _RENAMED.strip().splitlines():
        pair, functions = line.split(":")
        old, new = pair.split("=")
        for function in functions.split():
            found.setdefault(function, {})[new] = old
    return found


PARAMETERS = _renamed()
