"""What the functions of np take: arrays, lists and numbers, contexts, places for results."""

from collections.abc import Iterable
from typing import Any

import numpy as onp

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.tensor import Tensor

NP = 1
_MOST_NESTED = 64  # as in NumPy; a list may hold itself


def beside(dtype: Any, kind: str) -> onp.dtype:
    """Return the dtype of a result of an array and numbers of a kind: numbers do not widen.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.numpy.arguments import beside
    >>> beside(numpy.dtype("int8"), "i"), beside(numpy.dtype("int8"), "f")
    (dtype('int8'), dtype('float32'))
    """
    if kind == "f":
        return dtype if dtype.kind == "f" else onp.dtype("float32")
    return onp.dtype("int64") if dtype.kind == "b" and kind != "b" else dtype


def as_array(x: Any, other: Any = None) -> ndarray:
    """Return an array itself; make one of anything else.

    Lists and numbers beside another array take its dtype, as far as it can hold them: whole numbers
    that small integers cannot hold are int64. Else the rules are those of `np.array`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.numpy.arguments import as_array
    >>> as_array([1, 2]), as_array([1, 2], np.ones(1, dtype="int8"))
    (array([1., 2.]), array([1, 2], dtype=int8))
    """
    return x if isinstance(x, Tensor) else _made(x, other)  # type: ignore[return-value]


def _made(x: Any, other: Any) -> ndarray:
    if x is None:
        raise TypeError("expected an array, numbers or nested lists of them, not None")
    if isinstance(other, Tensor) and not isinstance(x, (onp.ndarray, onp.generic)):
        if type(x) is float and other.dtype.kind == "f":
            return _f.new_array(NP, (), other.dtype, x)
        kind = kind_of(x)
        if kind in "biuf":
            dtype = beside(onp.dtype(other.dtype), kind)
            return _f.to_array(NP, x, dtype if _holds(dtype, x) else "int64")
    return _f.to_array(NP, x)


def _holds(dtype: onp.dtype, x: Any) -> bool:
    """Whether whole numbers, or lists of them, are in the range of a dtype of small integers."""
    if dtype.kind not in "iu" or dtype.itemsize == 8 or isinstance(x, Tensor):
        return True
    if isinstance(x, (list, tuple)) and any(isinstance(item, Tensor) for item in x):
        return all(_holds(dtype, item) for item in x)
    numbers = onp.asarray(x)
    return bool((numbers.astype(dtype) == numbers).all())


def kind_of(x: Any, depth: int = 0) -> str:
    """Return the kind of NumPy's dtype that a number or nested lists of arrays and numbers have.

    It is "O", of objects, where no array can be made of them.

    Examples
    --------
    >>> from microlazy.numpy.arguments import kind_of
    >>> kind_of([[1], [2.5]]), kind_of(True)
    ('f', 'b')
    """
    if not isinstance(x, (list, tuple)) or not any(isinstance(item, Tensor) for item in x):
        try:
            return onp.asarray(x).dtype.kind
        except ValueError:
            return "O"
    if depth > _MOST_NESTED:
        return "O"
    kinds = [onp.dtype(i.dtype).kind if isinstance(i, Tensor) else kind_of(i, depth + 1) for i in x]
    return next((kind for kind in "fiub" if kind in kinds), "O")


def as_arrays(xs: Iterable[Any]) -> list[ndarray]:
    """Return `as_array` of each, beside the first that is one already.

    Examples
    --------
    >>> from microlazy.numpy.arguments import as_arrays
    >>> as_arrays([1, [2]])
    [array(1.), array([2.])]
    """
    items = list(xs)
    if _f.are_arrays(items):
        return items
    other = next((x for x in items if isinstance(x, Tensor)), None)
    return [as_array(x, other) for x in items]


def need_array(what: str, x: Any) -> None:
    """Refuse what cannot be written to in place.

    Raises
    ------
    TypeError
        If `x` is neither an array nor one of NumPy's.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.numpy.arguments import need_array
    >>> need_array("put", np.zeros(2))
    """
    if not isinstance(x, (Tensor, onp.ndarray)):
        raise TypeError(f"{what}: expected an array, not {type(x).__name__}")


def as_operands(*xs: Any) -> list[Any]:
    """Return arrays and numbers as they are, and `as_arrays` of lists and of NumPy's arrays.

    Examples
    --------
    >>> from microlazy.numpy.arguments import as_operands
    >>> as_operands([1], 2)
    [array([1.]), 2]
    """
    for x in xs:
        if isinstance(x, (list, tuple, onp.ndarray)):
            break
    else:
        return list(xs)
    other = next((x for x in xs if isinstance(x, Tensor)), None)
    return [as_array(x, other) if isinstance(x, (list, tuple, onp.ndarray)) else x for x in xs]


def as_places(x: Any) -> ndarray:
    """Return an array itself; an int64 array of numbers and lists that serve as an index.

    Examples
    --------
    >>> from microlazy.numpy.arguments import as_places
    >>> as_places([1, 2])
    array([1, 2], dtype=int64)
    """
    if isinstance(x, Tensor):
        return x  # type: ignore[return-value]
    places = onp.asarray(x)
    if places.dtype.kind not in "iub" and places.size:
        raise IndexError(f"places must be integers, not {places.dtype}")
    return _f.from_numpy_result(NP, places, "int64")


def on_cpu(ctx: Context | None, device: Any = None) -> Context | None:
    """Return the context that was asked for, if any; refuse a device that is not the CPU.

    Examples
    --------
    >>> from microlazy.numpy.arguments import on_cpu
    >>> on_cpu(None, "cpu")
    """
    check_ctx(ctx)
    if device is None or device == "cpu":
        return ctx
    check_ctx(device)
    return device if ctx is None else ctx


def written(out: ndarray | None, result: ndarray) -> ndarray:
    """Return the result, or `out` after the result was written into it.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.numpy.arguments import written
    >>> written(np.zeros(1), np.ones(1))
    array([1.])
    """
    return result if out is None else _f.write_into(out, result)


def whole(x: Any) -> onp.ndarray:
    """Return numbers that count or place something in NumPy's int64, as they must be known now.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.numpy.arguments import whole
    >>> whole(np.array([1, 2]))
    array([1, 2])
    """
    values = onp.asarray(x)
    if isinstance(x, Tensor) or not values.size:
        values = values.astype("int64")
    return values
