"""Statistics of the elements that are numbers."""

from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import lines
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy import statistics as _s
from microlazy.numpy.arguments import as_array

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]

_DOC = """{summary}, as if nan were not there.

    The arguments are those of `{plain}`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([1, np.nan, 3]))
    array({result})
    """


def _is_number(a: ndarray) -> ndarray:
    return _f.logical("not", _f.test("isnan", a))


def _filled(name: str, summary: str, result: str, neutral: float) -> Callable[..., ndarray]:
    """A function that nan cannot change once it is the neutral number."""
    plain = getattr(_s, name[3:])

    def function(a: ndarray, *args: Any, **options: Any) -> ndarray:
        a = as_array(a)
        return plain(_f.where(_is_number(a), a, neutral), *args, **options)

    return _named(function, name, summary, result)


def _named(
    function: Callable[..., ndarray], name: str, summary: str, result: str
) -> Callable[..., ndarray]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(summary=summary, plain=name[3:], name=name, result=result)
    return function


nansum = _filled("nansum", "The sum", "4.", 0)
nanprod = _filled("nanprod", "The product", "3.", 1)
nancumsum = _filled("nancumsum", "Running sums", "[1., 1., 4.]", 0)
nancumprod = _filled("nancumprod", "Running products", "[1., 1., 3.]", 1)


def _chosen(name: str, summary: str, result: str) -> Callable[..., ndarray]:
    """A function that takes `where`."""
    plain = getattr(_s, name[3:])

    def function(a: ndarray, *args: Any, where: Any = None, **options: Any) -> ndarray:
        a = as_array(a)
        numbers = _is_number(a)
        if where is not None:
            numbers = _f.logical("and", numbers, _s._mask(where, a))
        return plain(a, *args, where=numbers, **options)

    return _named(function, name, summary, result)


nanmean = _chosen("nanmean", "The mean", "2.")


def _spread(name: str, summary: str, result: str) -> Callable[..., ndarray]:
    """A variance: nan where there are no more numbers than ddof, as in NumPy."""
    plain = getattr(_s, name[3:])

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
        a = as_array(a)
        numbers = _is_number(a)
        if where is not None:
            numbers = _f.logical("and", numbers, _s._mask(where, a))
        found = plain(
            a, axis, dtype, None, ddof, keepdims, where=numbers, mean=mean, correction=correction
        )
        least = ddof if correction is None else correction
        enough = _f.reduction("sum", numbers, axis, keepdims) > least
        found = _f.where(enough, found, onp.nan)
        return found if out is None else _f.write_into(out, found)

    return _named(function, name, summary, result)


nanvar = _spread("nanvar", "The variance", "1.")
nanstd = _spread("nanstd", "The standard deviation", "1.")


def _extreme(name: str, summary: str, result: str, last: float) -> Callable[..., ndarray]:
    plain = getattr(_s, name[3:])

    def function(
        a: ndarray,
        axis: Any = None,
        out: ndarray | None = None,
        keepdims: bool = False,
        initial: float | None = None,
        where: Any = None,
    ) -> ndarray:
        if out is None and not keepdims and initial is None and where is None:
            small = lines.extreme(a, axis, name == "nanmax")
            if small is not None:
                return small
        a = as_array(a)
        if a.dtype.kind != "f":
            return plain(a, axis, out, keepdims, initial, where)
        numbers = _is_number(a)
        found = plain(_f.where(numbers, a, last), axis, None, keepdims, initial, where)
        if initial is None:
            found = _f.where(_f.truth("any", numbers, axis, keepdims), found, onp.nan)
        return found if out is None else _f.write_into(out, found)

    return _named(function, name, summary, result)


nanmax = _extreme("nanmax", "The largest element", "3.", -onp.inf)
nanmin = _extreme("nanmin", "The smallest element", "1.", onp.inf)


def _place(name: str, summary: str, result: str) -> Callable[..., ndarray]:
    numpy_function = getattr(onp, name)

    def function(
        a: ndarray, axis: int | None = None, out: ndarray | None = None, *, keepdims: bool = False
    ) -> ndarray:
        if out is None and not keepdims:
            small = lines.place_of_extreme(a, axis, name == "nanargmax")
            if small is not None:
                return small
        options = {"axis": axis, "keepdims": keepdims}
        places = call(numpy_function, [as_array(a)], options, dtype="int64")
        return places if out is None else _f.write_into(out, places)

    return _named(function, name, summary, result)


nanargmax = _place("nanargmax", "The place of the largest element", "2, dtype=int64")
nanargmin = _place("nanargmin", "The place of the smallest element", "0, dtype=int64")
