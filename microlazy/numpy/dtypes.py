"""Dtypes and what may be asked about them."""

import numbers
from functools import lru_cache
from typing import Any

import numpy as onp
from numpy import dtype, iinfo

from microlazy.core import creation as _creation
from microlazy.core.tensor import Tensor

__all__ = [
    "can_cast",
    "dtype",
    "finfo",
    "iinfo",
    "isdtype",
    "isscalar",
    "issubdtype",
    "iscomplexobj",
    "isrealobj",
    "min_scalar_type",
    "promote_types",
    "result_type",
]


class finfo:
    """What there is to know about a floating dtype, as in NumPy, in Python's floats.

    Parameters
    ----------
    dtype : dtype, str or array

    Examples
    --------
    >>> from microlazy import np
    >>> np.finfo("float32").eps
    1.1920928955078125e-07
    """

    def __init__(self, dtype: Any) -> None:
        self._numbers = onp.finfo(dtype.dtype if isinstance(dtype, Tensor) else dtype)

    def __getattr__(self, name: str) -> Any:
        if name == "_numbers":  # not there yet, as in a copy
            raise AttributeError(name)
        value = getattr(self._numbers, name)
        return float(value) if isinstance(value, onp.floating) else value

    def __reduce__(self) -> Any:
        return finfo, (self._numbers.dtype,)

    def __repr__(self) -> str:
        return repr(self._numbers)


def promote_types(type1: Any, type2: Any) -> onp.dtype:
    """Return the dtype of a result of two dtypes, as operators find it.

    Of a float and an integer dtype that is the float dtype, whatever the sizes, as in MXNet.

    Examples
    --------
    >>> from microlazy import np
    >>> np.promote_types("float32", "int64")
    dtype('float32')
    """
    return _creation.promote_types(type1, type2)


def result_type(*arrays_and_dtypes: Any) -> onp.dtype:
    """Return the dtype of a result of arrays, dtypes and numbers.

    A number does not widen a dtype of its kind; a float beside integers makes them float32.

    Examples
    --------
    >>> from microlazy import np
    >>> np.result_type(np.ones(1, dtype="int8"), np.float64, 2)
    dtype('float64')
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: give at least one array or dtype")
    return _creation.result_type(arrays_and_dtypes)


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Return whether an array or a dtype may become another dtype by NumPy's rules.

    Examples
    --------
    >>> from microlazy import np
    >>> np.can_cast("int32", "int64"), np.can_cast("float64", "float32")
    (True, False)
    """
    if type(from_) is str and type(to) is str and type(casting) is str:
        return _cast_of_names(from_, to, casting)
    return onp.can_cast(from_.dtype if isinstance(from_, Tensor) else from_, to, casting)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether a dtype is of a kind, such as "integral", or a certain dtype, or one of some.

    Kinds are "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex
    floating" and "numeric".

    Examples
    --------
    >>> from microlazy import np
    >>> np.isdtype(np.dtype("float32"), ("integral", np.float32))
    True
    """
    if isinstance(dtype, (type, onp.dtype)) and type(kind) is str:
        return _is_of_kind(dtype, kind)
    return onp.isdtype(onp.dtype(dtype), kind)


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Return whether a dtype is of a kind in NumPy's tree of types.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> np.issubdtype("float32", numpy.floating)
    True
    """
    if type(arg1) is str and isinstance(arg2, type):
        return _is_below(arg1, arg2)
    return onp.issubdtype(arg1, arg2)


# What NumPy says of names and types does not change, so it is asked once.
_cast_of_names = lru_cache(onp.can_cast)
_least_dtype = lru_cache(onp.min_scalar_type)
_is_below = lru_cache(onp.issubdtype)


@lru_cache
def _is_of_kind(dtype: Any, kind: str) -> bool:
    return onp.isdtype(onp.dtype(dtype), kind)


def min_scalar_type(a: Any) -> onp.dtype:
    """Return NumPy's smallest dtype that holds a number, or an array's own.

    Examples
    --------
    >>> from microlazy import np
    >>> np.min_scalar_type(3)
    dtype('uint8')
    """
    if type(a) is int:
        return _least_dtype(a)
    return a.dtype if isinstance(a, Tensor) else onp.min_scalar_type(a)


def isscalar(element: Any) -> bool:
    """Return whether something is a number or a string, and not an array.

    Examples
    --------
    >>> from microlazy import np
    >>> np.isscalar(3.0), np.isscalar(np.array(3.0))
    (True, False)
    """
    kind = type(element)  # what is asked about most often, as another check takes longer
    if kind is float or kind is int:
        return True
    return isinstance(element, (onp.generic, numbers.Number, str, bytes))


def isrealobj(x: Any) -> bool:
    """Return whether something has no complex dtype, which no array of ours has.

    Examples
    --------
    >>> from microlazy import np
    >>> np.isrealobj(np.ones(1)), np.isrealobj(1j)
    (True, False)
    """
    return not iscomplexobj(x)


def iscomplexobj(x: Any) -> bool:
    """Return whether something has a complex dtype, which no array of ours has.

    Examples
    --------
    >>> from microlazy import np
    >>> np.iscomplexobj(np.ones(1)), np.iscomplexobj(1j)
    (False, True)
    """
    return not isinstance(x, Tensor) and onp.iscomplexobj(x)
