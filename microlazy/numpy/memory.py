"""What lies in memory: shared memory, packed bits."""

from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import as_array

__all__ = [
    "may_share_memory",
    "packbits",
    "shares_memory",
    "unpackbits",
]


def _shared(function: Callable[..., bool], known: Callable[..., Any], summary: str) -> Any:
    def shared(a: Any, b: Any, max_work: int | None = None) -> bool:
        found = known(a, b)
        return bool(function(onp.asarray(a), onp.asarray(b))) if found is None else found

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


may_share_memory = _shared(
    onp.may_share_memory, _f.may_share_memory, "may have an element in common"
)
shares_memory = _shared(onp.shares_memory, _f.shares_memory, "have an element in common")


def packbits(a: Any, axis: int | None = None, bitorder: str = "big") -> ndarray:
    """Pack eight elements at a time, as booleans, into the bits of one uint8.

    Examples
    --------
    >>> from microlazy import np
    >>> np.packbits(np.array([1, 0, 1], dtype="uint8"))
    array([160], dtype=uint8)
    """
    if bitorder == "big" or bitorder == "little":
        bits = _f.packed_bits(a, axis, bitorder == "little")
        if bits is not None:
            return bits
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
    if count is None and (bitorder == "big" or bitorder == "little"):
        bits = _f.unpacked_bits(a, axis, bitorder == "little")
        if bits is not None:
            return bits
    options = {"axis": axis, "count": count, "bitorder": bitorder}
    return call(onp.unpackbits, [as_array(a)], options)
