"""What lies in memory: shared memory, packed bits, and the text of arrays."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as onp

from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import as_array

__all__ = [
    "array2string",
    "array_repr",
    "array_str",
    "get_printoptions",
    "may_share_memory",
    "packbits",
    "printoptions",
    "set_printoptions",
    "shares_memory",
    "unpackbits",
]


def _shared(function: Callable[..., bool], summary: str) -> Any:
    def shared(a: Any, b: Any, max_work: int | None = None) -> bool:
        return bool(function(onp.asarray(a), onp.asarray(b)))

    name = function.__name__
    shared.__name__ = shared.__qualname__ = name
    shared.__doc__ = f"""Return whether two arrays {summary}; `max_work` changes nothing.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.zeros(4)
    >>> np.{name}(x, x[1:3])
    True
    """
    return shared


may_share_memory = _shared(onp.may_share_memory, "may have an element in common")
shares_memory = _shared(onp.shares_memory, "have an element in common")


def packbits(a: Any, axis: int | None = None, bitorder: str = "big") -> ndarray:
    """Return the truth of eight elements at a time as the bits of one uint8.

    Examples
    --------
    >>> from microlazy import np
    >>> np.packbits(np.array([1, 0, 1], dtype="uint8"))
    array([160], dtype=uint8)
    """
    return call(onp.packbits, [as_array(a)], {"axis": axis, "bitorder": bitorder})


def unpackbits(
    a: Any, axis: int | None = None, count: int | None = None, bitorder: str = "big"
) -> ndarray:
    """Return the bits of uint8 elements as zeros and ones, also uint8.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unpackbits(np.array([160], dtype="uint8"), count=3)
    array([1, 0, 1], dtype=uint8)
    """
    options = {"axis": axis, "count": count, "bitorder": bitorder}
    return call(onp.unpackbits, [as_array(a)], options)


# ---- text ----------------------------------------------------------------------------------------


def array_repr(arr: Any) -> str:
    """Return the text with which an array could be made again.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array_repr(np.ones(2))
    'array([1., 1.])'
    """
    return repr(as_array(arr))


def array_str(a: Any) -> str:
    """Return the elements as text.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array_str(np.ones(2))
    '[1. 1.]'
    """
    return str(as_array(a))


def array2string(a: Any, *args: Any, **options: Any) -> str:
    """Return the elements as text, with the options of `numpy.array2string`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array2string(np.ones(2), separator=";")
    '[1.;1.]'
    """
    return onp.array2string(onp.asarray(a), *args, **options)


def set_printoptions(*args: Any, **options: Any) -> None:
    """Set how arrays are printed, NumPy's and ours, with the options of `numpy.set_printoptions`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.set_printoptions(precision=8)
    """
    onp.set_printoptions(*args, **options)


def get_printoptions() -> dict[str, Any]:
    """Return how arrays are printed.

    Examples
    --------
    >>> from microlazy import np
    >>> np.get_printoptions()["precision"]
    8
    """
    return dict(onp.get_printoptions())


def printoptions(*args: Any, **options: Any) -> AbstractContextManager[Any]:
    """Return a scope in which arrays are printed with other options.

    Examples
    --------
    >>> from microlazy import np
    >>> with np.printoptions(precision=2):
    ...     print(np.array([0.123]))
    [0.12]
    """
    return onp.printoptions(*args, **options)
