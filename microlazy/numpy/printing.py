"""How arrays are printed."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as onp

from microlazy.numpy.arguments import as_array

__all__ = [
    "array2string",
    "array_repr",
    "array_str",
    "get_printoptions",
    "printoptions",
    "set_printoptions",
]


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
