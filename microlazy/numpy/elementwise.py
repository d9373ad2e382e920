"""Functions of each element: mathematics, logic, choosing and rounding."""

import numbers
from functools import partial
from typing import Any

import numpy as onp

from microlazy.base import ShapeError, not_an_array
from microlazy.core import functions as _f
from microlazy.core import places
from microlazy.core.array import ndarray
from microlazy.core.creation import constant_like
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import NP, as_array, as_arrays, as_operands, written
from microlazy.numpy.sorting import nonzero
from microlazy.ops.elementwise import functions_of

_MADE = functions_of("np", as_operands)
globals().update(_MADE)

__all__ = [
    *_MADE,
    "allclose",
    "around",
    "array_equal",
    "array_equiv",
    "clip",
    "conj",
    "conjugate",
    "imag",
    "isclose",
    "iscomplex",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "nan_to_num",
    "real",
    "round",
    "round_",
    "where",
]


# ---- logic ---------------------------------------------------------------------------------------

_TRUTH_DOC = """{summary}, for each {what}.

    Parameters
    ----------
    {inputs} : array_like
    out : ndarray of bool, optional
    where : bool or array of bool
        Which elements of `out` are written; it needs `out`.
    dtype : optional
        bool.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{call}
    array({result})
    """


def _test(name: str, summary: str, example: str, result: str) -> Any:
    number = getattr(onp, name)

    def function(
        x: Any, out: ndarray | None = None, *, where: Any = True, dtype: Any = None
    ) -> ndarray:
        plain = out is None and where is True
        if plain and dtype is None and isinstance(x, Tensor):
            return test(x)  # type: ignore[arg-type]
        if plain and isinstance(x, (numbers.Number, onp.generic)):
            return number(x)
        if plain and dtype is None:
            return test(as_array(x))
        return _f.with_options(name, test, [as_array(x)], out, where, dtype, "same_kind", "K")

    def test(x: ndarray) -> ndarray:
        if name in ("isnan", "isinf", "isfinite"):
            return _f.test(name, x)
        if name in ("isreal", "iscomplex"):
            return constant_like(x, name == "isreal", "bool")
        found = _f.loop_of(number, x)
        return call(number, [x]) if found is None else found

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _TRUTH_DOC.format(
        summary=summary,
        what="element",
        inputs="x",
        call=f"{name}(np.array([1, {example}]))",
        result=result,
    )
    return function


isnan = _test("isnan", "Whether it is not a number", "np.nan", "[False,  True]")
isinf = _test("isinf", "Whether it is infinite", "np.inf", "[False,  True]")
isfinite = _test("isfinite", "Whether it is neither infinite nor nan", "np.inf", "[ True, False]")
isposinf = _test("isposinf", "Whether it is plus infinity", "np.inf", "[False,  True]")
isneginf = _test("isneginf", "Whether it is minus infinity", "-np.inf", "[False,  True]")
isreal = _test("isreal", "Whether it has no imaginary part: always true", "2", "[ True,  True]")
iscomplex = _test("iscomplex", "Whether it has an imaginary part: never", "2", "[False, False]")


def _logical(name: str, summary: str, result: str) -> Any:
    def function(
        x1: Any, x2: Any, out: ndarray | None = None, *, where: Any = True, dtype: Any = None
    ) -> ndarray:
        if not isinstance(x1, Tensor):
            x1, x2 = as_array(x2), x1
        if out is None and where is True and dtype is None:
            return _f.logical(name, x1, x2)
        test = partial(_f.logical, name)
        return _f.with_options(name, test, [x1, x2], out, where, dtype, "same_kind", "K")

    function.__name__ = function.__qualname__ = f"logical_{name}"
    function.__doc__ = _TRUTH_DOC.format(
        summary=summary,
        what="pair of elements",
        inputs="x1, x2",
        call=f"logical_{name}(np.array([1, 0]), np.array([1, 1]))",
        result=result,
    )
    return function


logical_and = _logical("and", "Whether both are true", "[ True, False]")
logical_or = _logical("or", "Whether one or both are true", "[ True,  True]")
logical_xor = _logical("xor", "Whether exactly one is true", "[False,  True]")


def logical_not(
    x: Any, out: ndarray | None = None, *, where: Any = True, dtype: Any = None
) -> ndarray:
    """Return whether each element is 0.

    Examples
    --------
    >>> from microlazy import np
    >>> np.logical_not(np.array([1, 0]))
    array([False,  True])
    """
    if isinstance(x, Tensor) and out is None and where is True and dtype is None:
        return _f.logical("not", x)  # type: ignore[return-value]
    test = partial(_f.logical, "not")
    return _f.with_options("not", test, [as_array(x)], out, where, dtype, "same_kind", "K")


def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> ndarray:
    """Return whether abs(a - b) <= atol + rtol * abs(b), for each pair of elements.

    Parameters
    ----------
    a, b : array_like
    rtol, atol : float or array_like
        Arrays are broadcast with a and b.
    equal_nan : bool
        Whether nan is close to nan.

    Examples
    --------
    >>> from microlazy import np
    >>> np.isclose(np.array([1, 2]), np.array([1.000001, 2.1]))
    array([ True, False])
    """
    found = places.isclose(a, b, rtol, atol, equal_nan)
    if found is not None:
        return found
    inputs = [*as_arrays([a, b]), *(_f.to_array(NP, limit, "float64") for limit in (rtol, atol))]
    return call(onp.isclose, inputs, {"equal_nan": equal_nan})


def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether `isclose` holds everywhere.

    Examples
    --------
    >>> from microlazy import np
    >>> np.allclose(np.array([1, 2]), np.array([1, 2.1]))
    False
    """
    return bool(onp.asarray(isclose(a, b, rtol, atol, equal_nan)).all())


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """Return whether two arrays have the same shape and elements.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array_equal(np.array([1, 2]), np.array([1, 2]))
    True
    """
    found = None if equal_nan else places.array_equal(a1, a2)
    if found is not None:
        return found
    return bool(onp.array_equal(onp.asarray(a1), onp.asarray(a2), equal_nan))


def array_equiv(a1: Any, a2: Any) -> bool:
    """Return whether two arrays are equal once they are broadcast to one shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array_equiv(np.array([1, 2]), np.array([[1, 2], [1, 2]]))
    True
    """
    if not (isinstance(a1, ndarray) and isinstance(a2, ndarray)):
        return bool(onp.array_equiv(onp.asarray(a1), onp.asarray(a2)))
    try:
        equal = a1 == a2
    except ShapeError:
        return False
    return bool(_f.truth("all", equal))


# ---- choosing and rounding -----------------------------------------------------------------------


def where(condition: ndarray, x: Any = None, y: Any = None) -> Any:
    """Return x where the condition holds, else y; without them, the places where it holds.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([-1, 2])
    >>> np.where(x > 0, x, 0)
    array([0., 2.])
    >>> np.where(x > 0)
    (array([1], dtype=int64),)
    """
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        try:
            return _f.where(condition, x, y)
        except TypeError:  # which costs nothing where the condition is an array
            if isinstance(condition, Tensor):
                raise
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: give both x and y, or none of them")
    return _f.where(_condition(condition), *as_operands(x, y))


def _condition(condition: Any) -> ndarray:
    if isinstance(condition, (list, tuple, numbers.Number, onp.ndarray, onp.generic)):
        return _f.to_array(NP, condition, "bool")
    if not isinstance(condition, Tensor):
        raise not_an_array("where", condition)
    return condition  # type: ignore[return-value]


def clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: ndarray | None = None,
    *,
    min: Any = None,
    max: Any = None,
) -> ndarray:
    """Limit the elements to [a_min, a_max].

    Parameters
    ----------
    a : array_like
    a_min, a_max : number or array_like, optional
        None for no limit; `min` and `max` are other names of them. A number beyond those of an
        integer dtype limits nothing.
    out : ndarray, optional

    Examples
    --------
    >>> from microlazy import np
    >>> np.clip(np.array([-1, 0.5, 2]), 0, 1)
    array([0. , 0.5, 1. ])
    """
    a = as_array(a)
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    if a.dtype.kind in "iu":
        limits = onp.iinfo(a.dtype)
        low = None if isinstance(low, int) and low < limits.min else low
        high = None if isinstance(high, int) and high > limits.max else high
    if low is None and high is None:
        return written(out, a.copy())
    return written(out, _f.clip(*as_operands(a, low, high)))


def round(x: Any, decimals: int = 0, out: ndarray | None = None) -> Any:
    """Round to whole numbers or `decimals` places, halves to even.

    Examples
    --------
    >>> from microlazy import np
    >>> np.round(np.array([0.6, 2.5]))
    array([1., 2.])
    """
    if isinstance(x, (int, float, onp.number)):
        return onp.round(x, decimals)
    x = as_array(x)
    if x.dtype.kind != "f" and decimals >= 0:
        return written(out, x.copy())
    return written(out, _f.round(x, decimals))


around = round_ = round


def nan_to_num(
    x: Any,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> ndarray:
    """Return the elements with numbers in place of nan and of the infinities.

    Parameters
    ----------
    x : array_like
    copy : bool
        False writes into x.
    nan, posinf, neginf : float, optional
        0, and the largest and the smallest number of the dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.nan_to_num(np.array([1, np.nan, np.inf]), posinf=9)
    array([1., 0., 9.])
    """
    x = as_array(x)
    y = x
    if x.dtype.kind == "f":
        limits = onp.finfo(x.dtype)
        above = float(limits.max) if posinf is None else posinf
        below = float(limits.min) if neginf is None else neginf
        for mask, number in ((isnan(x), nan), (x == onp.inf, above), (x == -onp.inf, below)):
            y = _f.where(mask, number, y)
    if copy:
        return y if y is not x else x.copy()
    if y is not x:
        x[...] = y
    return x


def real(val: Any) -> ndarray:
    """Return the real part, which is the array itself.

    Examples
    --------
    >>> from microlazy import np
    >>> np.real(np.array([1, 2]))
    array([1., 2.])
    """
    return as_array(val)


conj = conjugate = real


def imag(val: Any) -> ndarray:
    """Return the imaginary part: zeros.

    Examples
    --------
    >>> from microlazy import np
    >>> np.imag(np.array([1, 2]))
    array([0., 0.])
    """
    return constant_like(as_array(val), 0)
